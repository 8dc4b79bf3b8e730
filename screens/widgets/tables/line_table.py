"""A table that draws only its visible lines, whatever its length; subclasses know the rows."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, ClassVar

from rich.cells import set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from screens.keys.bindings import bindings
from screens.widgets.scrolling import grow
from screens.widgets.status_labels import Tone
from screens.widgets.tables.columns import GAP, Column, PlacedColumn, place
from screens.widgets.tables.rows import Row, fit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.geometry import Region


HEADER = 1
"""Lines above the rows."""

GUTTER = 2
"""Cells before the first column: the cursor and the mark."""

_CURSOR_SYMBOL = "▌"
_MARK_SYMBOL = "*"
_NOT_READ = "…"
"""Stands where a row is that has not been read yet."""


@dataclass(frozen=True, slots=True)
class LineState:
    """What one line of the screen shows."""

    row: Row | None
    under_cursor: bool


class LineTable(ScrollView, can_focus=True, inherit_bindings=False):
    """Draws rows by line: a screenful costs the same whatever the length of the list.

    Subclasses say how many rows there are and which row stands where. Rows in `selected` (keys) get a sign.
    """

    HELP = (
        "A list. The row with ▌ is the one that keys act on; it stays under the cursor when rows come and go."
    )
    BINDINGS = bindings("list.")
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "line-table--header",
        "line-table--cursor",
        *(f"line-table--{tone}" for tone in Tone),
    }
    DEFAULT_CSS = """
    LineTable {
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size: 0 1;
        scrollbar-gutter: stable;
        & > .line-table--header { color: $quiet; text-style: bold; }
        & > .line-table--cursor { background: $cursor-blurred; }
        &:focus > .line-table--cursor { background: $cursor; text-style: bold; }
        & > .line-table--quiet { color: $quiet; }
        & > .line-table--good { color: $good; }
        & > .line-table--busy { color: $busy; }
        & > .line-table--waiting { color: $waiting; text-style: bold; }
        & > .line-table--bad { color: $bad; text-style: bold; }
    }
    """

    @dataclass
    class Highlighted(Message):
        """The cursor came to another row, or what is under it changed; empty when there is none."""

        table: LineTable
        key: str

        @property
        def control(self) -> LineTable:
            """The table, for `@on` selectors."""
            return self.table

    @dataclass
    class Opened(Message):
        """Enter or a click on the row under the cursor."""

        table: LineTable
        key: str

        @property
        def control(self) -> LineTable:
            """The table, for `@on` selectors."""
            return self.table

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._columns = tuple(columns)
        self.selected: set[str] = set()
        self._cursor = 0
        self._places: tuple[PlacedColumn, ...] = ()
        self._placed_for: tuple[tuple[Column, ...], int] = ((), 0)
        self._style = Style.null()

    @property
    @abstractmethod
    def row_count(self) -> int:
        """How many rows there are."""

    @abstractmethod
    def row_at(self, index: int) -> Row | None:
        """The row at this place; None while it is not known, and where there is none."""

    @property
    def cursor_row(self) -> int:
        """Where the cursor is, from 0."""
        return self._cursor

    @property
    def cursor_key(self) -> str:
        """The key under the cursor; empty when the table is, or its row is not known yet."""
        row = self.row_at(self._cursor)
        return row.key if row else ""

    @property
    def visible_rows(self) -> tuple[Row, ...]:
        """The rows on the screen, as far as they are known."""
        known = (self.row_at(index) for index in range(*self._visible()))
        return tuple(row for row in known if row is not None)

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Other columns, or other titles for them."""
        if tuple(columns) != self._columns:
            self._columns = tuple(columns)
            self._place()

    def action_cursor_down(self) -> None:
        """One row down."""
        self.go_to(self._cursor + 1)

    def action_cursor_up(self) -> None:
        """One row up."""
        self.go_to(self._cursor - 1)

    def action_cursor_top(self) -> None:
        """First row."""
        self.go_to(0)

    def action_cursor_bottom(self) -> None:
        """Last row."""
        self.go_to(self.row_count - 1)

    def action_half_down(self) -> None:
        """Half a page down."""
        self.go_to(self._cursor + max(1, self.size.height // 2))

    def action_half_up(self) -> None:
        """Half a page up."""
        self.go_to(self._cursor - max(1, self.size.height // 2))

    def action_open(self) -> None:
        """Open what is under the cursor."""
        if self.row_at(self._cursor) is not None:
            self.post_message(self.Opened(self, self.cursor_key))

    def go_to(self, index: int) -> None:
        """Put the cursor on the row at this place, or the nearest there is."""
        index = max(0, min(index, self.row_count - 1))
        if index == self._cursor or not self.row_count:
            return
        before = self._picture()
        self._cursor = index
        self._keep_cursor_in_view()
        self._draw_changes(before)
        self.post_message(self.Highlighted(self, self.cursor_key))

    def toggle_selected(self) -> None:
        """Mark the row under the cursor or take its mark away, and go on to the next row."""
        if key := self.cursor_key:
            self.selected ^= {key}
            self.refresh_line(self._cursor + HEADER)
            self.action_cursor_down()

    def select_rows(self, keys: set[str]) -> None:
        """Mark the rows of these keys and no others."""
        if keys != self.selected:
            self.selected = keys
            self.refresh()

    def step(self, by: int) -> None:
        """Move the cursor by rows, around the ends."""
        if self.row_count:
            self.go_to((self._cursor + by) % self.row_count)

    def render_line(self, y: int) -> Strip:
        """One line of the screen: the header stays, rows scroll under it."""
        if y < HEADER:
            return self._header()
        index = y - HEADER + self.scroll_offset.y
        if index >= self.row_count:
            return Strip.blank(self.size.width, self._style)
        return self._line(index)

    def on_resize(self, _event: events.Resize) -> None:
        """Columns share the new width; the cursor stays in view."""
        self._place()
        self._keep_cursor_in_view()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Lines of the screen, all in one style: to work it out takes longer than to draw a line."""
        self._style = self.rich_style
        return super().render_lines(crop)

    def on_click(self, event: events.Click) -> None:
        """A click puts the cursor on a row; a click on the row under the cursor opens it."""
        index = event.y - HEADER + self.scroll_offset.y
        if event.y >= HEADER and 0 <= index < self.row_count:
            if index == self._cursor:
                self.action_open()
            self.go_to(index)

    @property
    def _placed(self) -> tuple[PlacedColumn, ...]:
        """The columns for the width of now: a part that comes into view is not always told its size."""
        wanted = (self._columns, max(0, self.scrollable_content_region.width - GUTTER))
        if wanted != self._placed_for:
            self._placed_for, self._places = wanted, place(*wanted)
        return self._places

    def _place(self) -> None:
        self._grow()
        self.refresh()

    def _grow(self) -> None:
        """It has so many rows now."""
        size = Size(self.size.width, self.row_count + HEADER)
        if self.has_class("-empty"):
            self.virtual_size = size  # it gets its height by a layout: before that they would not fit
        else:
            grow(self, size)

    def _visible(self) -> tuple[int, int]:
        """The first place on the screen, and the one after the last."""
        top = self.scroll_offset.y
        return top, max(top, min(self.row_count, top + self.size.height - HEADER))

    def _picture(self) -> list[LineState]:
        first, stop = self._visible()
        rows = [(index, self.row_at(index)) for index in range(first, stop)]
        return [LineState(row, index == self._cursor) for index, row in rows]

    def _draw_changes(self, before: Sequence[LineState]) -> None:
        """Draw the lines that do not show any more what they showed in the picture before."""
        top = self.scroll_offset.y
        for line, (old, new) in enumerate(zip_longest(before, self._picture())):
            if old != new:
                self.refresh_line(top + line + HEADER)

    def _rows_changed(self, cursor: int, moved: int) -> None:
        """Other rows: the cursor goes there, its row `moved` by so many and keeps its height on the screen.

        A list that shows its first row keeps showing it, so that new rows on top are seen.
        """
        first = self.scroll_offset.y
        in_view = first <= self._cursor < first + self.size.height - HEADER
        self._cursor = max(0, min(cursor, self.row_count - 1))
        self._grow()
        if moved and first > 0:
            self.scroll_to(y=first + moved, animate=False, force=True)
        if in_view:
            self._keep_cursor_in_view()

    def _keep_cursor_in_view(self) -> None:
        visible = self.size.height - HEADER
        if visible <= 0:
            return
        top = self.scroll_offset.y
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False, force=True)
        elif self._cursor >= top + visible:
            self.scroll_to(y=self._cursor - visible + 1, animate=False, force=True)

    def _header(self) -> Strip:
        style = self._style + self.get_component_rich_style("line-table--header", partial=True)
        gap = " " * GAP
        text = gap.join(set_cell_size(column.title, column.width) for column in self._placed)
        gutter = Segment(" " * GUTTER, style)
        return Strip([gutter, Segment(text, style)]).adjust_cell_length(self.size.width, style)

    def _line(self, index: int) -> Strip:
        row, base = self.row_at(index), self._style
        under_cursor = index == self._cursor
        if under_cursor:
            base += self.get_component_rich_style("line-table--cursor", partial=True)
        mark = _MARK_SYMBOL if row is not None and row.key in self.selected else " "
        segments = [Segment((_CURSOR_SYMBOL if under_cursor else " ") + mark, base)]
        if row is None:
            segments.append(Segment(_NOT_READ, base + self._tone(Tone.QUIET)))
            return Strip(segments).adjust_cell_length(self.size.width, base)
        for place_number, column in enumerate(self._placed):
            if place_number:
                segments.append(Segment(" " * GAP, base))
            cell = row.cells[column.index]
            text = fit(cell.text, column.width, column.cut)
            segments.append(Segment(text, base + self._tone(cell.tone)))
        return Strip(segments).adjust_cell_length(self.size.width, base)

    def _tone(self, tone: Tone) -> Style:
        if tone is Tone.PLAIN:
            return Style.null()
        return self.get_component_rich_style(f"line-table--{tone}", partial=True)
