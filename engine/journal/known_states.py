"""States of runs that wait, as this process left them.

Whoever goes on with such a run reads and folds only what happened since, instead of all of its history.
"""

from __future__ import annotations

import gc
from functools import cache
from typing import TYPE_CHECKING

from engine.frozen import frozen

if TYPE_CHECKING:
    from engine.machine.model.state import RunState

MOST_VALUES = 50_000
"""Values that all states together hold, which bounds what they take: some five hundred short runs, or a few
whose inputs are lists of thousands."""


@frozen
class KnownState:
    """A run's state, and the newest snapshot below it: the event it stands at, its size in bytes."""

    state: RunState
    snapshot_seq: int
    snapshot_bytes: int


class KnownStates:
    """The newest states are kept. Found from any thread, changed in the event loop alone."""

    def __init__(self) -> None:
        self._states: dict[str, tuple[KnownState, int]] = {}
        self._values = 0

    def keep(self, run_id: str, known: KnownState) -> None:
        """The run rests in this state."""
        self.forget(run_id)
        values = values_in(known.state, MOST_VALUES + 1)
        if values > MOST_VALUES:
            return
        self._states[run_id] = known, values
        self._values += values
        while self._values > MOST_VALUES:
            self.forget(next(iter(self._states)))

    def forget(self, run_id: str) -> None:
        """Somebody goes on with the run."""
        _, values = self._states.pop(run_id, (None, 0))
        self._values -= values

    def find(self, run_id: str) -> KnownState | None:
        """The state that the run was left in, which may have gone on since."""
        known, _ = self._states.get(run_id, (None, 0))
        return known


def values_in(state: RunState, most: int) -> int:
    """How many values a state holds; counted until there are `most`. The collector knows what holds what, and
    tells it in a tenth of the time that a walk takes."""
    held, found, level = _holders(), 0, [state]
    while level and found < most:
        values = gc.get_referents(*level)
        found += len(values)
        level = [value for value in values if type(value) in held]
    return found


@cache
def _holders() -> frozenset[type]:
    from engine.machine.model.state import (  # noqa: PLC0415 - lists of runs need no machine
        Branches,
        Ending,
        Execution,
        Outputs,
        Scope,
    )

    return frozenset({dict, list, Branches, Ending, Execution, Outputs, Scope})
