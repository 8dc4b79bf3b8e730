"""What a runtime would render, as plainly as can be: `when` and parameters are taken literally."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.flows.agent_step import CallsStep, MessageStep, ModelStep
from engine.contracts.flows.flow import ForEachStep, SubflowStep, WaitStep
from engine.contracts.flows.tool_step import ToolStep
from engine.contracts.status import StepErrorCode
from engine.machine.events.placing import EMPTY
from engine.machine.model.inputs import OutputPrepared, StepPrepared
from engine.machine.model.state import scope_path_of
from engine.machine.transition_builder import failure

if TYPE_CHECKING:
    from collections import Counter

    from engine.contracts.flows.step import Step
    from engine.machine.model.graph import FlowGraph

CALLS_OF_A_TURN = 3
"""A turn wants less calls than this."""
ID_PREFIX = {
    "human_approval": "appr",
    "user_input": "form",
    "message": "form",
    "plan_review": "appr",
    "permission": "appr",
}


def prepared(
    graph: FlowGraph,
    path: str,
    now: int,
    number: int,
    drift: Counter[str],
    *,
    asks: bool = False,
    wants: int = 0,
    left: bool = False,
    hears: bool = False,
) -> StepPrepared:
    """The step's data; `when: broken` cannot be rendered. `number` makes a fresh id, `wants` is how many
    calls a model wants, `left` that a person has nothing more to say, `hears` that calls are to be told."""
    step = graph.step_at(path)
    first = scope_path_of(path).endswith("/0")
    if (isinstance(step, MessageStep) and (first or hears)) or (
        isinstance(step, ModelStep | CallsStep) and left
    ):
        return StepPrepared(now=now, path=path, run=False)
    if step.when is False:
        return StepPrepared(now=now, path=path, run=False)
    if step.when == "broken":
        error = failure(StepErrorCode.TEMPLATE_ERROR, f"{step.id}: no such value")
        return StepPrepared(now=now, path=path, error=error)
    items = step.items if isinstance(step, ForEachStep) and isinstance(step.items, list) else []
    calls = wants if isinstance(step, CallsStep) and not (step.goes_on and _is_late(path)) else 0
    digest = action_digest(_acting_step(graph, step, path), drift)
    wait = step if isinstance(step, WaitStep) else None
    return StepPrepared(
        now=now,
        path=path,
        due=None
        if wait is None
        else now + round(float(1 if wait.duration is None else wait.duration) * 1_000_000),
        fixed=wait is not None and wait.until is not None,
        value=step.params if isinstance(step, ToolStep | SubflowStep) else items,
        total=calls or len(items),
        again=bool(calls) or (isinstance(step, CallsStep) and step.goes_on),
        new_id=f"{ID_PREFIX.get(step.type, 'run')}_{number}",
        request={"body": {"title": step.id}} if asks or step.type in ID_PREFIX else None,
        digest=f"shown {digest}",
        action_digest=digest,
    )


def _is_late(path: str) -> bool:
    """Whether a conversation has lasted long enough: its calls end with it."""
    return int(scope_path_of(path).rpartition("/")[2]) > CALLS_OF_A_TURN


def action_digest(step: str, drift: Counter[str]) -> str:
    """What the step would do now; `drift` lets it change."""
    return f"{step} v{drift[step]}"


def _acting_step(graph: FlowGraph, step: Step, path: str) -> str:
    """The step whose action is meant: the gated one for an approval, else the step itself."""
    gated_by = graph.steps_of(scope_path_of(path)).gated_by
    return next((gated for gated, approval in gated_by.items() if approval == step.id), step.id)


def prepared_output(value: Any, now: int, error: dict[str, Any] | None) -> OutputPrepared:
    """The run's output; an empty one is none."""
    if value in EMPTY:
        missing = failure(StepErrorCode.MISSING_RUN_OUTPUT, "no step of the flow brought an output")
        return OutputPrepared(now=now, error=missing)
    return OutputPrepared(now=now, value=resolved(value), error=error)


def resolved(value: Any) -> Any:
    """Joined outputs as a list."""
    if isinstance(value, dict) and set(value) == {"$list"}:
        return [resolved(item) for item in value["$list"]]
    return value
