"""What holds for every step that is about to start: the run's ceilings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.status import StepErrorCode
from engine.machine.transition_builder import TransitionBuilder, failure

if TYPE_CHECKING:
    from engine.contracts.flows.step import Step
    from engine.machine.model.inputs import StepPrepared


def over_limit(builder: TransitionBuilder, step: Step, prepared: StepPrepared) -> dict[str, Any] | None:
    """The error of a step that the run's ceilings do not allow any more, else None.

    They hold for a run together with those it was started by and those it starts.
    """
    limits = builder.graph.limits
    used = builder.state.counters.steps_executed + prepared.steps_elsewhere
    error = _used_up(used, limits.max_steps, "steps", limits.steps_setting)
    return error or (tool_calls_used_up(builder, prepared.calls_elsewhere) if step.calls_tool else None)


def tool_calls_used_up(builder: TransitionBuilder, elsewhere: int = 0) -> dict[str, Any] | None:
    """The error of a run that has used up its tool calls, else None; every attempt is a call."""
    limits = builder.graph.limits
    used = builder.state.counters.tool_calls + elsewhere
    return _used_up(used, limits.max_tool_calls, "tool calls", limits.calls_setting)


def _used_up(used: int, limit: int | None, what: str, setting: str) -> dict[str, Any] | None:
    if limit is None or used < limit:
        return None
    message = f"the run has used its {limit} {what}; raise {setting}"
    return failure(StepErrorCode.STEP_LIMIT, message, limit=limit, used=used)
