"""Widgets for text that is only text: never markup, never an unsanitized string."""

from __future__ import annotations

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from engine.safe_text import SafeText, sanitize
from screens.keys.bindings import bindings

Part = SafeText | tuple[SafeText, str]
"""Text, or text with a style such as `bold $waiting`."""

NOTHING = sanitize("")
NEW_LINE = sanitize("\n", multiline=True)


def content(*parts: Part) -> Content:
    """Plain content of sanitized parts."""
    return Content.assemble(*parts)


class Plain(Static):
    """Shows sanitized text. Showing what is shown already draws nothing."""

    def __init__(
        self,
        text: SafeText = NOTHING,
        *,
        id: str | None = None,  # noqa: A002 - Textual's own name
        classes: str | None = None,
    ) -> None:
        self._parts: tuple[Part, ...] = (text,)
        super().__init__(Content(text), markup=False, id=id, classes=classes)

    def show(self, *parts: Part) -> None:
        """Replace the text."""
        if parts != self._parts:
            self._parts = parts
            self.update(content(*parts))


class TextPane(VerticalScroll, can_focus=True, inherit_bindings=False):
    """A scrolling pane for long text."""

    HELP = "A text that scrolls. It holds what is shown only: nothing in it can be changed."
    BINDINGS = bindings("text.")

    def action_scroll_down(self) -> None:
        """One line down, without animation."""
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
