"""The skills that an agent is told: blocks with where they come from, never templates."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from engine.models.blocks import SkillBlock

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from engine.contracts.flows.agent_step import AgentStep
    from engine.runtime.pack_library.pinned import PinnedFlow
    from engine.runtime.worker.steps.rendering import Rendering


def skills_of(step: AgentStep, at: Rendering, tools: Collection[str]) -> Iterator[dict[str, Any]]:
    """What the agent is started with of each skill that it names: its text, or why it is not told.

    A skill that needs a tool which the agent lacks is of no use to it.
    """
    pack = str(at.context["run"]["pack"])
    for name in dict.fromkeys(step.skills):
        key, skill = f"{pack}/{name}", at.flow.skills.get(name)
        if skill is None:
            yield {"key": key, "reason": "not_found", "details": {}}
            continue
        missing = next((tool for tool in skill.required_tools if tool not in tools), None)
        if missing is not None:
            yield {"key": key, "reason": "tool_not_visible", "details": {"tool": missing}}
            continue
        text = skill.body.strip()
        encoded = text.encode()
        yield {
            "key": key,
            "digest": sha256(encoded).hexdigest(),
            "bytes": len(encoded),
            "name": skill.name,
            "trigger": skill.trigger,
            "text": text,
        }


def skill_blocks(told: Sequence[dict[str, Any]]) -> tuple[SkillBlock, ...]:
    """The blocks of those that an agent was started with."""
    return tuple(
        SkillBlock(one["key"], one["digest"], one["name"], one["trigger"], one["text"]) for one in told
    )


def persona_with_skills(flow: PinnedFlow, pack: str, tools: Collection[str]) -> str:
    """Who the agent is, and last which skills its pack has; those for which it lacks a tool are of no use."""
    listed = [
        f"- {pack}/{skill.id}: {skill.name}. When to use it: {skill.trigger}"
        for skill in flow.skills.values()
        if all(tool in tools for tool in skill.required_tools)
    ]
    return "\n\n".join(filter(None, (flow.persona, "\n".join(("## Skills", *listed)) if listed else "")))
