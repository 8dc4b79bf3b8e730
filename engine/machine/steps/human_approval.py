"""human_approval: park until an operator decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.flow import ApprovalStep
from engine.contracts.status import RequestStatus, StepErrorCode, StepStatus
from engine.machine.control import complete, fail, settle, time_limit, watch_timeout
from engine.machine.events.request_facts import PendingHuman
from engine.machine.steps.kind import StepKind
from engine.machine.transition_builder import TransitionBuilder, failure

if TYPE_CHECKING:
    from engine.machine.model.inputs import RequestDecided, StepPrepared


class ApprovalKind(StepKind[ApprovalStep]):
    """A decision."""

    type = "human_approval"

    def start(
        self, builder: TransitionBuilder, step: ApprovalStep, prepared: StepPrepared, approval: str | None
    ) -> None:
        """Open the approval with exactly what the gated step would do now."""
        self.started(builder, step, prepared.path, approval)
        fact = PendingHuman(
            approval_id=prepared.new_id,
            digest=prepared.digest,
            action_digest=prepared.action_digest,
            risk=step.risk.value,
            expires_at=time_limit(builder, step),
            **prepared.request,
        )
        builder.emit(fact, prepared.path)
        watch_timeout(builder, prepared.path)


def decided(builder: TransitionBuilder, given: RequestDecided) -> None:
    """Go on with what the operator decided; its event is already part of the state."""
    execution = builder.execution(given.path)
    if (
        execution is None
        or execution.status is not StepStatus.PENDING_HUMAN
        or execution.request_id != given.request_id
        or execution.decision is None
    ):
        return
    decision = execution.decision
    if decision["decision"] == RequestStatus.APPROVED.value:
        complete(builder, given.path, decision)
    else:
        who, comment = decision["decided_by"], decision["comment"]
        message = f"rejected by {who}" + (f": {comment}" if comment else "")
        fail(builder, given.path, failure(StepErrorCode.APPROVAL_REJECTED, message, **decision))
    settle(builder)
