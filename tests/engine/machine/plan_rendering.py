"""What a runtime would render of the steps of a plan, as plainly as can be."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.contracts.flows.plan_step import PlanStepsStep, ReviewStep
from engine.contracts.status import StepErrorCode, StepStatus
from engine.machine.model.state import find_execution, scope_path_of

if TYPE_CHECKING:
    from engine.contracts.flows.step import Step
    from engine.machine.model.inputs import StepPrepared
    from engine.machine.model.state import RunState

TURNS = 3
"""A plan that is unfit or rejected so often brings no other."""


def as_planned(step: Step, given: StepPrepared, state: RunState, wants: int, drift: int = 0) -> StepPrepared:
    """The same for a step of a plan. One that wants nothing does not fit; `drift` lets it change."""
    digest = f"plan v{drift}"
    if isinstance(step, ReviewStep):
        if not wants:
            return replace(given, run=False)
        return replace(
            given, value={"asks": {}}, action_digest=digest, risk="low", plan={"steps_count": wants}
        )
    if not isinstance(step, PlanStepsStep):
        return given
    scope = scope_path_of(given.path)
    review = find_execution(state.root, f"{scope}/review")
    opened_again = find_execution(state.root, given.path) is not None
    late = int(scope.rpartition("/")[2]) + 1 >= TURNS and not opened_again
    if review is None or review.status is StepStatus.SKIPPED:
        return replace(given, total=0, again=not late, plan={"errors": ["unfit"]}, value={"plan": None})
    if review.status is StepStatus.COMPLETED:
        return replace(given, total=max(wants, 1), action_digest=digest, value={"plan": {}})
    error = review.error or {}
    if not opened_again and (late or error["code"] != StepErrorCode.APPROVAL_REJECTED):
        return replace(given, error=error)
    return replace(given, total=0, again=True, plan={"replan": 1}, value={"plan": {}})
