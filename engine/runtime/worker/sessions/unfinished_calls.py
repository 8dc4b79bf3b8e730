"""Calls that were under way when a run was lost or given back, for whoever goes on with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.machine.model.inputs import StepInterrupted, StepPutBack
from engine.machine.walk import in_flight
from engine.runtime.clock import new_id
from engine.runtime.worker.sessions.call_marks import LostCalls
from engine.runtime.worker.sessions.inbox import Incoming

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from engine.machine.model.state import Execution, RunState
    from engine.runtime.clock import Clock


class UnfinishedCalls:
    """What is known of those of one run. `lost` is what a worker had marked that lost it, if one did."""

    def __init__(self, run_id: str, clock: Clock, lost: LostCalls | None) -> None:
        self._run_id = run_id
        self._clock = clock
        self._was_lost = lost is not None
        self._lost = lost or LostCalls()

    def not_begun(self, state: RunState) -> list[str]:
        """Paths of calls of which it is certain that they were not made."""
        return [one.path for one in in_flight(state) if self._had_not_begun(one)]

    def interrupted(self, state: RunState, but: Collection[str] = ()) -> list[Incoming]:
        """The run is told of all others."""
        now = self._clock.now()
        return [
            Incoming(
                StepInterrupted(
                    now=now,
                    path=execution.path,
                    lost=self._lost.was_being_made(self._run_id, execution.path),
                    begun=not self._had_not_begun(execution),
                    new_id=new_id("outc"),
                )
            )
            for execution in in_flight(state)
            if execution.path not in but
        ]

    def may_have_cost(self, state: RunState) -> bool:
        """Whether a model may have used something for them."""
        return self._was_lost or any(one.model for one in in_flight(state))

    def _had_not_begun(self, execution: Execution) -> bool:
        """False when nobody can tell."""
        return execution.put_back or self._lost.had_not_begun(self._run_id, execution.path)


def put_back(paths: Sequence[str], clock: Clock) -> list[Incoming]:
    """Calls that have not begun, to be made by whoever goes on."""
    return [Incoming(StepPutBack(now=clock.now(), path=path)) for path in paths]
