"""Flows of the pack that an agent may run like tools: how they are offered, and a call of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.flows.agent_step import FLOW_PREFIX
from engine.contracts.status import StepErrorCode
from engine.errors import InvalidInput
from engine.machine.model.inputs import StepPrepared
from engine.machine.transition_builder import failure
from engine.models.conversation import ToolOffer
from engine.runtime.clock import new_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.contracts.flows.flow import FlowDef
    from engine.runtime.worker.steps.rendering import Rendering


def flow_of(tool: str) -> str | None:
    """The flow that a chosen call runs, if it runs one."""
    return tool.removeprefix(FLOW_PREFIX) if tool.startswith(FLOW_PREFIX) else None


def flow_offer(name: str, flows: Mapping[str, FlowDef]) -> ToolOffer | None:
    """A flow as a model is told of it; None for one that is not there."""
    flow = flows.get(name)
    if flow is None:
        return None
    words = f"{flow.description or f'Runs the flow {name}.'} Brings its output when it has ended."
    return ToolOffer(f"{FLOW_PREFIX}{name}", words, flow.input or {"type": "object"})


def flow_call(at: Rendering, tool: str, params: dict[str, Any]) -> StepPrepared:
    """The child run that the call starts, or why it cannot be: an error that the model is told."""
    flow = flow_of(tool) or ""
    child_run_id = new_id("run")
    try:
        at.children.check(flow, params, child_run_id, at.values)
    except InvalidInput as error:
        told = failure(StepErrorCode.INVALID_INPUT, error.message, **error.details)
        return StepPrepared(now=at.now, path=at.path, error=told)
    if (refused := at.children.refused(flow, params, at.path, at.now)) is not None:
        return refused
    payload = at.store(params)
    at.children.name(flow, payload, child_run_id, at.values)
    return StepPrepared(
        now=at.now,
        path=at.path,
        value=at.store({"tool": tool, "params": params}),
        new_id=child_run_id,
        name=tool,
        child=(flow, payload),
    )
