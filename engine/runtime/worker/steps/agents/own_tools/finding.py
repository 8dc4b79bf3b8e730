"""Deferred tools: an agent finds them by words when it needs them, instead of being told of all of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from engine.contracts.status import StepErrorCode
from engine.governance.pipeline import Point, Subject, check
from engine.machine.model.inputs import StepPrepared
from engine.machine.model.state import find_execution, outer_path_of
from engine.machine.transition_builder import failure
from engine.models.conversation import ToolOffer
from engine.values import follow

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.contracts.flows.agent_step import AgentStep
    from engine.runtime.pack_library.pinned import PinnedFlow
    from engine.runtime.worker.steps.rendering import Rendering
    from engine.tools.executor import ToolExecutor

FIND = "find_tools"
MOST_FOUND = 8
MAX_QUERY = 200
MAX_VISIBLE = 64
"""Deferred tools that an agent is told of at once: those found last."""
_WORD = re.compile(r"[a-z0-9]+")


def find_offer(agent: AgentStep) -> ToolOffer:
    """As a model is told of it."""
    words = f"Find more tools by words for what you need; there are {len(agent.deferred)}. What is found"
    return ToolOffer(
        FIND,
        f"{words} can be called from your next turn on.",
        {
            "type": "object",
            "properties": {"query": {"type": "string", "minLength": 1, "maxLength": MAX_QUERY}},
            "required": ["query"],
            "additionalProperties": False,
        },
    )


def find_call(agent: AgentStep, at: Rendering, params: dict[str, Any]) -> StepPrepared:
    """The call: tools are looked through where it is made, but for those that are kept from it as things
    stand."""
    query = params.get("query")
    if params.keys() != {"query"} or not isinstance(query, str) or not 0 < len(query) <= MAX_QUERY:
        message = f"{FIND} takes `query`, a text of at most {MAX_QUERY} characters"
        error = failure(StepErrorCode.INVALID_INPUT, message, tool=FIND)
        return StepPrepared(now=at.now, path=at.path, error=error)
    asked = find_execution(at.state.root, outer_path_of(at.path))
    assert asked is not None, at.path
    reply = follow(asked.input, at.values.resolve)
    kept = {*reply.get("hidden", ()), *reply.get("blind", ())}
    among = [one for one in agent.deferred if one not in kept]
    value = {"tool": FIND, "params": {"query": query}, "among": among}
    return StepPrepared(now=at.now, path=at.path, value=at.store(value), name=FIND)


async def find_tools(executor: ToolExecutor, flow: PinnedFlow, asked: dict[str, Any]) -> dict[str, Any]:
    """The deferred tools that fit best and may be called: name and description, the best first."""
    wanted = set(_WORD.findall(asked["params"]["query"].lower()))
    fitting: list[tuple[int, str, str]] = []
    for name in asked["among"]:
        spec = await executor.offered(name, flow.code)
        subject = Subject(tool=name, layer=flow.layer)
        if spec is None or check(Point.TOOL_CALL, subject, flow.policies).denied:
            continue
        in_name = set(_WORD.findall(name.lower()))
        about = set(_WORD.findall(spec.description.lower()))
        score = 2 * len(wanted & in_name) + len(wanted & about)
        if score:
            fitting.append((-score, name, spec.description))
    fitting.sort()
    tools = [{"name": name, "description": words} for _, name, words in fitting[:MOST_FOUND]]
    return {"tools": tools, "more": max(0, len(fitting) - MOST_FOUND)}


def found_since(found: Iterable[str], calls: Sequence[dict[str, Any]], results: Sequence[Any]) -> list[str]:
    """The deferred tools that an agent knows after a turn: those it knew, and what its calls found."""
    known = dict.fromkeys(found)
    for call, result in zip(calls, results, strict=True):
        tools = result.get("tools") if call["tool"] == FIND and isinstance(result, dict) else None
        for tool in tools if isinstance(tools, list) else ():
            known.pop(tool["name"], None)
            known[tool["name"]] = None
    return list(known)[-MAX_VISIBLE:]
