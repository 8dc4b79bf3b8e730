"""A table of rows that are all in memory; the cursor stays on its row when others come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from screens.widgets.tables.line_table import LineTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from screens.widgets.tables.columns import Column
    from screens.widgets.tables.rows import Row


class RowTable(LineTable):
    """A short list: all its rows are in memory."""

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(columns, id=id, classes=classes)
        self._rows: tuple[Row, ...] = ()

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows as shown."""
        return self._rows

    @property
    def row_count(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    def row_at(self, index: int) -> Row | None:
        """The row at this place."""
        return self._rows[index] if 0 <= index < len(self._rows) else None

    def show(self, rows: Sequence[Row]) -> None:
        """Replace the rows; the cursor stays on its row, and that row stays at its height."""
        before, key, cursor = self._picture(), self.cursor_key, self._cursor
        self._rows = tuple(rows)
        found = next((index for index, row in enumerate(self._rows) if row.key == key), cursor)
        self._rows_changed(found, found - cursor)
        self._draw_changes(before)
        if self.cursor_key != key:
            self.post_message(self.Highlighted(self, self.cursor_key))

    def move_to(self, key: str) -> bool:
        """Put the cursor on the row of this key; False when there is none."""
        for index, row in enumerate(self._rows):
            if row.key == key:
                self.go_to(index)
                return True
        return False
