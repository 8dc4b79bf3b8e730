"""Long text by line: only what is visible is drawn, on as many lines as it takes or cut at the edge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from engine.safe_text import SafeText, sanitize
from screens.keys.bindings import bindings
from screens.widgets.breaking import cut
from screens.widgets.scrolling import ScrollKeys, grow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.geometry import Region

_SIDEWAYS = 8
MOST_LINES = 10_000
"""Of a text that grows; the oldest go."""


def safe_lines(text: str) -> list[SafeText]:
    """Each line of a text, sanitized alone: a plain one is free."""
    return [
        sanitize(line, multiline=True, limit=max(1, 16 * len(line)))
        for line in text.replace("\r\n", "\n").split("\n")
    ]


class TextLines(ScrollKeys, ScrollView):
    """A pane for text of any length."""

    HELP = (
        "A text that scrolls, its long lines broken. Where {run.wrap} is a key of the screen it cuts them at "
        "the edge, or breaks them again; {lines.left} and {lines.right} move along those that are cut."
    )
    BINDINGS = bindings("lines.")
    DEFAULT_CSS = "TextLines { scrollbar-size-vertical: 1; scrollbar-size-horizontal: 0; }"

    def __init__(
        self,
        lines: Sequence[SafeText] = (),
        *,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._lines = list(lines)
        self._heights: list[int] = []
        """How many lines of the screen each line takes."""
        self._drawn: list[str] = []
        self._coming: tuple[SafeText, ...] = ()
        self._drawn_coming: list[str] = []
        self._wrapped = True
        self._sideways = 0
        self._laid_out_for = 0
        self._style: Style | None = None
        self._to_end = False
        self._found: int | None = None
        """The line that a search has found."""
        self._found_rows = range(0)

    @property
    def _width(self) -> int:
        return max(1, self.scrollable_content_region.width)

    def show(self, lines: Sequence[SafeText]) -> None:
        """Another text, from its top."""
        self._lines = list(lines)
        self._sideways, self._to_end, self._found = 0, False, None
        self._lay_out()
        self.scroll_home(animate=False)

    def extend(self, lines: Sequence[SafeText], *, to_end: bool) -> bool:
        """More lines at the end, which comes into view; whether older ones had to go."""
        self._lines += lines
        too_many = max(0, len(self._lines) - MOST_LINES)
        del self._lines[:too_many]
        if self._found is not None:
            self._found = self._found - too_many if self._found >= too_many else None
        if self._laid_out_for != self._width:
            self._lay_out()
        else:
            self._draw(lines)
            self._let_go(too_many, stay=not to_end)
        self._to_end = to_end
        if to_end:
            self._scroll_to_end()
        return too_many > 0

    def show_coming(self, lines: Sequence[SafeText], *, to_end: bool) -> None:
        """What stands behind the text for now: lines that are still being written."""
        if tuple(lines) == self._coming:
            return
        self._coming = tuple(lines)
        self._draw(())
        self._to_end = to_end
        if to_end:
            self._scroll_to_end()

    def find(self, words: str, by: int) -> bool:
        """Show and mark the next line that has these words, or the one before; False when none has them.

        It goes on around the ends. The first search begins with the lines in view.
        """
        wanted, count = words.casefold(), len(self._lines)
        at = self._in_view() - by if self._found is None else self._found
        for step in range(1, count + 1):
            place = (at + by * step) % count
            column = self._lines[place].casefold().find(wanted)
            if column >= 0:
                self._found, self._to_end = place, False
                self._note_found()
                if not self._wrapped and not 0 <= column - self._sideways < self.size.width:
                    self._sideways = max(0, column - self.size.width // 2)
                self.scroll_to(y=max(0, self._found_rows.start - self.size.height // 3), animate=False)
                self.refresh()
                return True
        return False

    def forget_found(self) -> None:
        """No line is marked any more; the next search begins with those in view."""
        self._found = None
        self._note_found()
        self.refresh()

    def toggle_wrap(self) -> None:
        """Break long lines, or cut them at the edge."""
        self._wrapped = not self._wrapped
        self._sideways = 0
        self._lay_out()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Lines of the screen, all in one style: to work it out takes longer than to draw a line."""
        self._style = self.rich_style
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        if y == 0 and self._laid_out_for != self._width:
            # A part that comes into view is not always told its size.
            self.call_later(self._lay_out)
        index = y + self.scroll_offset.y
        behind = index - len(self._drawn)
        if behind >= len(self._drawn_coming):
            return Strip.blank(self.size.width, self._style)
        text = self._drawn[index] if behind < 0 else self._drawn_coming[behind]
        style = self._style
        if index in self._found_rows:
            style = Style(reverse=True) if style is None else style + Style(reverse=True)
        strip = Strip([Segment(text, style)])
        if self._sideways:
            strip = strip.crop(self._sideways, self._sideways + self.size.width)
        return strip.adjust_cell_length(self.size.width, self._style)

    def on_resize(self, _event: events.Resize) -> None:
        """Another width, other breaks; the end stays in view where it was to be."""
        self._lay_out()
        if self._to_end:
            self._scroll_to_end()

    def action_left(self) -> None:
        """Back towards the beginning of lines that are cut."""
        self._move_sideways(-_SIDEWAYS)

    def action_right(self) -> None:
        """On along lines that are cut."""
        self._move_sideways(_SIDEWAYS)

    def _move_sideways(self, by: int) -> None:
        if not self._wrapped:
            longest = max(map(cell_len, self._lines), default=0)
            self._sideways = max(0, min(self._sideways + by, longest - self.size.width + 1))
            self.refresh()

    def _lay_out(self) -> None:
        self._laid_out_for = self._width
        self._drawn, self._heights = [], []
        self._draw(self._lines)

    def _draw(self, lines: Sequence[SafeText]) -> None:
        for line in lines:
            pieces = self._on_screen(line)
            self._heights.append(len(pieces))
            self._drawn += pieces
        self._drawn_coming = [piece for line in self._coming for piece in self._on_screen(line)]
        self._has_grown()

    def _let_go(self, count: int, *, stay: bool) -> None:
        """The first lines go; who reads further below stays where they read."""
        if not count:
            return
        gone = sum(self._heights[:count])
        del self._heights[:count], self._drawn[:gone]
        self._has_grown()
        if stay:
            self.scroll_to(y=max(0, self.scroll_offset.y - gone), animate=False, immediate=True)

    def _in_view(self) -> int:
        """The first line of which something is in view."""
        row = 0
        for place, height in enumerate(self._heights):
            row += height
            if row > self.scroll_offset.y:
                return place
        return 0

    def _note_found(self) -> None:
        if self._found is None:
            self._found_rows = range(0)
        else:
            first = sum(self._heights[: self._found])
            self._found_rows = range(first, first + self._heights[self._found])

    def _has_grown(self) -> None:
        self._note_found()
        grow(self, Size(self._laid_out_for, len(self._drawn) + len(self._drawn_coming)))
        self.refresh()

    def _scroll_to_end(self) -> None:
        # At once: a frame later the text would be drawn twice.
        self.scroll_end(animate=False, immediate=True)

    def _on_screen(self, line: SafeText) -> list[str]:
        return cut(line, self._laid_out_for) if self._wrapped else [line]
