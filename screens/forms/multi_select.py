"""Several of the values of an enum: a short list of boxes, one row each."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from engine.safe_text import sanitize
from screens.keys.bindings import bindings
from screens.widgets.tables.rows import fit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events

MOST_ROWS = 8
"""Rows on the screen at once."""


class MultiSelect(ScrollView, can_focus=True, inherit_bindings=False):
    """Space switches the box under the cursor; `picked` holds the places of the ticked ones."""

    BINDINGS = bindings(
        "list.down", "list.up", "list.top", "list.bottom", "list.half_down", "list.half_up", "form.toggle"
    )
    HELP = "Several of these values: {form.toggle} ticks the one under the cursor, [x] is taken."
    COMPONENT_CLASSES: ClassVar[set[str]] = {"picks--cursor"}
    DEFAULT_CSS = """
    MultiSelect {
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        & > .picks--cursor { text-style: none; }
        &:focus > .picks--cursor { background: $cursor; text-style: bold; }
    }
    """

    class Changed(Message):
        """A box was switched."""

        def __init__(self, picks: MultiSelect) -> None:
            super().__init__()
            self.picks = picks

        @property
        def control(self) -> MultiSelect:
            """The widget, as other inputs name theirs."""
            return self.picks

    def __init__(self, labels: Sequence[str], picked: Sequence[int]) -> None:
        super().__init__()
        self._labels = [sanitize(label, limit=500) for label in labels]
        self.picked = sorted(picked)
        self._cursor = 0
        self.styles.height = min(MOST_ROWS, len(labels))

    def on_mount(self) -> None:
        """As many lines as there are values."""
        self.virtual_size = Size(1, len(self._labels))

    def render_line(self, y: int) -> Strip:
        """One box and its label."""
        place = y + self.scroll_offset.y
        if place >= len(self._labels):
            return Strip.blank(self.size.width, self.rich_style)
        style = self.rich_style
        if place == self._cursor:
            style += self.get_component_rich_style("picks--cursor", partial=True)
        box = "[x]" if place in self.picked else "[ ]"
        line = fit(f" {box} {self._labels[place]}", self.size.width)
        return Strip([Segment(line, style)], self.size.width)

    def on_click(self, event: events.Click) -> None:
        """A click switches the box it hits."""
        place = event.y + self.scroll_offset.y
        if 0 <= place < len(self._labels):
            self._go(place)
            self.action_toggle_button()

    def action_toggle_button(self) -> None:
        """Switch the box under the cursor."""
        self.picked = sorted({*self.picked} ^ {self._cursor})
        self.refresh()
        self.post_message(self.Changed(self))

    def action_cursor_down(self) -> None:
        """Next box."""
        self._go(self._cursor + 1)

    def action_cursor_up(self) -> None:
        """Box before."""
        self._go(self._cursor - 1)

    def action_cursor_top(self) -> None:
        """First box."""
        self._go(0)

    def action_cursor_bottom(self) -> None:
        """Last box."""
        self._go(len(self._labels) - 1)

    def action_half_down(self) -> None:
        """Half a page down."""
        self._go(self._cursor + MOST_ROWS // 2)

    def action_half_up(self) -> None:
        """Half a page up."""
        self._go(self._cursor - MOST_ROWS // 2)

    def _go(self, place: int) -> None:
        self._cursor = max(0, min(place, len(self._labels) - 1))
        top = self.scroll_offset.y
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False, force=True)
        elif self._cursor >= top + self.size.height:
            self.scroll_to(y=self._cursor - self.size.height + 1, animate=False, force=True)
        self.refresh()
