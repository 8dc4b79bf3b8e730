"""A quick yes for values that are plainly good.

The validator takes about 15 microseconds for each part of a value, so a large list would hold up the
event loop for seconds. An acceptance looks at the keywords that nearly all schemas use and says only
"yes" or "ask the validator"; it never refuses.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from engine.json_schema.comparing import identity, is_multiple, matches
from engine.json_schema.formats import has_format

Acceptance = Callable[[Any], bool]
"""True: the value has no fault. False: it may have one."""

_ONLY_TOLD = frozenset(
    {"title", "description", "default", "examples", "enumNames", "deprecated", "readOnly", "writeOnly"}
    | {"$schema", "$id", "$comment", "contentMediaType", "x-multiline"}
)
_KINDS: Mapping[str, Acceptance] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
}
_LIMITS: Mapping[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "minLength": ("string", lambda value, limit: len(value) >= limit),
    "maxLength": ("string", lambda value, limit: len(value) <= limit),
    "pattern": ("string", lambda value, limit: matches(limit, value)),
    "format": ("string", lambda value, limit: has_format(limit, value)),
    "minimum": ("number", lambda value, limit: value >= limit),
    "maximum": ("number", lambda value, limit: value <= limit),
    "exclusiveMinimum": ("number", lambda value, limit: value > limit),
    "exclusiveMaximum": ("number", lambda value, limit: value < limit),
    "multipleOf": ("number", is_multiple),
    "minItems": ("array", lambda value, limit: len(value) >= limit),
    "maxItems": ("array", lambda value, limit: len(value) <= limit),
    "uniqueItems": (
        "array",
        lambda value, limit: not limit or len(set(map(identity, value))) == len(value),
    ),
    "minProperties": ("object", lambda value, limit: len(value) >= limit),
    "maxProperties": ("object", lambda value, limit: len(value) <= limit),
}
_PARTS = frozenset({"properties", "required", "additionalProperties"})


def accepts(schema: Any) -> Acceptance | None:
    """The acceptance of a checked schema, or None when it has a keyword that is not among the quick ones."""
    return _accepts(json.dumps(schema, sort_keys=True))


@lru_cache(maxsize=512)
def _accepts(schema_json: str) -> Acceptance | None:
    return _built(json.loads(schema_json))


def _built(schema: Any) -> Acceptance | None:
    if isinstance(schema, bool):
        return lambda _value: schema
    tests: list[Acceptance] = []
    for keyword, limit in schema.items():
        if keyword in _ONLY_TOLD or keyword in _PARTS:
            continue
        test = _keyword(keyword, limit)
        if test is None:
            return None
        tests.append(test)
    if _PARTS & schema.keys():
        fields = _fields(schema)
        if fields is None:
            return None
        tests.append(fields)
    return _all_of(tests)


def _all_of(tests: list[Acceptance]) -> Acceptance:
    """One test for all; the two commonest cases without a loop, for it is called for every part."""
    match tests:
        case [only]:
            return only
        case [first, second]:
            return lambda value: first(value) and second(value)
        case _:
            return lambda value: all(test(value) for test in tests)


def _keyword(keyword: str, limit: Any) -> Acceptance | None:
    if keyword == "type":
        kinds = [_KINDS[name] for name in ([limit] if isinstance(limit, str) else limit)]
        return kinds[0] if len(kinds) == 1 else lambda value: any(kind(value) for kind in kinds)
    if keyword in {"enum", "const"}:
        allowed = {identity(item) for item in (limit if keyword == "enum" else [limit])}
        return lambda value: identity(value) in allowed
    if keyword == "items":
        good = _built(limit)
        if good is None:
            return None
        return lambda value: not isinstance(value, list) or all(map(good, value))
    if keyword not in _LIMITS:
        return None
    kind, compare = _LIMITS[keyword]
    concerns = _KINDS[kind]
    return lambda value: not concerns(value) or compare(value, limit)


def _fields(schema: Mapping[str, Any]) -> Acceptance | None:
    known: dict[str, Acceptance] = {}
    for name, field in schema.get("properties", {}).items():
        good = _built(field)
        if good is None:
            return None
        known[name] = good
    others = _built(schema.get("additionalProperties", True))
    if others is None:
        return None
    required = schema.get("required", ())

    def test(value: Any) -> bool:
        if not isinstance(value, dict):
            return True
        return all(name in value for name in required) and all(
            known.get(name, others)(item) for name, item in value.items()
        )

    return test
