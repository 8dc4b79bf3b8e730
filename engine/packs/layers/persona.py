"""Who the agents of a pack are: its role and soul in words for a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engine.contracts.packs.agent import ComposedAgent


def persona_of(agent: ComposedAgent) -> str:
    """Name, profession, goals, knowledge, limits, manner and principles, a line each."""
    return "\n".join(_lines(agent))


def _lines(agent: ComposedAgent) -> Iterator[str]:
    soul, role = agent.soul, agent.role
    yield f"You are {soul.identity.name}: {role.title}, {role.seniority}, in {role.domain}."
    yield f"Your goal: {role.goal.primary}"
    yield from _list("Further goals", role.goal.secondary)
    yield from _list("Background", [role.backstory] if role.backstory else [])
    yield from _list("You know well", role.domain_knowledge.primary)
    yield from _list("You do not", role.limitations)
    manner = soul.personality
    style = f"{manner.communication_style}, {manner.verbosity}"
    yield f"Answer in the language {soul.identity.language}, {style}."
    yield from _list("Tone", [soul.tone.default] if soul.tone.default else [])
    yield from _list("You hold to", soul.principles)


def _list(what: str, items: Iterable[str]) -> Iterator[str]:
    if words := "; ".join(items):
        yield f"{what}: {words}"
