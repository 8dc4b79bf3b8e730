"""subflow: a child run; its end is an input of its parent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.status import RunStatus, StepErrorCode, StepStatus
from engine.machine.control import complete, forget_timeout, settle, watch_timeout
from engine.machine.model.effects import StartChild
from engine.machine.steps.gate import consume_approval
from engine.machine.steps.opening import started
from engine.machine.steps.tool import failed
from engine.machine.transition_builder import TransitionBuilder, failure

if TYPE_CHECKING:
    from engine.contracts.flow import SubflowStep
    from engine.machine.model.inputs import ChildEnded, StepPrepared


def start(builder: TransitionBuilder, step: SubflowStep, prepared: StepPrepared) -> None:
    """Queue the child in the same commit."""
    gate = consume_approval(builder, prepared)
    if gate is None:
        return
    started(builder, step, prepared.path, input=prepared.value, child_run_id=prepared.new_id, **gate)
    builder.effect(StartChild(prepared.path, prepared.new_id, step.subflow, prepared.value))
    watch_timeout(builder, prepared.path)


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
    else:
        cause = (given.error or {}).get("message", "no reason given")
        message = f"child run {given.child_run_id} ended {given.status}: {cause}"
        error = failure(
            StepErrorCode.CHILD_FAILED, message, child_run_id=given.child_run_id, status=given.status
        )
        forget_timeout(builder, given.path)  # it is each attempt's own
        failed(builder, execution, error, 0.0)
    settle(builder)
