"""Forms and inputs by JSON Schema: what a form asks for, and every fault of an answer at once.

One validator serves loading (`check_schema`), forms (`check_values`) and the start payload
(`payload_errors`). It follows no reference out of the schema, and its patterns cannot run for ever.
"""

from __future__ import annotations

import asyncio
import copy
import importlib
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from engine.contracts.runs.request import FieldError, UserInputRequest
from engine.errors import InvalidInput
from engine.values import with_images_shown

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "MAX_TEXT",
    "apply_defaults",
    "check_schema",
    "check_values",
    "fill_defaults",
    "form_schema",
    "image_field",
    "load_checks",
    "path_fields",
    "payload_errors",
]

_CHECKS = "engine.json_schema.check"
IMAGES = "images"
"""`format` of a field that takes names of image files, and holds the images."""
SKILLS = "skills"
"""`format` of a list of skills, which may be named as `/skill` in what a person writes."""
_CLOSING = ".,;:!?)"
MAX_TEXT = 100_000
"""Characters of one text in an answer."""

_CONSTRAINTS = {
    "min_length": "minLength",
    "max_length": "maxLength",
    "min_items": "minItems",
    "max_items": "maxItems",
    "minimum": "minimum",
    "maximum": "maximum",
    "exclusive_minimum": "exclusiveMinimum",
    "exclusive_maximum": "exclusiveMaximum",
    "multiple_of": "multipleOf",
    "unique_items": "uniqueItems",
    "regex": "pattern",
}
_BOUNDS = {
    "string": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
    "object": ("minProperties", "maxProperties"),
}


def form_schema(request: UserInputRequest) -> dict[str, Any]:
    """The full JSON Schema of a form, as `check_values` takes it and screens draw it.

    Raises InvalidInput when the request contradicts itself: `required`, `constraints` or `choices` for
    fields it does not have, or a schema that is not of an object.
    """
    if request.mode == "free_text_input":
        return _free_text_schema(request)
    schema = copy.deepcopy(request.json_schema)
    if schema.setdefault("type", "object") != "object":
        raise _contradiction(request, "its schema must have the type `object`")
    fields = schema.setdefault("properties", {})
    if not isinstance(fields, dict):
        raise _contradiction(request, "`properties` of its schema must be an object")
    schema.setdefault("additionalProperties", False)
    required = list(dict.fromkeys([*_names(schema.get("required")), *request.required]))
    if request.choices is not None:
        _add_choices(request, fields, required)
    _refuse_unknown(request, "required", required, schema)
    _refuse_unknown(request, "constraints", request.constraints, schema)
    for name, limits in request.constraints.items():
        fields[name] = _constrained(fields.get(name, {}), limits)
    if required:
        schema["required"] = required
    return schema


def _free_text_schema(request: UserInputRequest) -> dict[str, Any]:
    given = request.json_schema.get("properties")
    text = dict(given.get("text") or {}) if isinstance(given, dict) else {}
    own = request.constraints.get("text")
    limits = own if isinstance(own, Mapping) else request.constraints
    text = _constrained({**text, "type": "string"}, limits)
    text["minLength"] = max(1, text.get("minLength", 1))
    if "pattern" in text:
        text["allOf"] = [*text.get("allOf", []), {"pattern": r"\S"}]
    else:
        text["pattern"] = r"\S"
    return {
        "type": "object",
        "properties": {"text": text},
        "required": ["text"],
        "additionalProperties": False,
    }


def _names(value: Any) -> list[str]:
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []


def _refuse_unknown(
    request: UserInputRequest, where: str, names: Sequence[str] | Mapping[str, Any], schema: dict[str, Any]
) -> None:
    if schema["additionalProperties"] is not False or "patternProperties" in schema:
        return
    unknown = [name for name in names if name not in schema["properties"]]
    if unknown:
        raise _contradiction(request, f"`{where}` names fields it does not have: {', '.join(unknown)[:200]}")


def _contradiction(request: UserInputRequest, what: str) -> InvalidInput:
    return InvalidInput(f"the form {request.form_id!r} cannot be shown: {what}", {"form_id": request.form_id})


def _add_choices(request: UserInputRequest, fields: dict[str, Any], required: list[str]) -> None:
    choices = request.choices or ()
    if fields and "choice" not in fields:
        raise _contradiction(request, "`choices` need a field `choice`, or a schema without fields")
    if not choices or any("value" not in choice for choice in choices):
        raise _contradiction(request, "`choices` must be a list of {value, label}")
    fields["choice"] = {
        **fields.get("choice", {}),
        "enum": [choice["value"] for choice in choices],
        "enumNames": [str(choice.get("label", choice["value"])) for choice in choices],
    }
    if "choice" not in required:
        required.append("choice")


