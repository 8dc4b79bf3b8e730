"""A table that draws only its visible lines and keeps its cursor on the same row when rows come and go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from screens.actions import bindings
from screens.columns import GAP, Column, Placed, place
from screens.status_words import Tone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events

    from engine.safe_text import SafeText

_CURSOR_SYMBOL = "▌"
_GUTTER = 2
_HEADER = 1


@dataclass(frozen=True, slots=True)
class Cell:
    """Sanitized text of one line, and how loud it is."""

    text: SafeText
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Row:
    """One row; `key` names what it stands for and is unique in the table."""

    key: str
    cells: tuple[Cell, ...]


class RowTable(ScrollView, can_focus=True, inherit_bindings=False):
    """Rows in memory, drawn by line: a screenful costs the same whatever the length of the list."""

    BINDINGS = bindings("list.")
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "row-table--header",
        "row-table--cursor",
        *(f"row-table--{tone}" for tone in Tone),
    }
    DEFAULT_CSS = """
    RowTable {
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        & > .row-table--header { color: $quiet; text-style: bold; }
        & > .row-table--cursor { background: $cursor-blurred; }
        &:focus > .row-table--cursor { background: $cursor; text-style: bold; }
        & > .row-table--quiet { color: $quiet; }
        & > .row-table--good { color: $good; }
        & > .row-table--busy { color: $busy; }
        & > .row-table--waiting { color: $waiting; text-style: bold; }
        & > .row-table--bad { color: $bad; text-style: bold; }
    }
    """

    @dataclass
    class Highlighted(Message):
        """The cursor came to another row, or what is under it changed; empty when there is none."""

        table: RowTable
        key: str

        @property
        def control(self) -> RowTable:
            """The table, for `@on` selectors."""
            return self.table

    @dataclass
    class Opened(Message):
        """Enter or a click on the row under the cursor."""

        table: RowTable
        key: str

        @property
        def control(self) -> RowTable:
            """The table, for `@on` selectors."""
            return self.table

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        id: str | None = None,  # noqa: A002 - Textual's own name
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._columns = tuple(columns)
        self._rows: tuple[Row, ...] = ()
        self._cursor = 0
        self._placed: tuple[Placed, ...] = ()

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows as shown."""
        return self._rows

    @property
    def cursor_key(self) -> str:
        """The key under the cursor, empty when the table is."""
        return self._rows[self._cursor].key if self._rows else ""

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Other columns, or other titles for them."""
        if tuple(columns) != self._columns:
            self._columns = tuple(columns)
            self._place()

    def show(self, rows: Sequence[Row]) -> None:
        """Replace the rows; the cursor stays on its row, and that row stays at its height."""
        before, self._rows = self._rows, tuple(rows)
        if before == self._rows:
            return
        key_before = before[self._cursor].key if before else ""
        found = next((index for index, row in enumerate(self._rows) if row.key == key_before), None)
        moved = 0
        if found is not None:
            moved, self._cursor = found - self._cursor, found
        else:
            self._cursor = max(0, min(self._cursor, len(self._rows) - 1))
        offset_before = self.scroll_offset.y
        self.virtual_size = Size(self.size.width, len(self._rows) + _HEADER)
        if moved and offset_before > 0:
            self.scroll_to(y=offset_before + moved, animate=False, force=True)
        if not moved and self.scroll_offset.y == offset_before and len(before) == len(self._rows):
            self._refresh_changed(before)
        else:
            self._keep_cursor_in_view()
            self.refresh()
        if self.cursor_key != key_before:
            self.post_message(self.Highlighted(self, self.cursor_key))

    def move_to(self, key: str) -> bool:
        """Put the cursor on the row of this key; False when there is none."""
        for index, row in enumerate(self._rows):
            if row.key == key:
                self._move_cursor(index)
                return True
        return False

    def action_cursor_down(self) -> None:
        """One row down."""
        self._move_cursor(self._cursor + 1)

    def action_cursor_up(self) -> None:
        """One row up."""
        self._move_cursor(self._cursor - 1)

    def action_cursor_top(self) -> None:
        """First row."""
        self._move_cursor(0)

    def action_cursor_bottom(self) -> None:
        """Last row."""
        self._move_cursor(len(self._rows) - 1)

    def action_half_down(self) -> None:
        """Half a page down."""
        self._move_cursor(self._cursor + max(1, self.size.height // 2))

    def action_half_up(self) -> None:
        """Half a page up."""
        self._move_cursor(self._cursor - max(1, self.size.height // 2))

    def action_open(self) -> None:
        """Open what is under the cursor."""
        if self._rows:
            self.post_message(self.Opened(self, self.cursor_key))

    def step(self, by: int) -> None:
        """Move the cursor by rows, around the ends."""
        if self._rows:
            self._move_cursor((self._cursor + by) % len(self._rows))

    def render_line(self, y: int) -> Strip:
        """One line of the screen: the header stays, rows scroll under it."""
        if y < _HEADER:
            return self._header()
        index = y - _HEADER + self.scroll_offset.y
        if index >= len(self._rows):
            return Strip.blank(self.size.width, self.rich_style)
        return self._line(index)

    def on_resize(self, _event: events.Resize) -> None:
        """Columns share the new width; the cursor stays in view."""
        self._place()
        self._keep_cursor_in_view()

    def on_click(self, event: events.Click) -> None:
        """A click puts the cursor on a row; a click on the row under the cursor opens it."""
        index = event.y - _HEADER + self.scroll_offset.y
        if event.y >= _HEADER and 0 <= index < len(self._rows):
            if index == self._cursor:
                self.action_open()
            self._move_cursor(index)

    def _place(self) -> None:
        self._placed = place(self._columns, max(0, self.scrollable_content_region.width - _GUTTER))
        self.virtual_size = Size(self.size.width, len(self._rows) + _HEADER)
        self.refresh()

    def _move_cursor(self, index: int) -> None:
        index = max(0, min(index, len(self._rows) - 1))
        if index == self._cursor or not self._rows:
            return
        before, self._cursor = self._cursor, index
        self._keep_cursor_in_view()
        for changed in (before, index):
            self.refresh_line(changed + _HEADER)
        self.post_message(self.Highlighted(self, self.cursor_key))

    def _keep_cursor_in_view(self) -> None:
        visible = self.size.height - _HEADER
        if visible <= 0:
            return
        top = self.scroll_offset.y
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False, force=True)
        elif self._cursor >= top + visible:
            self.scroll_to(y=self._cursor - visible + 1, animate=False, force=True)

    def _refresh_changed(self, before: Sequence[Row]) -> None:
        top = self.scroll_offset.y
        for index in range(top, min(len(self._rows), top + self.size.height)):
            if self._rows[index] != before[index]:
                self.refresh_line(index + _HEADER)

    def _header(self) -> Strip:
        style = self.rich_style + self.get_component_rich_style("row-table--header", partial=True)
        gap = " " * GAP
        text = gap.join(set_cell_size(column.title, column.width) for column in self._placed)
        gutter = Segment(" " * _GUTTER, style)
        return Strip([gutter, Segment(text, style)]).adjust_cell_length(self.size.width, style)

    def _line(self, index: int) -> Strip:
        row, base = self._rows[index], self.rich_style
        under_cursor = index == self._cursor
        if under_cursor:
            base += self.get_component_rich_style("row-table--cursor", partial=True)
        segments = [Segment((_CURSOR_SYMBOL if under_cursor else " ").ljust(_GUTTER), base)]
        for place_number, column in enumerate(self._placed):
            if place_number:
                segments.append(Segment(" " * GAP, base))
            cell = row.cells[column.index]
            segments.append(Segment(fit(cell.text, column.width), base + self._tone(cell.tone)))
        return Strip(segments).adjust_cell_length(self.size.width, base)

    def _tone(self, tone: Tone) -> Style:
        if tone is Tone.PLAIN:
            return Style.null()
        return self.get_component_rich_style(f"row-table--{tone}", partial=True)


def fit(text: str, width: int) -> str:
    """Text on one line of exactly `width` cells; what does not fit ends in an ellipsis."""
    line = text[: 2 * width].replace("\n", " ")
    if len(line) == len(text) and cell_len(line) <= width:
        return set_cell_size(line, width)
    return set_cell_size(line, width - 1) + "…" if width > 1 else set_cell_size(line, width)
