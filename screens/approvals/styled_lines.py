"""Lines of any number inside a scrolling pane: all of them are there, only those in view are drawn."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from rich.cells import chop_cells
from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from engine.safe_text import SafeText

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.geometry import Size


class Ink(StrEnum):
    """How a line is written."""

    PLAIN = "plain"
    NAME = "name"
    QUIET = "quiet"
    ADDED = "added"
    REMOVED = "removed"


Line = tuple[SafeText, Ink]


class StyledLines(Widget):
    """As high as its lines, which are broken where they do not fit and never cut."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"lines--{ink}" for ink in Ink}
    DEFAULT_CSS = """
    StyledLines {
        height: auto;
        & > .lines--name { text-style: bold; }
        & > .lines--quiet { color: $quiet; }
        & > .lines--added { color: $good; }
        & > .lines--removed { color: $bad; }
    }
    """

    def __init__(self, *, classes: str) -> None:
        super().__init__(classes=classes)
        self._lines: tuple[Line, ...] = ()
        self._laid_out: tuple[int, list[tuple[str, Ink]]] = (0, [])

    @property
    def text(self) -> str:
        """All lines."""
        return "\n".join(text for text, _ in self._lines)

    def show(self, lines: Sequence[Line]) -> None:
        """Other lines; showing what is shown draws nothing."""
        if tuple(lines) != self._lines:
            self._lines, self._laid_out = tuple(lines), (0, [])
            self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many as they are when they are this wide."""
        return len(self._broken(width))

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        width, base = self.size.width, self.rich_style
        lines = self._broken(width)
        if y >= len(lines):
            return Strip.blank(width, base)
        text, ink = lines[y]
        style = base + self.get_component_rich_style(f"lines--{ink}", partial=True)
        return Strip([Segment(text, style)]).adjust_cell_length(width, base)

    def _broken(self, width: int) -> list[tuple[str, Ink]]:
        if self._laid_out[0] != width:
            pieces = [(piece, ink) for text, ink in self._lines for piece in _pieces(text, max(1, width))]
            self._laid_out = (width, pieces)
        return self._laid_out[1]


def _pieces(text: SafeText, width: int) -> list[str]:
    if text.isascii():
        return [text[start : start + width] for start in range(0, len(text), width)] or [""]
    return chop_cells(text, width)
