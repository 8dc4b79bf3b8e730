"""What a plan is told that follows one which was worked, since an approval behind that one was rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from engine.machine.model.state import find_scope, scope_path_of
from engine.values import resolve_value

if TYPE_CHECKING:
    from engine.contracts.flows.plan_step import PlanProposalStep
    from engine.runtime.worker.steps.rendering import Rendering

BEFORE = "before"
"""Key of what a plan is started with: the plan before it, as a turn that has ended."""
GOES_ON = "goes_on_with"
"""Key of what a plan hands on: the step that it lets the flow go on with, where it names one."""
_MOST_BROUGHT = 32_000
"""Characters of what the steps of that plan brought."""


def plan_before(step: PlanProposalStep, at: Rendering) -> tuple[dict[str, Any], int] | None:
    """The plan before this one and how many there were; None for one that follows none. Raises BlobNeeded."""
    scope = find_scope(at.state.root, scope_path_of(at.path))
    noted = scope.replans.get(step.id) if scope is not None else None
    if noted is None or noted["path"] != at.path:
        return None
    worked = dict(resolve_value(noted["output"], at.values.resolve))
    worked.pop(GOES_ON, None)
    brought = to_json(worked.pop("outputs")).decode()
    if len(brought) > _MOST_BROUGHT:
        brought = f"{brought[:_MOST_BROUGHT]}… (cut: it has {len(brought):,} characters)"
    told = (
        f"Your plan was approved and worked. Its steps brought: {brought}\n"
        f"Then {noted['step']} was {noted['said']}. Propose another plan; what was done stays done."
    )
    return {"plan": worked, "text": to_json(worked).decode(), "told": told}, noted["count"]
