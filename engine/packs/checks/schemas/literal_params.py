"""What a flow hands a tool outright, held against the tool's schema before anything runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.packs.checks.schemas.known_part import known_part
from engine.templates import has_template
from engine.tools.parameters import parameter_check

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MOST = 5
"""Faults that are told of one step."""


def literal_faults(schema: Mapping[str, Any], params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Faults by the parameter they are of (`""` for one that is missing).

    A value with a template in it, or that names a secret, is known when the step runs, and checked then.
    """
    held, values = known_part(schema, params, {name for name, value in params.items() if _is_open(value)})
    for place, message in parameter_check(held)(values)[:MOST]:
        name = place.lstrip("/").partition("/")[0]
        yield (name if name in params else ""), message


def _is_open(value: Any) -> bool:
    match value:
        case str():
            return has_template(value)
        case dict():
            return "$secret" in value or any(map(_is_open, value.values())) or any(map(_is_open, value))
        case list():
            return any(map(_is_open, value))
        case _:
            return False
