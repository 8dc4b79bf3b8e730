"""A table of very many things that are all in memory: a row is made when it is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from screens.widgets.tables.line_table import LineTable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from screens.widgets.tables.columns import Column
    from screens.widgets.tables.rows import Row


@dataclass(frozen=True, slots=True)
class RowToMake:
    """A row that is not made yet; `key` is that of the row."""

    key: str
    make: Callable[[], Row]


class MadeTable(LineTable):
    """Ten thousand rows cost what a screenful does. The cursor stays on its row when others come and go."""

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        id: str | None = None,
    ) -> None:
        super().__init__(columns, id=id)
        self._wanted: Sequence[RowToMake] = ()
        self._made: dict[int, Row] = {}

    @property
    def row_count(self) -> int:
        """How many rows there are."""
        return len(self._wanted)

    @property
    def cursor_key(self) -> str:
        """The key under the cursor; empty when the table is."""
        return self._wanted[self._cursor].key if self._cursor < len(self._wanted) else ""

    def row_at(self, index: int) -> Row | None:
        """The row at this place."""
        if not 0 <= index < len(self._wanted):
            return None
        if index not in self._made:
            self._made[index] = self._wanted[index].make()
        return self._made[index]

    def show(self, rows: Sequence[RowToMake], place: int | None = None) -> None:
        """Replace the rows; the cursor stays on its row, and that row stays at its height. `place` is where
        the row under the cursor stands by now, for who knows that; else it is looked for."""
        before, key, cursor = self._picture(), self.cursor_key, self._cursor
        self._wanted, self._made = rows, {}
        if place is None:
            place = next((place for place, row in enumerate(rows) if row.key == key), cursor)
        self._rows_changed(place, place - cursor)
        self._draw_changes(before)
        if self.cursor_key != key:
            self.post_message(self.Highlighted(self, self.cursor_key))
