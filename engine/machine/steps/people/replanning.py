"""An approval that stands behind a plan is rejected: the run goes back to the plan, `max_replans` times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.flows.plan_step import PlanProposalStep
from engine.contracts.status import StepStatus
from engine.machine.control import fail, fail_and_go_to
from engine.machine.events.plan_facts import RunReplanStarted
from engine.machine.model.state import scope_path_of
from engine.machine.walk import current_path

if TYPE_CHECKING:
    from engine.machine.model.state import Execution, Scope
    from engine.machine.transition_builder import TransitionBuilder


def rejected(builder: TransitionBuilder, execution: Execution, error: dict[str, Any]) -> None:
    """Go on at the plan before the approval, else the approval has failed."""
    path = execution.path
    scope = builder.scope(scope_path_of(path))
    plan = _plan_before(builder, scope, path) if scope is not None else None
    if scope is None or plan is None:
        fail(builder, path, error)
        return
    used = scope.replans.get(plan.id, {}).get("count", 0)
    if used >= plan.max_replans:
        fail(builder, path, {**error, "details": {**error["details"], "replans": used}})
        return
    steps = builder.graph.steps_of(scope.path)
    fail_and_go_to(builder, path, error, steps.position[plan.id])
    back = builder.scope(scope.path)
    assert back is not None, scope.path
    following = current_path(builder.graph, back)
    fact = RunReplanStarted(used + 1, approval_id=execution.request_id, plan=following, rejected=path)
    builder.emit(fact, scope.executions[plan.id].path)


def _plan_before(builder: TransitionBuilder, scope: Scope, path: str) -> PlanProposalStep | None:
    """The nearest plan before it in its list, if it was worked.

    None where the flow's author says what comes after a "no", where the run ends, and for an escalation.
    """
    step, state = builder.step(path), builder.state
    is_last = step.id == builder.graph.flow.escalation
    if step.on_failure is not None or is_last or state.cancel is not None or state.ending is not None:
        return None
    steps = builder.graph.steps_of(scope.path)
    for earlier in reversed(steps.steps[: steps.position[step.id]]):
        worked = scope.executions.get(earlier.id)
        if isinstance(earlier, PlanProposalStep) and worked is not None:
            return earlier if worked.status is StepStatus.COMPLETED else None
    return None
