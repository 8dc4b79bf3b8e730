"""Calls that an agent makes again and again: it is told so, and then it is ended."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.runtime.worker.steps.agents.told.turns import Turn

SAME_CALL_TOLD = 3
SAME_CALL_ENDS = 4
"""So often the very same call with the very same result is told to the model, then ends the agent."""
LOOKED_BACK = 64
"""In so many turns: what is done now and then is no loop."""


class LoopDetected(Exception):
    """The same call with the same result, again and again."""

    def __init__(self, tool: str, times: int) -> None:
        super().__init__(f"the agent made the same call of {tool} with the same result {times} times")
        self.tool = tool
        self.times = times


class MadeCalls:
    """Counts the calls of turns, which come in their order, since a person said something."""

    def __init__(self) -> None:
        self._turns: deque[tuple[tuple[str, ...], ...]] = deque()
        self._often: Counter[tuple[str, ...]] = Counter()

    def times(self, turn: Turn) -> list[int]:
        """How often each call of the next turn had been made by then, with the same result. Raises
        LoopDetected."""
        if turn.said or turn.said_images or turn.said_skills:
            self._turns.clear()
            self._often.clear()
        if len(self._turns) == LOOKED_BACK:
            self._forget(self._turns.popleft())
        self._turns.append(turn.made)
        before = {same: self._often[same] for same in turn.made}
        times = []
        for same in turn.made:
            self._often[same] += 1
            often = self._often[same]
            if often >= SAME_CALL_ENDS and before[same] >= SAME_CALL_TOLD:  # many at once hear of it first
                raise LoopDetected(same[0], often)
            times.append(often)
        return times

    def _forget(self, made: tuple[tuple[str, ...], ...]) -> None:
        for same in made:
            self._often[same] -= 1
            if not self._often[same]:
                del self._often[same]
