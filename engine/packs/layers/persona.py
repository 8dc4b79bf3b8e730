"""Who the agents of a pack are: its soul, role and bounds in words for a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engine.contracts.layers.guardrails import BehavioralGuardrails
    from engine.contracts.layers.role import CompetencySkill, Role
    from engine.contracts.layers.soul import Soul
    from engine.contracts.packs.agent import ComposedAgent


def persona_of(agent: ComposedAgent) -> str:
    """Its parts in a fixed order, each under a heading; a part of which nothing is said is left out."""
    parts = (*_of_soul(agent.soul), *_of_role(agent.role), *_of_bounds(agent.guardrails.behavioral))
    return "\n\n".join(f"## {heading}\n{text}" for heading, lines in parts if (text := "\n".join(lines)))


def _of_soul(soul: Soul) -> Iterator[tuple[str, Iterable[str]]]:
    identity, manner, tone = soul.identity, soul.personality, soul.tone
    understood = ", ".join(identity.languages)
    yield (
        "Identity",
        (
            f"You are {identity.name}.",
            f"Answer in the language {identity.language}.",
            *_said("You understand", understood),
        ),
    )
    yield (
        "Personality",
        (
            f"Style: {manner.communication_style}. Length: {manner.verbosity}.",
            f"Suggesting unasked: {manner.proactivity}. Stating what you are sure of: "
            f"{manner.confidence_expression}.",
        ),
    )
    yield (
        "Tone",
        (
            *_said("As a rule", tone.default),
            *_said("When something worked", tone.on_success),
            *_said("When something failed", tone.on_error),
            *_said("When you are not sure", tone.on_uncertainty),
        ),
    )
    yield "Principles", _listed(soul.principles)


def _of_role(role: Role) -> Iterator[tuple[str, Iterable[str]]]:
    yield (
        "Role",
        (
            f"{role.title}, {role.seniority}, in {role.domain}.",
            f"Your goal: {role.goal.primary}",
            *_said("Further goals", "; ".join(role.goal.secondary)),
            *_said("Background", role.backstory.strip()),
        ),
    )
    yield "Competencies", map(_competency, role.competency_graph.skills)
    known = role.domain_knowledge
    yield (
        "Knowledge",
        (
            *_said("Known well", "; ".join(known.primary)),
            *_said("Known in passing", "; ".join(known.secondary)),
        ),
    )
    yield "Limitations", _listed(role.limitations)


def _of_bounds(bounds: BehavioralGuardrails) -> Iterator[tuple[str, Iterable[str]]]:
    yield "Never", _listed(bounds.prohibited_actions)
    yield "Always include", _listed(bounds.required_disclaimers)
    yield "Leave to a person", _listed(bounds.escalation_triggers)


def _competency(skill: CompetencySkill) -> str:
    used = f": {', '.join(skill.tasks)}" if skill.tasks else ""
    return f"- {skill.name} ({skill.level}){used}"


def _said(what: str, text: str) -> tuple[str, ...]:
    return (f"{what}: {text}",) if text else ()


def _listed(items: Iterable[str]) -> Iterator[str]:
    return (f"- {item}" for item in items)
