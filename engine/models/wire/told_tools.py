"""Schemas of tools as servers take them; calls are held against the tool's own, whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine.models.conversation import ToolOffer

_EITHER = ("anyOf", "oneOf", "allOf")
_REFUSED = frozenset({*_EITHER, "not", "enum", "const", "if", "then", "else"})


def schema_of(tool: ToolOffer) -> dict[str, Any]:
    """The schema of its parameters, with what servers miss in one that leaves it out.

    OpenAI and Anthropic refuse the whole question for a schema that begins with a choice: then properties of
    all its branches are offered, and which of them go together is told by a call that does not fit.
    """
    given = tool.parameters
    if given.keys() & _REFUSED:
        given = {name: value for name, value in given.items() if name not in _REFUSED}
        given["properties"] = dict(_properties(tool.parameters))
    return {"properties": {}, **given, "type": "object"}


def _properties(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Those of its branches, then its own, which take their place."""
    for name in _EITHER:
        branches = schema.get(name)
        for branch in branches if isinstance(branches, list) else ():
            if isinstance(branch, dict):
                yield from _properties(branch)
    own = schema.get("properties")
    if isinstance(own, dict):
        yield from own.items()
