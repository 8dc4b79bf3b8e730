"""A JSON Schema as the fields of a form, and what was typed as the values it describes.

Pure: nothing here draws. What the form cannot draw as fields (unions, lists of objects, schemas
without properties) becomes a text field that takes JSON, so that every schema can be answered.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from engine.contracts.request import FieldError

if TYPE_CHECKING:
    from screens.desk import Draft

LONG_TEXT = 200
"""A string that may be longer than this gets several lines."""


class Kind(StrEnum):
    """How a field is drawn."""

    TEXT = "text"
    LONG_TEXT = "long_text"
    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    LINES = "lines"
    JSON = "json"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `initial` is a JSON value or None; a group has `children` and no value of its own."""

    path: tuple[str, ...]
    kind: Kind
    title: str
    description: str
    hint: str
    required: bool
    initial: Any = None
    choices: tuple[Any, ...] = ()
    labels: tuple[str, ...] = ()
    children: tuple[Field, ...] = ()

    @property
    def name(self) -> str:
        """The path as errors name it: `contact.mail`."""
        return ".".join(self.path)


def fields_of(schema: Mapping[str, Any], defaults: Mapping[str, Any] | None = None) -> tuple[Field, ...]:
    """The fields of an object schema, in its order. `defaults` win over the schema's own."""
    properties = schema.get("properties")
    if not isinstance(properties, Mapping) or not properties:
        initial = dict(defaults or {})
        words = "This flow names no fields: type its input as a JSON object."
        return (Field((), Kind.JSON, "Input", words, "JSON object", required=True, initial=initial),)
    return _fields(schema, defaults or {}, ())


def leaves(fields: Sequence[Field]) -> Iterator[Field]:
    """Fields that hold a value, groups opened."""
    for field in fields:
        if field.kind is Kind.GROUP:
            yield from leaves(field.children)
        else:
            yield field


def initial_draft(fields: Sequence[Field]) -> Draft:
    """What stands in the fields before anybody typed."""
    return {field.name: _to_typed(field) for field in leaves(fields)}


def read(fields: Sequence[Field], typed: Draft) -> tuple[dict[str, Any], tuple[FieldError, ...]]:
    """The values that were typed, and what could not be read as its kind. Empty fields are left out."""
    errors: list[FieldError] = []
    values = _read_group(fields, typed, errors)
    return values, tuple(errors)


def errors_by_field(fields: Sequence[Field], errors: Sequence[FieldError]) -> dict[str, str]:
    """First fault of each drawn field; a fault inside or above the drawn fields goes to the nearest.

    The empty name holds what belongs to no field.
    """
    drawn = {field.name for field in leaves(fields)} | {field.name for field in _groups(fields)}
    found: dict[str, str] = {}
    for error in errors:
        name = error.field
        while name and name not in drawn:
            name = name.rpartition(".")[0]
        inside = error.field[len(name) :].strip(".")
        found.setdefault(name, f"{inside}: {error.message}" if inside else error.message)
    return found


def _fields(
    schema: Mapping[str, Any], defaults: Mapping[str, Any], path: tuple[str, ...]
) -> tuple[Field, ...]:
    properties = schema.get("properties")
    required = schema.get("required")
    names = set(required) if isinstance(required, (list, tuple)) else set()
    if not isinstance(properties, Mapping):
        return ()
    return tuple(
        _field(part if isinstance(part, Mapping) else {}, (*path, name), name in names, defaults.get(name))
        for name, part in properties.items()
    )


def _field(schema: Mapping[str, Any], path: tuple[str, ...], required: bool, default: Any) -> Field:
    initial = schema.get("default") if default is None else default
    kind = _kind(schema)
    choices = tuple(schema["enum"]) if kind is Kind.CHOICE else ()
    children: tuple[Field, ...] = ()
    if kind is Kind.GROUP:
        children = _fields(schema, initial if isinstance(initial, Mapping) else {}, path)
    return Field(
        path=path,
        kind=kind,
        title=str(schema.get("title") or path[-1]),
        description=str(schema.get("description") or ""),
        hint=_hint(schema, kind),
        required=required,
        initial=initial,
        choices=choices,
        labels=_labels(schema, choices),
        children=children,
    )


def _labels(schema: Mapping[str, Any], choices: Sequence[Any]) -> tuple[str, ...]:
    """Words for the choices: `enumNames` when there is one for each, else the values themselves."""
    names = schema.get("enumNames")
    shown = names if isinstance(names, (list, tuple)) and len(names) == len(choices) else choices
    return tuple(map(str, shown))


