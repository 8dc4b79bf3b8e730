"""The lines of a conversation: what is folded or not read takes one, and only what is visible is drawn."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from textual.message import Message

from engine.safe_text import SafeText, sanitize
from screens.keys.bindings import bindings
from screens.run.conversation.prose import prose_begins
from screens.widgets.breaking import CONTINUED, broken, broken_at_spaces
from screens.widgets.status_labels import Tone
from screens.widgets.tables.columns import Column
from screens.widgets.tables.line_table import GUTTER, LineTable
from screens.widgets.tables.rows import Cell, Cut, Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual import events

    from screens.run.conversation.blocks import Block

_FENCES = ("│", "  →", "  ←", "  ✗")
_EDGE = 1
_LONGEST = 16_000
"""Characters of a line that is cut at the edge."""


@dataclass(frozen=True, slots=True)
class _Line:
    cells: tuple[Cell, ...]
    source: int
    """Which line of the block it is of; 0 is the heading."""


class TurnsTable(LineTable):
    """Blocks of lines, one of which is under the cursor. On the last line it follows what comes."""

    HELP = (
        "What the agent was told, its turns, what their calls brought. {list.open} or {tree.toggle} folds or "
        "unfolds a turn, {tree.fold} folds it, {talk.search} searches in all turns, {run.pending} goes to "
        "the call that asks; on the last line it follows what comes."
    )
    BINDINGS = bindings("tree.toggle", "tree.unfold", "tree.fold")

    @dataclass
    class Unread(Message):
        """Turns came into view, or are to be unfolded, that have not been read: numbers of blocks."""

        first: int
        end: int

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__((Column("", 20, flex=1, cut=Cut.CLIPPED),), id=id)
        self.blocks: list[Block] = []
        self._made: list[tuple[_Line, ...]] = []
        self._starts: list[int] = []
        self._count = 0
        self._wrapped = True
        self._made_for = 0

    @property
    def row_count(self) -> int:
        """How many lines there are."""
        return self._count

    def row_at(self, index: int) -> Row | None:
        """The line at this place."""
        if not 0 <= index < self._count:
            return None
        block, line = self.place_of(index)
        found = self._made[block][line]
        return Row(f"{block}:{line}", found.cells)

    def place_of(self, index: int) -> tuple[int, int]:
        """(number of the block, line in it) of a line."""
        block = bisect_right(self._starts, index) - 1
        return block, index - self._starts[block]

    @property
    def current(self) -> int:
        """The number of the block under the cursor."""
        return self.place_of(self._cursor)[0] if self._count else 0

    @property
    def at_end(self) -> bool:
        """Whether the cursor is on the last line."""
        return self._cursor >= self._count - 1

    def changed(self, first: int = 0, same: int = 0) -> None:
        """Blocks from this one on are other than before, where so many of its lines are the `same`; the
        cursor stays on its line, or on the last one."""
        before, at_end, width = self._picture(), self.at_end, self._text_width
        here = self.place_of(self._cursor) if self._count else (0, 0)
        if width != self._made_for:
            first = same = 0
        elif first >= len(self._made):
            first, same = len(self._made), 0
        self._made_for = width
        stays = self._made[first][: bisect_right(self._made[first], same, key=_source)] if same else ()
        del self._made[first:], self._starts[first:]
        place = self._starts[-1] + len(self._made[-1]) if first else 0
        for number, shown in enumerate(self.blocks[first:]):
            begun = stays if not number else ()
            lines = (*begun, *self._lines_of(shown, width, same if begun else 0))
            self._starts.append(place)
            self._made.append(lines)
            place += len(lines)
        old, self._count = self._cursor, place
        block, line = min(here[0], max(0, len(self._made) - 1)), here[1]
        kept = self._starts[block] + min(line, len(self._made[block]) - 1) if self._made else 0
        self._rows_changed(place - 1 if at_end else kept, 0 if at_end else kept - old)
        self._draw_changes(before)
        self.call_later(self._ask_for_visible)

    def toggle_wrap(self) -> None:
        """Break long lines, or cut them at the edge."""
        self._wrapped, self._made_for = not self._wrapped, -1
        self.changed()

    def set_open(self, number: int, *, opened: bool) -> None:
        """Fold or unfold a block; one that has not been read is asked for."""
        block = self.blocks[number]
        block.open = block.kept = opened
        if opened and block.lines is None:
            self.post_message(self.Unread(number, number + 1))
            return
        if not opened and 0 < number < len(self.blocks) - 1:
            block.lines = None
        self.changed(number)
        if self.current == number:
            self.go_to(self._starts[number])

    @property
    def source(self) -> int:
        """Which line of its block the cursor is on, however it is broken; 0 is the heading."""
        if not self._count:
            return 0
        block, line = self.place_of(self._cursor)
        return self._made[block][line].source

    def show_source(self, number: int, source: int) -> None:
        """Put the cursor on a line of a block, or on its heading."""
        lines = self._made[number]
        place = next((place for place, line in enumerate(lines) if line.source == source), 0)
        self.go_to(self._starts[number] + place)

    def action_open(self) -> None:
        """Fold or unfold the turn under the cursor."""
        self.action_toggle_fold()

    def action_toggle_fold(self) -> None:
        """Fold or unfold the turn under the cursor."""
        if self.blocks:
            self.set_open(self.current, opened=not self.blocks[self.current].open)

    def action_unfold(self) -> None:
        """Unfold the turn under the cursor; an open one: go into it."""
        if self.blocks and not self.blocks[self.current].open:
            self.set_open(self.current, opened=True)
        else:
            self.go_to(self._cursor + 1)

    def action_fold(self) -> None:
        """Fold the turn under the cursor; a folded one: go to the one before."""
        if self.blocks and self.blocks[self.current].open:
            self.set_open(self.current, opened=False)
        else:
            self.go_to(self._cursor - 1)

    def on_resize(self, event: events.Resize) -> None:
        """Another width, other breaks."""
        super().on_resize(event)
        self.changed()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Ask for what came into view."""
        super().watch_scroll_y(old_value, new_value)
        self._ask_for_visible()

    @property
    def _text_width(self) -> int:
        return max(1, self.scrollable_content_region.width - GUTTER - _EDGE)

    def _ask_for_visible(self) -> None:
        first, stop = self._visible()
        if stop <= first or stop > self._count:
            return
        blocks = range(self.place_of(first)[0], self.place_of(stop - 1)[0] + 1)
        unread = [number for number in blocks if self.blocks[number].unread]
        if unread:
            self.post_message(self.Unread(unread[0], unread[-1] + 1))

    def _lines_of(self, block: Block, width: int, after: int) -> Iterator[_Line]:
        """Those of a block after so many of its own; its heading, too, where it is after none."""
        if not after:
            tone = Tone.WAITING if block.loud else Tone.BUSY
            heading = f"{block.sign} {block.heading or '…'}"
            yield _line(heading, tone if block.heading else Tone.QUIET, 0)
        if block.open and block.lines is not None:
            begins = islice(prose_begins(block.lines), after, None)
            for number, line in enumerate(block.lines[after:], after + 1):
                yield from self._pieces(line, width, number, next(begins))

    def _pieces(self, line: SafeText, width: int, source: int, prose: int) -> Iterator[_Line]:
        tone = Tone.PLAIN if line.startswith(_FENCES) else Tone.QUIET
        if not self._wrapped or len(line) <= width // 2:
            yield _line(line, tone, source)
            return
        pieces = broken_at_spaces(line, width, CONTINUED, prose) if prose else broken(line, width, CONTINUED)
        for piece in pieces:
            yield _line(piece, tone, source)


def _line(text: str, tone: Tone, source: int) -> _Line:
    """One line of the screen, made once, however often it is drawn."""
    return _Line((Cell(sanitize(text, limit=_LONGEST), tone),), source)


def _source(line: _Line) -> int:
    return line.source
