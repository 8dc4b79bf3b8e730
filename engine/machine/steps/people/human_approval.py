"""human_approval: park until an operator decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.flows.agent_step import ChosenCallStep
from engine.contracts.flows.flow import ApprovalStep
from engine.contracts.status import RequestStatus, StepErrorCode, StepStatus
from engine.machine.control import advance, complete, end_in_failure, fail, time_limit, watch_timeout
from engine.machine.ending import forget_duration
from engine.machine.events.step_facts import CallApproved, CallChanged
from engine.machine.model.effects import RunStep
from engine.machine.model.state import scope_path_of
from engine.machine.steps.kind import StepKind
from engine.machine.steps.people.replanning import rejected
from engine.machine.transition_builder import TransitionBuilder, failure
from engine.machine.walk import is_held

if TYPE_CHECKING:
    from engine.machine.model.inputs import RequestDecided, StepPrepared
    from engine.machine.model.state import Execution


class ApprovalKind(StepKind[ApprovalStep]):
    """A decision."""

    type = "human_approval"

    def start(
        self, builder: TransitionBuilder, step: ApprovalStep, prepared: StepPrepared, approval: str | None
    ) -> None:
        """Open the approval with exactly what the gated step would do now; an escalation has all the time."""
        if prepared.path.partition("~")[0] == builder.graph.flow.escalation:
            forget_duration(builder)
        self.started(builder, step, prepared.path, approval)
        risk = prepared.risk or step.risk.value
        self.ask_approval(builder, prepared, risk=risk, expires_at=time_limit(builder, step))
        watch_timeout(builder, prepared.path)


def call_approved(builder: TransitionBuilder, execution: Execution) -> None:
    """Begin the call that was approved, with the parameters that were shown."""
    builder.emit(CallApproved(execution.request_id), execution.path)
    builder.effect(RunStep(execution.path, execution.attempt))


def _call_changed(builder: TransitionBuilder, execution: Execution) -> None:
    """Nobody has seen what the call would do with other parameters: it is prepared, and asks, anew."""
    builder.emit(CallChanged(execution.request_id), execution.path)
    advance(builder, scope_path_of(execution.path))


def is_approved_call(execution: Execution) -> bool:
    """Whether its call was approved while the run was held."""
    said = execution.decision or {}
    approved = said.get("decision") == RequestStatus.APPROVED.value
    return execution.call and approved and execution.status is StepStatus.PENDING_HUMAN


def decided(builder: TransitionBuilder, given: RequestDecided) -> None:
    """Go on with what the operator decided; its event is already part of the state."""
    found = builder.decided(given.path, given.request_id, StepStatus.PENDING_HUMAN)
    if found is None:
        return
    execution, decision = found
    if decision["decision"] == RequestStatus.APPROVED.value:
        if not execution.call:
            complete(builder, given.path, decision)
        elif "edits" in decision:
            _call_changed(builder, execution)
        elif not is_held(builder.state):
            call_approved(builder, execution)
    else:
        who, comment = decision["decided_by"], decision["comment"]
        message = f"rejected by {who}" + (f": {comment}" if comment else "")
        error = failure(StepErrorCode.APPROVAL_REJECTED, message, **decision)
        if execution.type == ApprovalKind.type:
            rejected(builder, execution, error)
        elif isinstance(step := builder.step(given.path), ChosenCallStep) and step.ends_when_rejected:
            end_in_failure(builder, given.path, error)
        else:
            fail(builder, given.path, error)
