"""States of runs that wait, as this process left them.

Whoever goes on with such a run reads and folds only what happened since, instead of all of its history.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.frozen import frozen

if TYPE_CHECKING:
    from engine.machine.model.state import RunState

MOST_EVENTS = 5_000
"""Events that all states together stand for, which bounds what they take: some five hundred short runs."""


@frozen
class KnownState:
    """A run's state, and the newest snapshot below it: the event it stands at, its size in bytes."""

    state: RunState
    snapshot_seq: int
    snapshot_bytes: int


class KnownStates:
    """The newest states are kept. Found from any thread, changed in the event loop alone."""

    def __init__(self) -> None:
        self._states: dict[str, KnownState] = {}
        self._events = 0

    def keep(self, run_id: str, known: KnownState) -> None:
        """The run rests in this state."""
        self.forget(run_id)
        self._states[run_id] = known
        self._events += known.state.run_seq
        while self._events > MOST_EVENTS:
            self.forget(next(iter(self._states)))

    def forget(self, run_id: str) -> None:
        """Somebody goes on with the run."""
        known = self._states.pop(run_id, None)
        if known is not None:
            self._events -= known.state.run_seq

    def find(self, run_id: str) -> KnownState | None:
        """The state that the run was left in, which may have gone on since."""
        return self._states.get(run_id)
