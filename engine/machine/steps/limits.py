"""What holds for every step that is about to start: the run's ceilings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.status import StepErrorCode
from engine.machine.transition_builder import TransitionBuilder, failure

if TYPE_CHECKING:
    from engine.contracts.flow import Step


def over_limit(builder: TransitionBuilder, step: Step) -> dict[str, Any] | None:
    """The error of a step that the run's ceilings do not allow any more, else None (design: governance)."""
    error = _spent(builder.state.counters.steps_executed, builder.graph.limits.max_steps, "steps")
    return error or (tool_calls_spent(builder) if step.calls_tool else None)


def tool_calls_spent(builder: TransitionBuilder) -> dict[str, Any] | None:
    """The error of a run that has used up its tool calls, else None; every attempt is a call."""
    return _spent(builder.state.counters.tool_calls, builder.graph.limits.max_tool_calls, "tool calls")


def _spent(used: int, limit: int | None, what: str) -> dict[str, Any] | None:
    if limit is None or used < limit:
        return None
    message = f"the run has used its {limit} {what}; raise policies.max_{what.replace(' ', '_')}"
    return failure(StepErrorCode.STEP_LIMIT, message, limit=limit, used=used)
