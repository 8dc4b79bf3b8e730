"""What the steps inside a composite step became, as templates outside of it may see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.machine.model.state import Execution, Scope

InnerSteps = dict[str, dict[str, Any]]
"""By step id: `status`, and `error` where there is one. Their outputs are not kept."""


def steps_in(scope: Scope) -> InnerSteps:
    """The steps of a list, with those inside them where these are kept."""
    found: InnerSteps = {}
    for execution in scope.executions.values():
        found |= inner_steps(execution)
        became: dict[str, Any] = {"status": execution.status.value}
        if execution.error is not None:
            became["error"] = execution.error
        found[execution.step] = became
    return found


def inner_steps(execution: Execution) -> InnerSteps:
    """The steps inside an execution: of branches that have ended, and of those it still has."""
    if execution.inner is None:
        return {}
    found = dict(execution.inner)
    if execution.branches is not None:
        for child in execution.branches.children.values():
            found |= steps_in(child)
    return found
