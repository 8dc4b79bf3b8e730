"""The share of an error budget that was left over time, as lines of blocks. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

FULL, HALF, EMPTY = "█", "▄", " "
"""Blocks that every terminal has, that of the Linux console as well."""


def budget_plot(shares: Sequence[float | None], width: int, height: int) -> list[str]:
    """Lines from the top, each `width` cells: what was left stands as a column of its height.

    The last column is the last share. What is not known, and what was used up, is empty.
    """
    if not shares or width <= 0:
        return [EMPTY * max(0, width)] * height
    seen = (shares[min(len(shares) - 1, _index(cell, len(shares), width))] for cell in range(width))
    columns = [_halves(share, height) for share in seen]
    return ["".join(_block(halves - 2 * below) for halves in columns) for below in reversed(range(height))]


def _index(cell: int, points: int, width: int) -> int:
    return ((cell + 1) * points + width - 1) // width - 1


def _halves(share: float | None, height: int) -> int:
    """How many half cells high; a little that is left is seen."""
    if share is None or share <= 0:
        return 0
    return max(1, round(min(1.0, share) * 2 * height))


def _block(halves: int) -> str:
    return FULL if halves >= 2 else HALF if halves == 1 else EMPTY
