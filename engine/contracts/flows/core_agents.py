"""Agents that every flow may name: each asks a model once, and has no tools."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine.contracts.flows.reasoners import TEMPERATURE, reasoner_fields


@dataclass(frozen=True, slots=True)
class CoreAgent:
    """What a flow gets that names it: words for people, and what an author may leave out."""

    name: str
    about: str
    instructions: str
    fields: dict[str, Any] = field(default_factory=dict)

    @property
    def has_form(self) -> bool:
        """Whether its answer has a form of its own."""
        return "output" in self.fields


def _reasoner(kind: str, about: str, instructions: str) -> CoreAgent:
    return CoreAgent(f"{kind}_reasoner", about, instructions, reasoner_fields(kind))


CORE_AGENTS: dict[str, CoreAgent] = {
    one.name: one
    for one in (
        CoreAgent(
            "llm_reasoner",
            "answers in words, or in the form of an `output`; `model` may name a purpose",
            "Answer what you are asked.",
            {"tools": (), "temperature": TEMPERATURE},
        ),
        _reasoner(
            "insight",
            "says what matters in what it is given: summary, highlights, risks",
            "Say what matters in what you are given.",
        ),
        _reasoner(
            "prioritization",
            "puts what it is given in an order: item, priority, rationale",
            "Put what you are given in an order, the most important first, and say why.",
        ),
        _reasoner(
            "explanation",
            "explains what it is given: explanation, assumptions, limitations",
            "Explain what you are given. Name what you assume, and what you do not know.",
        ),
    )
}
"""By name."""
