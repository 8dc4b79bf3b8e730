"""The tools that only agents have, by their names: as they are offered, and what a call of one becomes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.machine.model.state import scope_path_of
from engine.runtime.worker.steps.agents.own_tools.finding import FIND, find_call, find_offer
from engine.runtime.worker.steps.agents.own_tools.flows import flow_call, flow_of, flow_offer
from engine.runtime.worker.steps.agents.own_tools.handing_over import HANDOFF, handoff_call, handoff_offer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.contracts.flows.agent_step import AgentStep
    from engine.contracts.flows.tool_step import ToolStep
    from engine.machine.model.inputs import StepPrepared
    from engine.models.conversation import ToolOffer
    from engine.runtime.pack_library.pinned import PinnedFlow
    from engine.runtime.worker.steps.rendering import Rendering


def own_offers(agent: AgentStep, agent_path: str, flow: PinnedFlow) -> Iterator[ToolOffer]:
    """Those that the agent at this path has, as a model is told of them."""
    if agent.deferred:
        yield find_offer(agent)
    for name in agent.flows:
        offer = flow_offer(name, flow.siblings)
        if offer is not None:
            yield offer
    if agent.handoffs:
        yield handoff_offer(agent, flow.graph.steps_of(scope_path_of(agent_path)).steps)


def only_of_agents(tool: str) -> bool:
    """Whether a name is that of one of them."""
    return tool in {FIND, HANDOFF} or flow_of(tool) is not None


def own_call(agent: AgentStep, at: Rendering, called: ToolStep) -> StepPrepared | None:
    """What a call of one of them becomes; None for any other tool."""
    params: dict[str, Any] = called.params
    if called.tool == FIND and agent.deferred:
        return find_call(agent, at, params)
    if called.tool == HANDOFF and agent.handoffs:
        return handoff_call(agent, at, params)
    return flow_call(at, called.tool, params) if flow_of(called.tool) in agent.flows else None
