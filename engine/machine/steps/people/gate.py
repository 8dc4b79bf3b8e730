"""A gated step runs exactly what was approved, once; anything else voids the approval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.status import StepErrorCode, StepStatus
from engine.machine.control import advance, call_meta, fail
from engine.machine.events.request_facts import ApprovalVoided
from engine.machine.events.step_facts import StepFailed
from engine.machine.model.state import scope_path_of, step_of
from engine.machine.transition_builder import TransitionBuilder, failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.machine.model.inputs import StepPrepared
    from engine.machine.model.state import Execution

MAX_VOIDED = 5
DIFFERS = "what would run differs from what was approved"


def check_gate(builder: TransitionBuilder, prepared: StepPrepared) -> tuple[bool, str | None]:
    """Whether the step may start, and the path of the approval it consumes then.

    When it may not, its approval is asked again, or the step has failed. A skipped approval (its `when` was
    false) gates nothing. A missing one fails closed.
    """
    scope_path = scope_path_of(prepared.path)
    steps = builder.graph.steps_of(scope_path)
    approval_id = steps.gated_by.get(step_of(prepared.path))
    if approval_id is None:
        return True, None
    scope = builder.scope(scope_path)
    approval = scope.executions.get(approval_id) if scope else None
    if approval is None or approval.status not in {StepStatus.COMPLETED, StepStatus.SKIPPED}:
        message = f"step {step_of(prepared.path)} needs the approval {approval_id}, which was not given"
        fail(builder, prepared.path, failure(StepErrorCode.APPROVAL_VOID, message, approval=approval_id))
        return False, None
    if approval.status is StepStatus.SKIPPED:
        return True, None
    if approval.digest == prepared.action_digest and approval.consumed_by is None:
        return True, approval.path
    _ask_again(builder, prepared, approval, steps.position[approval_id])
    return False, None


def is_void(execution: Execution, error: Mapping[str, Any]) -> bool:
    """Whether a call that was approved refused to act, as it would do something else now."""
    return execution.approved and error.get("code") == StepErrorCode.APPROVAL_VOID


def ask_for_call_again(builder: TransitionBuilder, execution: Execution, error: dict[str, Any]) -> None:
    """What was approved was not done, as it would be something else now: the card is shown anew."""
    scope_path = scope_path_of(execution.path)
    steps, scope = builder.graph.steps_of(scope_path), builder.scope(scope_path)
    gate = steps.gated_by.get(execution.step)
    approval = scope.executions.get(gate) if scope is not None and gate is not None else None
    back_to = steps.position[gate or execution.step]
    failed = StepFailed(
        type=execution.type, error=error, next=back_to, meta=call_meta(builder, execution.path)
    )
    builder.emit(failed, execution.path)
    if approval is not None and approval.consumed_by == execution.path:
        builder.emit(ApprovalVoided(None, DIFFERS, back_to), approval.path)
    advance(builder, scope_path)


def _ask_again(builder: TransitionBuilder, prepared: StepPrepared, approval: Execution, index: int) -> None:
    scope_path, approval_id = scope_path_of(prepared.path), approval.step
    scope = builder.scope(scope_path)
    voided = 1 + (scope.voided.get(approval_id, 0) if scope else 0)
    if voided >= MAX_VOIDED:
        message = f"the approval {approval_id} was voided {voided} times because what it showed kept changing"
        fail(builder, prepared.path, failure(StepErrorCode.APPROVAL_VOID, message, approval=approval_id))
        return
    if approval.consumed_by is None:
        builder.emit(ApprovalVoided(approval.request_id, DIFFERS, index), approval.path)
    else:  # what was approved and done stays so
        builder.emit(ApprovalVoided(None, "already used", index), approval.path)
    advance(builder, scope_path)
