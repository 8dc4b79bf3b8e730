"""Words in a conversation: from one line that has them to the next, also in turns that are folded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from screens.run.conversation.blocks import Block, read_turn
from screens.run.conversation_text import numbered

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine.contracts.runs.conversation import Conversation

PAGE = 40
"""Turns that are read at once, at the most."""
_CALLS = 400
"""So many calls are read at once, as far as can be known before."""


class Reader(Protocol):
    """Reads turns of the conversation."""

    async def __call__(self, after: int, limit: int) -> Conversation:
        """At most so many of those that come after so many."""


@dataclass(slots=True)
class Search:
    """From one place of a conversation. `read` reads turns; `turns` is how many there are."""

    read: Reader
    blocks: Sequence[Block]
    turns: int
    words: str
    page: int = 4
    """Turns that are read next: more of those that have few calls."""

    async def find(self, block: int, source: int, by: int) -> tuple[int, Block, int] | None:
        """(number of the block, that block with its lines, the line): the next match, around the ends."""
        wanted, count = self.words.casefold(), len(self.blocks)
        pages: dict[int, Block] = {}
        for step in range(count + 1):
            number = (block + by * step) % count
            whole = await self._whole(number, by, pages)
            for place in _places(whole, by):
                if step == 0 and (place - source) * by <= 0:
                    continue
                if step == count and (place - source) * by > 0:
                    continue
                if wanted in _line(whole, place).casefold():
                    return number, whole, place
        return None

    async def _whole(self, number: int, by: int, pages: dict[int, Block]) -> Block:
        known = self.blocks[number]
        if known.lines is not None or not 1 <= number <= self.turns:
            return known
        if number not in pages:
            pages.clear()
            first = number if by > 0 else max(1, number - self.page + 1)
            found = await self.read(first - 1, self.page)
            for place, turn in numbered(found):
                pages[place] = Block(open=True)
                read_turn(pages[place], place, turn)
            calls = sum(turn.call_count for turn in found.turns)
            self.page = max(1, min(PAGE, 2 * self.page, self.page * _CALLS // max(1, calls)))
        return pages.get(number, known)


def _places(block: Block, by: int) -> Iterator[int]:
    last = len(block.lines or ())
    yield from range(last + 1) if by > 0 else range(last, -1, -1)


def _line(block: Block, place: int) -> str:
    return (block.lines or ())[place - 1] if place else (block.heading or "")
