"""What the blocks of a conversation are as more of it is read, spoken or folded."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from engine.safe_text import sanitize
from screens.run.conversation.blocks import Block, is_whole, picture, read_turn, written
from screens.run.conversation_text import end_lines, numbered, told_lines

if TYPE_CHECKING:
    from engine.contracts.runs.conversation import Conversation, SpokenTurn
    from engine.safe_text import SafeText

NEWEST = 20
"""Turns that are read when it opens, and are open at first."""


class Turns:
    """Keeps the blocks: the first is what the agent was told, then come its turns, then how it ended."""

    def __init__(self, blocks: list[Block]) -> None:
        self._blocks = blocks
        self.count = 0
        """Turns that there are."""
        self._told: tuple[str, ...] = ()
        self._folded_to = 0
        self._said: tuple[SafeText, ...] = ()

    def fit(self, found: Conversation, *, follows: bool) -> int | None:
        """Make the blocks those of the conversation as it is now; who `follows` keeps the newest turns open.

        The number of the first one that is another than before, or is gone; None when all are the same.
        """
        anew = self._tell(found)
        blocks = self._blocks
        stand = 1 + min(self.count, found.first)
        before = list(map(picture, blocks[stand:]))
        del blocks[1 + min(self.count, found.turn_count) :]
        whole = {number for number, turn in numbered(found) if is_whole(turn)}
        blocks += [Block(open=number in whole) for number in range(len(blocks), found.turn_count + 1)]
        self.count = found.turn_count
        for number, turn in numbered(found):
            self.take(number, turn)
        heading, *rest = [line for line in end_lines(found) if line] or [""]
        if heading:
            blocks.append(Block(sanitize(heading), written(rest), open=bool(rest)))
        pairs = enumerate(zip_longest(before, map(picture, blocks[stand:])), stand)
        same = next((number for number, (old, new) in pairs if old != new), None)
        folded = self._fold_older() if follows else None
        return min(
            (place for place in (0 if anew else None, same, folded) if place is not None),
            default=None,
        )

    def _tell(self, found: Conversation) -> bool:
        """Show what the agent was told; whether that is another than before."""
        told = tuple(told_lines(found))
        if told == self._told:
            return False
        self._told = told
        opened = not self._blocks or self._blocks[0].open
        self._blocks[:1] = [Block(sanitize("what it was told"), written(told), open=opened)]
        return True

    def _fold_older(self) -> int | None:
        """Fold all but the newest turns and those that a person unfolded; the first one folded now."""
        older = range(self._folded_to + 1, self.count - NEWEST + 1)
        folded = [number for number in older if self._blocks[number].open and not self._blocks[number].kept]
        for number in folded:
            self._blocks[number].open, self._blocks[number].lines = False, None
        if older:
            self._folded_to = older[-1]
        return next(iter(folded), None)

    def take(self, number: int, turn: SpokenTurn) -> None:
        """A turn as it was read, with what its model says just now; what is known of its calls stays."""
        block = self._blocks[number]
        if block.open and block.lines is not None and not is_whole(turn):
            return
        read_turn(block, number, turn)
        if block.lines is not None:
            block.lines = self.with_speech(number, block.lines)

    def take_all(self, found: Conversation) -> None:
        """Turns that were read since, as far as they are still there."""
        for number, turn in numbered(found):
            if number <= self.count:
                self.take(number, turn)

    def with_speech(self, number: int, lines: tuple[SafeText, ...]) -> tuple[SafeText, ...]:
        """The lines of a turn, behind them what is being said in the last one."""
        return (*lines, *self._said) if number == self.count else lines

    def unsaid(self) -> None:
        """Nothing is being said: what was stands in its turn now."""
        self._said = ()

    def say(self, lines: tuple[SafeText, ...]) -> int | None:
        """The last turn says this now; the place in its block where it begins, None when it is folded."""
        block, before = self._blocks[self.count], len(self._said)
        self._said = lines
        if not block.open or block.lines is None:
            return None
        own = len(block.lines) - before
        block.lines = (*block.lines[:own], *lines)
        return own
