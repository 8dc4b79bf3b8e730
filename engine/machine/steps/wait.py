"""wait: park until a moment has come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.flows.flow import WaitStep
from engine.contracts.status import StepStatus
from engine.machine.control import complete, watch_timeout
from engine.machine.events.step_facts import WaitStarted
from engine.machine.model.effects import SetTimer
from engine.machine.model.timers import TimerKind, timer_name
from engine.machine.steps.kind import StepKind

if TYPE_CHECKING:
    from engine.machine.model.inputs import StepPrepared
    from engine.machine.transition_builder import TransitionBuilder


class WaitStepKind(StepKind[WaitStep]):
    """A time, or a moment."""

    type = "wait"

    def start(
        self, builder: TransitionBuilder, step: WaitStep, prepared: StepPrepared, approval: str | None
    ) -> None:
        """Set its timer; a moment that is over needs none."""
        self.started(builder, step, prepared.path, approval, input=prepared.value)
        due = prepared.due
        if due is None or due <= builder.input.clock:
            complete(builder, prepared.path, None)
            return
        timer = timer_name(TimerKind.UNTIL if prepared.fixed else TimerKind.WAIT, prepared.path)
        builder.emit(WaitStarted(due, timer), prepared.path)
        builder.effect(SetTimer(timer, due))
        watch_timeout(builder, prepared.path)


def waited(builder: TransitionBuilder, path: str) -> None:
    """The moment has come, also for a run that is held: it goes on from here once it is no more."""
    execution = builder.execution(path)
    if execution is not None and execution.status is StepStatus.WAITING:
        complete(builder, path, None)
