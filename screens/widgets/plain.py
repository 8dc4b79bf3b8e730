"""Widgets for text that is only text: never markup, never an unsanitized string."""

from __future__ import annotations

from rich.cells import cell_len
from rich.segment import Segment
from textual.containers import VerticalScroll
from textual.content import Content
from textual.strip import Strip
from textual.widgets import Static

from engine.safe_text import SafeText, sanitize
from screens.widgets.scrolling import ScrollKeys

Part = SafeText | tuple[SafeText, str]
"""Text, or text with a style such as `bold $waiting`."""

NOTHING = sanitize("")
NEW_LINE = sanitize("\n", multiline=True)
_CUT = "…"


def content(*parts: Part) -> Content:
    """Plain content of sanitized parts."""
    return Content.assemble(*parts)


class Plain(Static):
    """Shows sanitized text. Showing what is shown already draws nothing."""

    def __init__(
        self,
        text: SafeText = NOTHING,
        *,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        self._parts: tuple[Part, ...] = (text,)
        super().__init__(Content(text), markup=False, id=id, classes=classes)

    def show(self, *parts: Part) -> None:
        """Replace the text."""
        if parts != self._parts:
            self._parts = parts
            # Else a height that was measured while an earlier text waited for its layout would stay.
            self._layout_updates += 1
            # What has its size from elsewhere keeps it, whatever it says.
            self.update(content(*parts), layout=self.styles.auto_dimensions)

    def render_line(self, y: int) -> Strip:
        """What does not fit into the lines that it may have at the most ends in a sign."""
        strip = super().render_line(y)
        width, height = self.size
        if y != height - 1 or self.styles.max_height is None or self.visual.get_height({}, width) <= height:
            return strip
        kept = list(strip.crop(0, min(cell_len(strip.text.rstrip()), width - 1)))
        return Strip([*kept, Segment(_CUT, kept[-1].style if kept else None)])


class TextPane(ScrollKeys, VerticalScroll):
    """A scrolling pane for long text."""