def _constrained(field: Any, limits: Any) -> dict[str, Any]:
    """`field` with the limits added; `min` and `max` mean what the type of the field calls for."""
    base = dict(field) if isinstance(field, Mapping) else {}
    if not isinstance(limits, Mapping):
        raise InvalidInput("constraints of a field must be an object such as {min: 1, max: 10}")
    lowest, highest = _BOUNDS.get(str(base.get("type")), ("minimum", "maximum"))
    names = {**_CONSTRAINTS, "min": lowest, "max": highest}
    return {**base, **{names.get(name, name): limit for name, limit in limits.items() if name != "required"}}


def check_values(schema: Mapping[str, Any], values: Any) -> tuple[FieldError, ...]:
    """Every fault of an answer, by field (`a.b.0`); empty when it is good. A broken schema is one fault."""
    too_long = tuple(_overlong(values, ""))
    return too_long or _faults(schema, values)


def payload_errors(schema: Mapping[str, Any], payload: Any) -> tuple[FieldError, ...]:
    """Every fault of a start payload; an empty schema accepts any object."""
    if not isinstance(payload, Mapping):
        return (FieldError(field="", message="must be an object with fields"),)
    return _faults(schema, payload) if schema else ()


def _overlong(value: Any, field: str, depth: int = 0) -> Iterator[FieldError]:
    if isinstance(value, str) and len(value) > MAX_TEXT:
        yield FieldError(field=field, message=f"must have at most {MAX_TEXT:,} characters")
    elif isinstance(value, Mapping | list) and depth < 64:
        pairs = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, item in pairs:
            yield from _overlong(item, f"{field}.{key}" if field else str(key), depth + 1)


def apply_defaults(schema: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The values a form starts with: `defaults` of the request before `default` of a field, nested too."""
    values: dict[str, Any] = {}
    for name, field in _fields(schema):
        if name in defaults and not isinstance(defaults[name], Mapping):
            values[name] = copy.deepcopy(defaults[name])
        elif "properties" in field:
            given = defaults.get(name, field.get("default"))
            nested = apply_defaults(field, given if isinstance(given, Mapping) else {})
            if nested:
                values[name] = nested
        elif name in defaults or "default" in field:
            values[name] = copy.deepcopy(defaults[name] if name in defaults else field["default"])
    return values


def fill_defaults(
    schema: Mapping[str, Any], values: Mapping[str, Any], defaults: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """`values` with missing fields filled from `defaults` of the request, else from their own `default`.

    In nested objects that are there too.
    """
    filled, given = dict(values), defaults or {}
    for name, field in _fields(schema):
        if name not in filled and name in given:
            filled[name] = copy.deepcopy(given[name])
        elif name not in filled and "default" in field:
            filled[name] = copy.deepcopy(field["default"])
        if isinstance(filled.get(name), Mapping):
            inner = given.get(name)
            filled[name] = fill_defaults(field, filled[name], inner if isinstance(inner, Mapping) else None)
    return filled


def path_fields(schema: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    """Where a payload holds file paths: string fields with `format: path`, those of nested objects too."""
    found: list[tuple[str, ...]] = []
    for name, field in _fields(schema):
        if field.get("format") == "path" and field.get("type", "string") == "string":
            found.append((name,))
        found.extend((name, *rest) for rest in path_fields(field))
    return tuple(found)


def image_field(schema: Mapping[str, Any]) -> str | None:
    """The field in which a person names image files: a list with `format: images`; the first there is."""
    return next((name for name, field in _fields(schema) if field.get("format") == IMAGES), None)


def skill_field(schema: Mapping[str, Any]) -> tuple[str, tuple[str, ...]] | None:
    """The list with `format: skills`, the first there is, and the skills that it takes."""
    for name, field in _fields(schema):
        items = field.get("items")
        if field.get("format") == SKILLS and isinstance(items, Mapping):
            return name, tuple(map(str, items.get("enum") or ()))
    return None


def skills_named(schema: Mapping[str, Any], text: str) -> dict[str, list[str]]:
    """What `text` gives that list: those of its skills that stand there as `/skill`, a word of its own.

    Whatever names none is text like any other. Empty where it names none.
    """
    field, known = skill_field(schema) or ("", ())
    words = (word.rstrip(_CLOSING) for word in text.split() if word.startswith("/"))
    named = dict.fromkeys(word[1:] for word in words if word[1:] in known)
    return {field: list(named)} if named else {}


def _fields(schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    properties = schema.get("properties")
    if isinstance(properties, Mapping):
        for name, field in properties.items():
            if isinstance(field, Mapping):
                yield str(name), field


async def load_checks() -> None:
    """Import what checks values beside the loop: it is slow, and reads files."""
    if _CHECKS not in sys.modules:
        await asyncio.to_thread(importlib.import_module, _CHECKS)


def check_schema(schema: Any) -> list[str]:
    """What is wrong with a schema, as messages that name the place; empty when it can be used."""
    from engine.json_schema.check import check_schema as check  # noqa: PLC0415 - see _faults

    return check(schema)


def _faults(schema: Mapping[str, Any], value: Any) -> tuple[FieldError, ...]:
    from engine.json_schema.check import faults  # noqa: PLC0415 - jsonschema is slow to import: at first use

    return faults(schema, with_images_shown(value))  # to a schema an image is a text
