"""The end of a run that has steps to run in any case: they come between the last step and the end itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.status import StepErrorCode
from engine.machine.events.run_facts import RunCancelled, RunCompleted, RunDeadLettered, RunEnding, RunFailed
from engine.machine.model.effects import CancelTimer
from engine.machine.model.timers import TimerKind, timer_name
from engine.machine.walk import outstanding

if TYPE_CHECKING:
    from engine.machine.model.state import Ending
    from engine.machine.transition_builder import TransitionBuilder

RunEnd = RunCompleted | RunFailed | RunCancelled | RunDeadLettered

_BAD_ENDS: dict[str, type[RunFailed | RunCancelled | RunDeadLettered]] = {
    kind.kind: kind for kind in (RunFailed, RunCancelled, RunDeadLettered)
}


def start_ending(builder: TransitionBuilder, end: RunEnd, following: int) -> None:
    """Keep how the run ends, and ask for what runs in any case; its time is watched by itself."""
    if isinstance(end, RunCompleted):
        fact = RunEnding("completed", end.kind, following, output=end.output)
    else:
        fact = RunEnding(_outcome(end), end.kind, following, error=end.error)
    builder.emit(fact)
    forget_duration(builder)
    for effect in outstanding(builder.graph, builder.state):
        builder.effect(effect)


def forget_duration(builder: TransitionBuilder) -> None:
    """The run's time is watched no more, where it was."""
    if builder.graph.flow.max_duration is not None:
        builder.effect(CancelTimer(timer_name(TimerKind.MAX_DURATION)))


def own_end(ending: Ending) -> RunEnd:
    """How the run ends, whatever became of the steps in between."""
    kind = _BAD_ENDS.get(ending.end)
    return RunCompleted(output=ending.output) if kind is None else kind(ending.error or {})


def _outcome(end: RunFailed | RunCancelled | RunDeadLettered) -> str:
    if isinstance(end, RunCancelled):
        return "cancelled"
    return "rejected" if end.error.get("code") == StepErrorCode.APPROVAL_REJECTED else "failed"
