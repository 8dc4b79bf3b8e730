"""Keys that scroll a text, the same for every part that shows one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import ScrollableContainer
from textual.widget import Widget

from screens.keys.bindings import bindings

if TYPE_CHECKING:
    from textual.geometry import Size
    from textual.scroll_view import ScrollView


def grow(view: ScrollView, size: Size) -> None:
    """What it shows takes so much space now. Said in Textual's usual way, the whole screen would be laid out
    again for each line.
    """
    if size != view.virtual_size:
        view.set_reactive(Widget.virtual_size, size)
        view._scroll_update(size)  # noqa: SLF001 - what Textual itself does then, without the layout


class ScrollKeys(ScrollableContainer, can_focus=True, inherit_bindings=False):
    """A part that scrolls by these keys at once, without animation."""

    BINDINGS = bindings("text.")
    HELP = "A text that scrolls. It holds what is shown only: nothing in it can be changed."

    def action_scroll_down(self) -> None:
        """One line down."""
        self.scroll_relative(y=1, animate=False)

    def action_scroll_up(self) -> None:
        """One line up."""
        self.scroll_relative(y=-1, animate=False)

    def action_scroll_home(self) -> None:
        """First line."""
        self.scroll_home(animate=False)

    def action_scroll_end(self) -> None:
        """Last line."""
        self.scroll_end(animate=False)

    def action_half_down(self) -> None:
        """Half a page down."""
        self.scroll_relative(y=max(1, self.size.height // 2), animate=False)

    def action_half_up(self) -> None:
        """Half a page up."""
        self.scroll_relative(y=-max(1, self.size.height // 2), animate=False)
