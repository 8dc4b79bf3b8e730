"""How columns share a width: fixed ones first, what is left to the flexible, the least needed go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from screens.widgets.tables.rows import Cut

if TYPE_CHECKING:
    from collections.abc import Sequence

GAP = 1


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `width` is its least width in cells; `flex` its share of what is left over.

    Columns with a higher `rank` leave first when the table is too narrow; rank 0 stays.
    """

    title: str
    width: int
    flex: int = 0
    rank: int = 0
    room: int = 0
    """Cells that the flexible columns have to have left over, or this one leaves."""
    cut: Cut = Cut.END


@dataclass(frozen=True, slots=True)
class PlacedColumn:
    """A column that is drawn: its place in a row's cells, and its width now."""

    index: int
    title: str
    width: int
    cut: Cut = Cut.END


def place(columns: Sequence[Column], width: int) -> tuple[PlacedColumn, ...]:
    """The columns that fit into `width` cells, left to right, with their widths."""
    kept = list(enumerate(columns))
    while _needed(kept) + _room(kept) > width and any(column.rank for _, column in kept):
        last_rank = max(column.rank for _, column in kept)
        kept = [(index, column) for index, column in kept if column.rank != last_rank]
    spare = max(0, width - _needed(kept))
    shares = sum(column.flex for _, column in kept)
    placed: list[PlacedColumn] = []
    for index, column in kept:
        extra = spare * column.flex // shares if shares else 0
        spare -= extra
        shares -= column.flex
        placed.append(PlacedColumn(index, column.title, column.width + extra, column.cut))
    return tuple(placed)


def _room(kept: Sequence[tuple[int, Column]]) -> int:
    return max((column.room for _, column in kept), default=0)


def _needed(kept: Sequence[tuple[int, Column]]) -> int:
    return sum(column.width for _, column in kept) + GAP * max(0, len(kept) - 1)
