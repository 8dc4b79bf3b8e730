"""Whether a flow can be started here: where its calls have to be isolated, that has to be possible."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine.contracts.flows.agent_step import AgentStep
from engine.contracts.flows.plan_step import PlanProposalStep
from engine.contracts.flows.tool_step import ToolStep
from engine.errors import ErrorCode, Refused
from engine.machine.model.graph import walk_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.contracts.flows.flow import FlowDef
    from engine.contracts.flows.step import StepFields
    from engine.governance.tools_layer import ToolsLayer
    from engine.tools.sandbox.bubblewrap import Bubblewrap


async def require_isolation(
    flow: FlowDef, layer: ToolsLayer | None, bubblewrap: Callable[[], Bubblewrap] | None
) -> None:
    """Raises Refused (`sandbox_unavailable`); looks for nothing unless the flow or its pack demands it."""
    demanded = next(_demanded(flow, layer), None)
    if demanded is None:
        return
    from engine.tools.sandbox.bubblewrap import bubblewrap as here  # noqa: PLC0415 - for the few that demand it

    found = await asyncio.to_thread(bubblewrap or here)
    if found.program is None:
        message = (
            f"calls of {flow.id} are to be isolated ({demanded}), which cannot be had here: {found.words}"
        )
        raise Refused(ErrorCode.SANDBOX_UNAVAILABLE, message, {"demanded": demanded})


def _demanded(flow: FlowDef, layer: ToolsLayer | None) -> Iterator[str]:
    """Who demands it, in words."""
    if layer is not None and layer.level == "isolated":
        yield "tool_policies.level of its pack"
    for step in walk_steps(flow.outermost):
        if isinstance(step, ToolStep) and step.sandbox == "isolated":
            yield f"step {step.id}"
        for tool in _tools(step, layer):
            bounds = layer.bounds(tool) if layer is not None else None
            if bounds is not None and bounds.level == "isolated":
                yield f"the tools layer of its pack for {tool}, which step {step.id} may call"


def _tools(step: StepFields, layer: ToolsLayer | None) -> tuple[str, ...]:
    """What a step may call."""
    if isinstance(step, ToolStep):
        return (step.tool,)
    if not isinstance(step, AgentStep | PlanProposalStep):
        return ()
    return step.tools if step.tools is not None else tuple(layer.offered or () if layer is not None else ())
