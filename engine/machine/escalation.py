"""Where a run goes when nothing else helps: the approval that its flow names as escalation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.status import StepErrorCode
from engine.machine.model.state import scope_path_of, step_of

if TYPE_CHECKING:
    from engine.machine.transition_builder import TransitionBuilder

_FINAL = frozenset({StepErrorCode.APPROVAL_REJECTED.value, StepErrorCode.STEP_LIMIT.value})

MOST_VISITS = 100
"""How often a run goes there whose escalation names no `max_visits`: one that a `when` skips asks nobody."""


def escalation_index(builder: TransitionBuilder, path: str, error: dict[str, Any]) -> int | None:
    """Index of the escalation when the failure of the step at `path` goes there, else None.

    A person's "no" and a used-up ceiling are final, and so is a failure of the escalation itself, or one
    after too many visits to it.
    """
    name = builder.graph.flow.escalation
    scope_path = scope_path_of(path)
    if (
        name is None
        or scope_path
        or step_of(path) == name
        or error["code"] in _FINAL
        or builder.state.cancel is not None
        or builder.state.ending is not None
    ):
        return None
    steps = builder.graph.steps_of(scope_path)
    limit = steps.named(name).max_visits or MOST_VISITS
    return None if builder.state.root.visits.get(name, 0) >= limit else steps.position[name]
