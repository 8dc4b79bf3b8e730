"""Holding an object against its schema while some of its fields are not known yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.json_schema.forms import check_schema

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_OF_SEVERAL = frozenset(
    {
        *("$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "not", "if", "then", "else"),
        *("dependencies", "dependentRequired", "dependentSchemas", "minProperties", "unevaluatedProperties"),
    }
)
"""What speaks of an object as a whole: a field that is not known yet may make it hold."""


def known_part(
    schema: Mapping[str, Any], values: Mapping[str, Any], later: Collection[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The schema and the values, without what `later` fields decide; anything at all fits these.

    Of a schema whose other parts refer to what is left out nothing remains.
    """
    if not later:
        return dict(schema), dict(values)
    properties, required = schema.get("properties"), schema.get("required")
    declared = properties if isinstance(properties, dict) else {}
    kept = {key: part for key, part in schema.items() if key not in _OF_SEVERAL}
    kept["properties"] = {name: {} if name in later else part for name, part in declared.items()}
    if isinstance(required, list):
        kept["required"] = [name for name in required if name not in later]
    if len(kept) < len(schema) and check_schema(kept):
        return {}, {}
    # one of a name that nothing allows is told whatever it becomes
    closed = schema.get("additionalProperties") is False and "patternProperties" not in schema
    told = {name: part for name, part in values.items() if name not in later or name in declared or closed}
    return kept, told
