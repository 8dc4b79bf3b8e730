"""Numbers over time in one line, of blocks that every terminal has, that of the Linux console as well."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

STEPS = "_▄█"


def sparkline(numbers: Sequence[int], cells: int) -> str:
    """Oldest first; each cell stands for as many numbers, as high as their sum. None is a blank."""
    if not numbers or cells <= 0:
        return ""
    cells = min(cells, len(numbers))
    edges = [place * len(numbers) // cells for place in range(cells + 1)]
    sums = [sum(numbers[first:stop]) for first, stop in pairwise(edges)]
    highest = max(sums)
    return "".join(STEPS[-(-len(STEPS) * one // highest) - 1] if one > 0 else " " for one in sums)
