"""Lines of any number inside a scrolling pane: all of them are there, only those in view are drawn."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len, chop_cells
from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from engine.safe_text import SafeText

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.geometry import Size


class Ink(StrEnum):
    """The role of a line's text; a theme gives each its style."""

    PLAIN = "plain"
    NAME = "name"
    QUIET = "quiet"
    ADDED = "added"
    REMOVED = "removed"


Line = tuple[SafeText, Ink]
CONTINUED = "┆ "
"""Before what goes on of a line that was broken."""
_SIGNS_PER_CELL = 4
"""Marks above letters take no cell of their own."""
_NEAR = 16
"""Cells of a line that may stay empty so that it ends with a word."""


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
            self._layout_updates += 1  # as in Plain
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
    """The line in pieces, broken at a space where one is near. What goes on says so, so that no text can
    look like a line of its own."""
    if cell_len(text) <= width:
        return [text]
    margin = " " * min(len(text) - len(text.lstrip(" ")), width // 4) + CONTINUED
    pieces: list[str] = []
    at = 0
    while at < len(text):
        mark = margin if pieces and len(margin) < width else ""
        room = width - len(mark)
        piece = chop_cells(text[at : at + room * _SIGNS_PER_CELL], room)[0]
        if at + len(piece) < len(text):
            piece = piece[: _break_of(piece)]
        pieces.append(mark + piece)
        at += len(piece)
    return pieces


def _break_of(piece: str) -> int:
    """Behind the last space, unless that would leave much of the line empty."""
    space = piece.rfind(" ") + 1
    return space if len(piece) - space <= _NEAR and piece[:space].strip() else len(piece)
