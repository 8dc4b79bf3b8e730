"""Calls that an agent makes again and again: it is told so, and then it is ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.runtime.worker.steps.agents.told.turns import Turn

SAME_CALL_TOLD = 3
SAME_CALL_ENDS = 4
"""So often the very same call with the very same result is told to the model, then ends the agent."""


class LoopDetected(Exception):
    """The same call with the same result, again and again."""

    def __init__(self, tool: str, times: int) -> None:
        super().__init__(f"the agent made the same call of {tool} with the same result {times} times")
        self.tool = tool
        self.times = times


def times_made(turn: Turn, seen: dict[tuple[str, ...], int]) -> list[int]:
    """How often each call of a turn had been made, with the same result, since a person said something.

    `seen` is what was counted in the turns before it. Raises LoopDetected.
    """
    if turn.said or turn.said_images or turn.said_skills:
        seen.clear()
    before = {same: seen.get(same, 0) for same in turn.made}
    times = []
    for same in turn.made:
        often = seen[same] = seen.get(same, 0) + 1
        if often >= SAME_CALL_ENDS and before[same] >= SAME_CALL_TOLD:  # many at once hear of it first
            raise LoopDetected(same[0], often)
        times.append(often)
    return times
