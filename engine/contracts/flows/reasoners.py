"""Agents with a fixed form of answer: what each is asked for, and the schema that its answer fits."""

from __future__ import annotations

from typing import Any

_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}


def _object(**properties: Any) -> dict[str, Any]:
    """A schema in which every field has to be there, and no other one."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


REASONERS: dict[str, tuple[str, dict[str, Any]]] = {
    "insight": ("INSIGHT", _object(summary=_TEXT, highlights=_TEXTS, risks=_TEXTS)),
    "prioritization": (
        "PRIORITIZATION",
        _object(
            priorities={
                "type": "array",
                "items": _object(item=_TEXT, priority={"type": "integer"}, rationale=_TEXT),
            }
        ),
    ),
    "explanation": ("EXPLANATION", _object(explanation=_TEXT, assumptions=_TEXTS, limitations=_TEXTS)),
}
"""By name: the purpose by which its model is found, and the schema."""
TEMPERATURE = 0.2


def reasoner_fields(name: str) -> dict[str, Any]:
    """The fields of an agent that its reasoner gives where its author leaves them out."""
    purpose, schema = REASONERS[name]
    return {"tools": (), "model": purpose, "temperature": TEMPERATURE, "output": schema}
