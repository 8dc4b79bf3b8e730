"""JSON Schemas compiled to closures that say yes at once, where that is certain.

A no means nothing: whoever asks then has the whole validator look, which has the words for people. So
only keywords that every tool uses are known here, and values of odd types are never waved through.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

Check = Callable[[Any], bool]

_ANNOTATIONS = frozenset({"$schema", "title", "description", "default", "examples", "format", "deprecated"})
_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
    "array": (list,),
    "object": (dict,),
}


class _Unknown(Exception):
    """The schema holds what is not known here."""


def quick_check(schema: Any) -> Check | None:
    """True for values that fit for certain; None for a schema that is not understood."""
    try:
        return _compiled(schema)
    except (_Unknown, RecursionError):
        return None


def _compiled(schema: Any) -> Check:
    if schema is True:
        return lambda _value: True
    if not isinstance(schema, Mapping):
        raise _Unknown
    words = {key: value for key, value in schema.items() if key not in _ANNOTATIONS}
    checks: list[Check] = []
    for keywords, compiler in _KEYWORDS:
        if any(word in words for word in keywords):
            checks.append(compiler({word: words.pop(word) for word in keywords if word in words}))
    if words:
        raise _Unknown
    return reduce(_both, checks) if checks else lambda _value: True


def _both(first: Check, second: Check) -> Check:
    return lambda value: first(value) and second(value)


def _type(words: Mapping[str, Any]) -> Check:
    named = words["type"]
    names = [named] if isinstance(named, str) else named
    if not isinstance(names, list) or not all(isinstance(name, str) and name in _TYPES for name in names):
        raise _Unknown
    # exact types: a bool is no integer, and what a subclass means is for the validator to say
    exact = frozenset(kind for name in names for kind in _TYPES[name])
    return lambda value: type(value) in exact


def _choice(words: Mapping[str, Any]) -> Check:
    choices = words["enum"] if "enum" in words else [words["const"]]
    if len(words) > 1 or not isinstance(choices, list):
        raise _Unknown
    if not all(isinstance(choice, str | int | bool | None) for choice in choices):
        raise _Unknown
    pairs = frozenset((type(choice), choice) for choice in choices)
    return lambda value: isinstance(value, str | int | bool | None) and (type(value), value) in pairs


def _text(words: Mapping[str, Any]) -> Check:
    least, most = _count(words, "minLength"), _count(words, "maxLength")
    pattern = words.get("pattern", "")
    if not isinstance(pattern, str):
        raise _Unknown
    try:
        found = re.compile(pattern).search
    except re.error:
        raise _Unknown from None

    def check(value: Any) -> bool:
        if not isinstance(value, str):
            return True
        return (
            (least is None or len(value) >= least)
            and (most is None or len(value) <= most)
            and (not pattern or found(value) is not None)
        )

    return check


def _number(words: Mapping[str, Any]) -> Check:
    if not all(type(bound) in (int, float) for bound in words.values()):
        raise _Unknown
    least, most = words.get("minimum"), words.get("maximum")
    above, below = words.get("exclusiveMinimum"), words.get("exclusiveMaximum")

    def check(value: Any) -> bool:
        if type(value) not in (int, float):
            return not isinstance(value, int | float) or isinstance(value, bool)
        return (
            (least is None or value >= least)
            and (most is None or value <= most)
            and (above is None or value > above)
            and (below is None or value < below)
        )

    return check


def _array(words: Mapping[str, Any]) -> Check:
    least, most = _count(words, "minItems"), _count(words, "maxItems")
    each = _compiled(words.get("items", True))

    def check(value: Any) -> bool:
        if not isinstance(value, list):
            return True
        return (
            (least is None or len(value) >= least)
            and (most is None or len(value) <= most)
            and all(map(each, value))
        )

    return check


def _object(words: Mapping[str, Any]) -> Check:
    required, properties = words.get("required", []), words.get("properties", {})
    others = words.get("additionalProperties", True)
    if not isinstance(required, list) or not isinstance(properties, Mapping):
        raise _Unknown
    if not all(isinstance(name, str) for name in required):
        raise _Unknown
    fields = {name: _compiled(schema) for name, schema in properties.items()}
    other = None if others is False else _compiled(others)

    def check(value: Any) -> bool:
        if not isinstance(value, dict):
            return True
        for name in required:
            if name not in value:
                return False
        for name, item in value.items():
            field = fields.get(name, other)
            if field is None or not field(item):
                return False
        return True

    return check


def _any_of(words: Mapping[str, Any]) -> Check:
    schemas = words["anyOf"]
    if not isinstance(schemas, list) or not schemas:
        raise _Unknown
    checks = [_compiled(schema) for schema in schemas]
    return lambda value: any(check(value) for check in checks)


def _count(words: Mapping[str, Any], name: str) -> int | None:
    count = words.get(name)
    if count is not None and (type(count) is not int or count < 0):
        raise _Unknown
    return count


_KEYWORDS: tuple[tuple[tuple[str, ...], Callable[[Mapping[str, Any]], Check]], ...] = (
    (("type",), _type),
    (("enum", "const"), _choice),
    (("minLength", "maxLength", "pattern"), _text),
    (("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _number),
    (("items", "minItems", "maxItems"), _array),
    (("required", "properties", "additionalProperties"), _object),
    (("anyOf",), _any_of),
)
