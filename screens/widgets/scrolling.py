"""Keys that scroll a text, the same for every part that shows one."""

from __future__ import annotations

from textual.containers import ScrollableContainer

from screens.keys.bindings import bindings


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
