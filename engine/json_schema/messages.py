"""What a fault of a value is called, in words for a person; values are not echoed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.json_schema.comparing import python_pattern
from engine.json_schema.pattern_cost import most_characters

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

    from engine.contracts.runs.request import FieldError


_UNKNOWN = "is not a known field"
_TOLD = 5
"""Faults that a refusal names."""


def told(faults: Sequence[FieldError], whole: str) -> str:
    """What a refusal says of them; a fault of no field is one of the `whole`.

    It is kept, and a name that is no field may be a secret that went astray: they are counted.
    """
    fields = [fault for fault in faults if fault.message != _UNKNOWN]
    shown = (fields or faults[:1])[:_TOLD]
    first = ", ".join(f"{fault.field or whole} {fault.message}" for fault in shown)
    return f"{first} and {len(faults) - len(shown)} more" if len(faults) > len(shown) else first


def format_faults(error: ValidationError) -> Iterator[tuple[str, str]]:
    """Field and message of a fault; a missing or unknown field is told at the field itself.

    Of alternatives (`oneOf`, `anyOf`) the faults of the one that was meant are told, when that is plain.
    """
    if error.validator in {"oneOf", "anyOf"} and (meant := _meant(error.context or ())):
        for inner in meant:
            yield from format_faults(inner)
        return
    path = ".".join(map(str, error.absolute_path))
    if error.validator in {"required", "dependentRequired"}:
        for name in _missing(error):
            yield (f"{path}.{name}" if path else name), "is required"
    elif error.validator == "additionalProperties" and error.validator_value is False:
        for name in _extra(error):
            yield (f"{path}.{name}" if path else name), _UNKNOWN
    else:
        yield path, _message(error)


def _meant(faults: Iterable[ValidationError]) -> list[ValidationError]:
    """The faults of the one alternative whose type and fixed values fit; none when several or none do."""
    by_place: dict[Any, list[ValidationError]] = {}
    for fault in faults:
        if fault.relative_schema_path:  # empty for an alternative that is `false`: nothing can mean that
            by_place.setdefault(fault.relative_schema_path[0], []).append(fault)
    fitting = [found for found in by_place.values() if not any(map(_rules_out, found))]
    return fitting[0] if len(fitting) == 1 else []


def _rules_out(fault: ValidationError) -> bool:
    """Whether the fault says that this alternative was not meant at all."""
    depth = len(fault.relative_path)
    return (fault.validator == "type" and depth == 0) or (fault.validator in {"const", "enum"} and depth <= 1)


def _missing(error: ValidationError) -> list[str]:
    instance: Any = error.instance
    wanted: Any = error.validator_value
    if isinstance(wanted, Mapping):
        wanted = [name for key, names in wanted.items() if key in instance for name in names]
    return [name for name in wanted if name not in instance]


def _extra(error: ValidationError) -> list[str]:
    schema: Any = error.schema
    instance: Any = error.instance
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    names = (name for name in instance if name not in known)
    return [name[:80] for name in names if not any(re.search(pattern, name) for pattern in patterns)]


def _message(error: ValidationError) -> str:
    keyword = str(error.validator)
    limit: Any = error.validator_value
    if keyword == "type":
        return f"must be {_kinds(limit)}"
    if keyword in {"enum", "const"}:
        return f"must be {_allowed(limit if keyword == 'enum' else [limit])}"
    if keyword == "minLength" and limit == 1:
        return "must not be empty"
    if keyword == "pattern":
        return _pattern_message(error)
    text = _MESSAGES.get(keyword, "does not have the form that is asked for").format(limit)
    return text.removesuffix("s") if limit == 1 and text.endswith(("items", "fields", "characters")) else text


def _pattern_message(error: ValidationError) -> str:
    pattern, text = str(error.validator_value), str(error.instance)
    if pattern == r"\S":
        return "must not be blank"
    most = most_characters(python_pattern(pattern).pattern)
    if len(text) > most:
        return f"must have at most {most:,} characters to be compared with its pattern"
    return f"must match the pattern {pattern[:100]}"


_MESSAGES = {
    "minLength": "must have at least {} characters",
    "maxLength": "must have at most {} characters",
    "minimum": "must be {} or more",
    "maximum": "must be {} or less",
    "exclusiveMinimum": "must be more than {}",
    "exclusiveMaximum": "must be less than {}",
    "multipleOf": "must be a multiple of {}",
    "minItems": "must have at least {} items",
    "maxItems": "must have at most {} items",
    "uniqueItems": "must not hold the same item twice",
    "minProperties": "must have at least {} fields",
    "maxProperties": "must have at most {} fields",
    "format": "must be a valid {}",
}
_KINDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object with fields",
    "null": "empty (null)",
}


def _kinds(types: Any) -> str:
    names = types if isinstance(types, list) else [types]
    return " or ".join(_KINDS.get(name, str(name)) for name in names)


def _allowed(values: list[Any]) -> str:
    shown = [(value if isinstance(value, str) else json.dumps(value))[:40] for value in values[:10]]
    more = f" or {len(values) - 10} others" if len(values) > 10 else ""
    return f"one of: {', '.join(shown)}{more}" if len(values) > 1 else shown[0]
