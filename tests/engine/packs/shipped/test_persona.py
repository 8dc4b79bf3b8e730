"""What a model is told of the role, the soul and the bounds of its pack."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.contracts.layers.guardrails import BehavioralGuardrails
from engine.contracts.layers.role import Role
from engine.contracts.layers.soul import Soul
from engine.packs.checks.field_effects import INFORMATION, TOLD, effect_of
from engine.packs.layers.persona import persona_of
from engine.packs.loader import read_pack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

    from engine.contracts.packs.agent import ComposedAgent


PACKS = Path(__file__).parents[4] / "packs"


def shipped(name: str) -> ComposedAgent:
    agent = read_pack(PACKS / name).agent
    assert agent is not None
    return agent


def test_every_part_has_its_heading_in_a_fixed_order() -> None:
    told = persona_of(shipped("senior-python-dev"))
    headings = [line.removeprefix("## ") for line in told.splitlines() if line.startswith("## ")]
    assert headings == [
        *("Identity", "Personality", "Tone", "Principles", "Role", "Competencies", "Knowledge"),
        *("Limitations", "Never", "Leave to a person"),
    ]
    assert "You are Architect." in told
    assert "- Backend development in Python (expert): API design, data models, asynchronous services" in told
    assert "- Delete production data" in told


def test_a_part_of_which_nothing_is_said_has_no_heading() -> None:
    agent = shipped("senior-python-dev")
    role = Role.model_validate({"title": "Reader", "domain": "Books", "goal": {"primary": "Read"}})
    bare = agent.model_copy(
        update={
            "role": role,
            "soul": Soul(),
            "guardrails": agent.guardrails.model_copy(update={"behavioral": BehavioralGuardrails()}),
        }
    )
    assert persona_of(bare).splitlines() == [
        *("## Identity", "You are Agent.", "Answer in the language en.", ""),
        *("## Personality", "Style: professional. Length: balanced."),
        *("Suggesting unasked: balanced. Stating what you are sure of: balanced.", ""),
        *("## Role", "Reader, middle, in Books.", "Your goal: Read"),
    ]


TEXTS: dict[str, type[BaseModel]] = {
    "soul": Soul,
    "role": Role,
    "guardrails.behavioral": BehavioralGuardrails,
}


def texts(model: type[BaseModel], place: str) -> Iterator[tuple[str, str]]:
    """Every field of a layer that holds words, by the place where it stands."""
    for name, field in model.model_fields.items():
        kind, where = field.annotation, f"{place}.{name}"
        inner = getattr(kind, "__args__", (kind,))[0]
        if isinstance(inner, type) and hasattr(inner, "model_fields"):
            yield from texts(inner, f"{where}[]" if inner is not kind else where)
        elif inner is str and name != "schema_version":
            yield where, name


@pytest.mark.parametrize("place", [place for root, model in TEXTS.items() for place, _ in texts(model, root)])
def test_what_the_documents_call_told_is_told_and_the_rest_is_not(place: str) -> None:
    """A word is put where the field stands; a model hears it, or the field is called information."""
    agent, word = shipped("senior-python-dev"), "zanzibar"
    layer, _, field = place.partition(".")
    document = getattr(agent, layer).model_dump(mode="json")
    *parents, last = field.split(".")
    holder = document
    for name in parents:
        holder = holder[name.removesuffix("[]")]
        holder = holder[0] if name.endswith("[]") else holder
    holder[last] = [word, word, word] if isinstance(holder[last], list) else word
    changed = agent.model_copy(update={layer: type(getattr(agent, layer)).model_validate(document)})
    effect = effect_of(place)
    assert (word in persona_of(changed)) == effect.startswith(TOLD), effect
    assert effect.startswith(TOLD) or effect == INFORMATION
