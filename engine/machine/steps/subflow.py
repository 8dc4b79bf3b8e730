"""subflow: a child run; its end is an input of its parent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.flows.flow import SubflowStep
from engine.contracts.status import RunStatus, StepErrorCode, StepStatus
from engine.machine.control import complete, forget_timeout, watch_timeout
from engine.machine.events.step_facts import StepCancelled
from engine.machine.model.effects import StartChild
from engine.machine.retrying import is_final
from engine.machine.steps.attempts import attempt_failed
from engine.machine.steps.kind import StepKind
from engine.machine.transition_builder import TransitionBuilder, failure

if TYPE_CHECKING:
    from engine.machine.model.inputs import ChildEnded, StepPrepared


class SubflowKind(StepKind[SubflowStep]):
    """A child run."""

    type = "subflow"

    def start(
        self, builder: TransitionBuilder, step: SubflowStep, prepared: StepPrepared, approval: str | None
    ) -> None:
        """Queue the child in the same commit."""
        path, child = prepared.path, prepared.new_id
        self.started(builder, step, path, approval, input=prepared.value, child_run_id=child)
        builder.effect(StartChild(path, child, step.subflow, prepared.value))
        watch_timeout(builder, path)


def ended(builder: TransitionBuilder, given: ChildEnded) -> None:
    """Hand on the child's output or failure; a child that was given up changes nothing."""
    execution = builder.execution(given.path)
    if (
        execution is None
        or execution.status is not StepStatus.RUNNING
        or execution.child_run_id != given.child_run_id
    ):
        return
    if given.status == RunStatus.COMPLETED.value:
        complete(builder, given.path, given.output)
    elif given.status == RunStatus.CANCELLED.value and builder.state.cancel is not None:
        forget_timeout(builder, given.path)
        builder.emit(StepCancelled("the run was cancelled"), given.path)
    else:
        cause = (given.error or {}).get("message", "no reason given")
        message = f"child run {given.child_run_id} ended {given.status}: {cause}"
        details: dict[str, object] = {"child_run_id": given.child_run_id, "status": given.status}
        if given.status == RunStatus.CANCELLED.value or is_final(given.error or {}):
            details["recoverable"] = False  # nobody is asked again what they said no to
        error = failure(StepErrorCode.CHILD_FAILED, message, **details)
        forget_timeout(builder, given.path)  # it is each attempt's own
        attempt_failed(builder, execution, error, 0.0)