def _kind(schema: Mapping[str, Any]) -> Kind:
    enum = schema.get("enum")
    if isinstance(enum, (list, tuple)) and enum:
        return Kind.CHOICE
    match _plain_type(schema):
        case "string":
            length = schema.get("maxLength")
            long = isinstance(length, int) and length > LONG_TEXT
            return Kind.LONG_TEXT if long or schema.get("format") == "textarea" else Kind.TEXT
        case "number":
            return Kind.NUMBER
        case "integer":
            return Kind.INTEGER
        case "boolean":
            return Kind.BOOLEAN
        case "array" if _plain_type(schema.get("items")) == "string":
            return Kind.LINES
        case "object" if isinstance(schema.get("properties"), Mapping) and schema["properties"]:
            return Kind.GROUP
        case _:
            return Kind.JSON


def _plain_type(schema: object) -> str:
    """The one type a schema names, null aside; empty for unions and references."""
    if not isinstance(schema, Mapping):
        return ""
    named = schema.get("type")
    names = [named] if isinstance(named, str) else list(named) if isinstance(named, (list, tuple)) else []
    kept = [name for name in names if name != "null"]
    return str(kept[0]) if len(kept) == 1 else ""


def _hint(schema: Mapping[str, Any], kind: Kind) -> str:
    words: list[str] = []
    if kind in (Kind.NUMBER, Kind.INTEGER):
        words.append("whole number" if kind is Kind.INTEGER else "number")
    elif kind is Kind.LINES:
        words.append("one per line")
    elif kind is Kind.JSON:
        words.append("JSON")
    if isinstance(schema.get("format"), str) and schema["format"] != "textarea":
        words.append(schema["format"])
    for keyword, text in (
        ("minimum", "at least {}"),
        ("exclusiveMinimum", "more than {}"),
        ("maximum", "at most {}"),
        ("exclusiveMaximum", "less than {}"),
        ("minLength", "at least {} character(s)"),
        ("maxLength", "at most {} character(s)"),
        ("minItems", "at least {} line(s)"),
        ("maxItems", "at most {} line(s)"),
    ):
        if keyword in schema:
            plural = "" if schema[keyword] == 1 else "s"
            words.append(text.replace("{}", str(schema[keyword])).replace("(s)", plural))
    return ", ".join(words)


def _groups(fields: Sequence[Field]) -> Iterator[Field]:
    for field in fields:
        if field.kind is Kind.GROUP:
            yield field
            yield from _groups(field.children)


def _to_typed(field: Field) -> Any:
    initial = field.initial
    match field.kind:
        case Kind.BOOLEAN:
            return initial is True
        case Kind.CHOICE:
            return field.choices.index(initial) if initial in field.choices else None
        case Kind.LINES:
            return "\n".join(map(str, initial)) if isinstance(initial, (list, tuple)) else ""
        case Kind.JSON:
            return "" if initial is None else json.dumps(initial, indent=2, ensure_ascii=False, default=str)
        case _:
            return "" if initial is None else str(initial)


def _read_group(fields: Sequence[Field], typed: Draft, errors: list[FieldError]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field in fields:
        if field.kind is Kind.GROUP:
            inner = _read_group(field.children, typed, errors)
            if field.required or _says_something(field, inner):
                values[field.path[-1]] = inner
            continue
        try:
            value = _from_typed(field, typed.get(field.name))
        except ValueError as error:
            errors.append(FieldError(field=field.name, message=str(error)))
            continue
        if not field.path:
            return value if isinstance(value, dict) else values
        if value is not None:
            values[field.path[-1]] = value
    return values


def _says_something(group: Field, inner: Mapping[str, Any]) -> bool:
    """An optional group of which only unticked boxes remain was not filled in."""
    optional = {
        field.path[-1] for field in group.children if field.kind is Kind.BOOLEAN and not field.initial
    }
    return any(value is not False or name not in optional for name, value in inner.items())


def _from_typed(field: Field, typed: Any) -> Any:
    """The value of one field, None when it is empty; ValueError carries words for the person."""
    if field.kind is Kind.BOOLEAN:
        return bool(typed)
    if field.kind is Kind.CHOICE:
        return None if typed is None else field.choices[typed]
    text = str(typed or "")
    if not text.strip():
        return None
    match field.kind:
        case Kind.NUMBER | Kind.INTEGER:
            return _number(text.strip(), field.kind)
        case Kind.LINES:
            return [line.strip() for line in text.splitlines() if line.strip()]
        case Kind.JSON:
            return _json(text, must_be_object=not field.path)
        case _:
            return text


def _number(text: str, kind: Kind) -> int | float:
    try:
        return int(text)
    except ValueError:
        if kind is Kind.INTEGER:
            raise ValueError(f"{text[:40]!r} is not a whole number") from None
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is not a number") from None
    if number in (float("inf"), float("-inf")) or number != number:  # noqa: PLR0124 - only NaN differs from itself
        raise ValueError(f"{text[:40]!r} is not a number JSON knows")
    return number


def _json(text: str, *, must_be_object: bool) -> Any:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ValueError(f"not JSON: {error}") from None
    if must_be_object and not isinstance(value, dict):
        raise ValueError("a JSON object is needed, such as {}")
    return value
