"""plan_proposal: a model proposes a plan, a person decides on it, its calls are made one after another.

A turn whose plan does not fit or was rejected adds another turn and makes no call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.flows.plan_step import REVIEW, PlanProposalStep, PlanStepsStep, ReviewStep
from engine.contracts.status import RequestStatus, StepErrorCode, StepStatus
from engine.machine.control import fail, launch, time_limit, watch_timeout
from engine.machine.events.plan_facts import PlanProposed, PlanValidationFailed, RunReplanStarted
from engine.machine.model.state import outer_path_of, scope_path_of
from engine.machine.steps.kind import StepKind
from engine.machine.transition_builder import TransitionBuilder, failure

if TYPE_CHECKING:
    from engine.machine.model.inputs import StepPrepared


class PlanKind(StepKind[PlanProposalStep]):
    """A plan."""

    type = "plan_proposal"

    def start(
        self, builder: TransitionBuilder, step: PlanProposalStep, prepared: StepPrepared, approval: str | None
    ) -> None:
        """Start its first turn."""
        self.started(builder, step, prepared.path, approval, input=prepared.value, total=1)
        watch_timeout(builder, prepared.path)
        launch(builder, prepared.path)


class ReviewKind(StepKind[ReviewStep]):
    """What a person is asked about the plan of a turn."""

    type = "plan_review"

    def start(
        self, builder: TransitionBuilder, step: ReviewStep, prepared: StepPrepared, approval: str | None
    ) -> None:
        """Open the approval with the whole plan."""
        path = prepared.path
        builder.emit(PlanProposed(prepared.plan or {}), outer_path_of(path))
        self.started(builder, step, path, approval, input=prepared.value)
        self.ask_approval(builder, prepared, risk=prepared.risk, expires_at=time_limit(builder, step))
        watch_timeout(builder, path)


class PlanStepsKind(StepKind[PlanStepsStep]):
    """The calls of a plan."""

    type = "plan_steps"

    def start(
        self, builder: TransitionBuilder, step: PlanStepsStep, prepared: StepPrepared, approval: str | None
    ) -> None:
        """Start the first call of exactly the plan that was approved; else add a turn, or fail."""
        path, noted = prepared.path, prepared.plan or {}
        turns = int(scope_path_of(path).rpartition("/")[2]) + 2
        if not prepared.again and (errors := noted.get("errors")):
            builder.emit(PlanValidationFailed(errors), outer_path_of(path))
            message = f"plan_validation_failed: {'; '.join(errors)}"
            fail(builder, path, failure(StepErrorCode.CONTRACT_VIOLATION, message, errors=errors))
            return
        if not prepared.again and not _approved(builder, prepared):
            message = "what would run differs from the plan that was approved"
            fail(builder, path, failure(StepErrorCode.APPROVAL_VOID, message))
            return
        self.started(builder, step, path, approval, input=prepared.value, total=prepared.total)
        if prepared.again:
            _plan_again(builder, path, noted, turns)
        launch(builder, path)


def _plan_again(builder: TransitionBuilder, path: str, noted: dict[str, object], turns: int) -> None:
    """The model proposes another plan in a further turn."""
    errors, replan = noted.get("errors"), noted.get("replan")
    if isinstance(errors, list):
        builder.emit(PlanValidationFailed(errors, turns), outer_path_of(path))
    else:
        review = builder.execution(f"{scope_path_of(path)}/{REVIEW}")
        request = review.request_id if review is not None else None
        number = replan if isinstance(replan, int) else 1
        builder.emit(RunReplanStarted(number, turns, request), outer_path_of(path))


def _approved(builder: TransitionBuilder, prepared: StepPrepared) -> bool:
    """Whether a person approved in this turn what is to be worked; edits are part of the decision."""
    review = builder.execution(f"{scope_path_of(prepared.path)}/{REVIEW}")
    if review is None or review.status is not StepStatus.COMPLETED or prepared.action_digest is None:
        return False
    said = (review.decision or {}).get("decision")
    return said == RequestStatus.APPROVED.value and review.digest == prepared.action_digest
