"""The skills that an agent is told: blocks with where they come from, never templates."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from engine.contracts.flows.agent_step import MAX_SKILL_BYTES, MAX_SKILLS
from engine.errors import InvalidInput
from engine.governance.policies import tool_key
from engine.models.blocks import SkillBlock
from engine.templates import kind_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from engine.contracts.flows.agent_step import AgentStep
    from engine.runtime.pack_library.pinned import PinnedFlow
    from engine.runtime.worker.steps.rendering import Rendering


SKILLS = "skills"
"""Key of what an agent, or a turn of a conversation, is started with."""


def skills_of(step: AgentStep, at: Rendering, tools: Collection[str]) -> list[dict[str, Any]]:
    """What the agent is started with of the skills that its flow, or the start payload, names.

    Raises InvalidInput for what is no name, or too many, TemplateError.
    """
    names = [name for written in step.skills for name in _names(at.value(written))]
    if len(set(names)) > MAX_SKILLS:
        message = f"an agent is told at most {MAX_SKILLS} skills, these are {len(set(names))}"
        raise InvalidInput(message, {"field": SKILLS, "limit": MAX_SKILLS})
    return list(skills_named(names, at, tools))


def _names(value: Any) -> list[str]:
    names = value if isinstance(value, list) else [value]
    for name in names:
        if not isinstance(name, str):
            message = f"`skills` takes names of skills of the pack; this is none: {kind_of(name)}"
            raise InvalidInput(message, {"field": SKILLS})
    return names


def skills_named(names: Iterable[str], at: Rendering, tools: Collection[str]) -> Iterator[dict[str, Any]]:
    """Of each skill its text, or why it is not told.

    A skill that needs a tool which the agent lacks is of no use to it.
    """
    pack, left = str(at.context["run"]["pack"]), MAX_SKILL_BYTES
    for name in dict.fromkeys(names):
        key, skill = f"{pack}/{name}", at.flow.skills.get(name)
        if skill is None:
            yield {"key": key, "reason": "not_found", "details": {}}
            continue
        missing = next((tool for tool in skill.required_tools if tool_key(tool) not in tools), None)
        if missing is not None:
            yield {"key": key, "reason": "tool_not_visible", "details": {"tool": missing}}
            continue
        text = skill.body.strip()
        encoded = text.encode()
        left -= len(encoded)
        if left < 0:
            yield {"key": key, "reason": "too_large", "details": {"limit": MAX_SKILL_BYTES}}
            left += len(encoded)
            continue
        yield {
            "key": key,
            "digest": sha256(encoded).hexdigest(),
            "bytes": len(encoded),
            "name": skill.name,
            "trigger": skill.trigger,
            "text": text,
        }


def noted(skills: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    """The same without the texts, for the run's history."""
    return tuple({key: one[key] for key in one if key != "text"} for one in skills)


def may_be_named(flow: PinnedFlow, tools: Collection[str]) -> list[str]:
    """Ids of the skills that an agent with these tools can be told."""
    return [
        one.id for one in flow.skills.values() if all(tool_key(tool) in tools for tool in one.required_tools)
    ]


def skill_blocks(told: Sequence[dict[str, Any]]) -> tuple[SkillBlock, ...]:
    """The blocks of those that an agent was started with."""
    return tuple(
        SkillBlock(one["key"], one["digest"], one["name"], one["trigger"], one["text"]) for one in told
    )


def persona_with_skills(flow: PinnedFlow, pack: str, tools: Collection[str]) -> str:
    """Who the agent is, and last which skills its pack has; those for which it lacks a tool are of no use."""
    listed = [
        f"- {pack}/{name}: {flow.skills[name].name}. When to use it: {flow.skills[name].trigger}"
        for name in may_be_named(flow, tools)
    ]
    return "\n\n".join(filter(None, (flow.persona, "\n".join(("## Skills", *listed)) if listed else "")))
