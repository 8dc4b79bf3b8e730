"""What stands in the fields of a form, and the JSON values it means.

What is typed is a tree beside the tree of fields: a text for a field to type into, a bool, the place of a
choice, the places of several, an object for a group, a list for a list, and for a choice between schemas
`{"chosen": place, "parts": {place: typed}}`. It is JSON, so it can be kept as a draft.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from engine.contracts.runs.request import FieldError
from engine.values import canonical_json, parse_json
from screens.forms.field import ADDITIONAL_PROPERTIES, Field, Kind

Path = tuple[str | int, ...]
MAX_NESTED = 100
"""Levels of a value that is typed; the engine keeps none that is deeper."""


class _Absent:
    """No value at all, which is not null."""


ABSENT: Final = _Absent()


def dotted(path: Path) -> str:
    """As faults name it: `contact.mails.0`."""
    return ".".join(map(str, path))


def initial_typed(field: Field) -> Any:
    """What stands in a field before anybody typed."""
    initial = field.initial
    match field.kind:
        case Kind.GROUP:
            return {child.name: initial_typed(child) for child in field.children}
        case Kind.LIST:
            return [initial_typed(item) for item in field.initial_fields]
        case Kind.VARIANT:
            parts = {str(field.chosen): initial_typed(one) for one in field.initial_fields}
            return {"chosen": field.chosen, "parts": parts}
        case Kind.CHOICE:
            return _place(field, initial)
        case Kind.PICKS:
            listed = initial if isinstance(initial, (list, tuple)) else ()
            return [place for item in listed if (place := _place(field, item)) is not None]
        case _:
            return _initial_text(field)


def _initial_text(field: Field) -> Any:
    initial = field.initial
    if field.kind is Kind.BOOLEAN:
        return initial is True
    if initial is None or field.kind is Kind.FIXED:
        return ""
    if field.kind is Kind.LINES:
        return "\n".join(map(str, initial)) if isinstance(initial, (list, tuple)) else ""
    if field.kind is Kind.JSON or isinstance(initial, (dict, list, bool)):
        return json.dumps(initial, indent=2, ensure_ascii=False, default=str)
    return str(initial)


def fitting(field: Field, typed: Any, *, same: bool = True) -> Any:
    """`typed` as far as it fits the field; the rest as before anybody typed: the schema may be another.

    Unless it is the `same` one, a place in a list of choices may be that of another choice.
    """
    match field.kind:
        case Kind.GROUP:
            given = typed if isinstance(typed, Mapping) else {}
            return {
                child.name: fitting(child, given[child.name], same=same)
                if child.name in given
                else initial_typed(child)
                for child in field.children
            }
        case Kind.LIST if isinstance(typed, list):
            return [fitting(field.makers[0].field, item, same=same) for item in typed]
        case Kind.VARIANT if same and isinstance(typed, Mapping) and isinstance(typed.get("parts"), Mapping):
            places = [str(place) for place in range(len(field.makers))]
            kept = {
                place: fitting(field.makers[int(place)].field, part, same=same)
                for place, part in typed["parts"].items()
                if place in places
            }
            chosen = typed.get("chosen")
            return {"chosen": chosen if str(chosen) in kept else None, "parts": kept}
        case Kind.BOOLEAN if isinstance(typed, bool):
            return typed
        case Kind.CHOICE if same and (typed is None or _is_place(field, typed)):
            return typed
        case Kind.PICKS if same and isinstance(typed, list):
            return [place for place in typed if _is_place(field, place)]
        case Kind.TEXT | Kind.LONG_TEXT | Kind.NUMBER | Kind.INTEGER | Kind.LINES | Kind.JSON if isinstance(
            typed, str
        ):
            return typed
        case _:
            return initial_typed(field)


def read(field: Field, typed: Any) -> tuple[dict[str, Any], tuple[FieldError, ...]]:
    """The values that were typed, and what could not be read as its kind. Empty fields are left out."""
    errors: list[FieldError] = []
    value = _read(field, typed, (), errors)
    return (value if isinstance(value, dict) else {}), tuple(errors)


def as_typed(field: Field, typed: Any) -> Any:
    """As `read`, but what could not be read stands there as it was typed."""
    value = _read(field, typed, (), None)
    return {} if value is ABSENT else value


def nearest(drawn: Iterable[str], errors: Sequence[FieldError]) -> dict[str, str]:
    """First fault of each drawn field; one inside or beside the drawn fields goes to the nearest above.

    The empty name holds what belongs to no field.
    """
    known = set(drawn)
    found: dict[str, str] = {}
    for error in errors:
        name = error.field
        while name and name not in known:
            name = name.rpartition(".")[0]
        inside = error.field[len(name) :].strip(".")
        found.setdefault(name, f"{inside}: {error.message}" if inside else error.message)
    return found


def _read(field: Field, typed: Any, path: Path, errors: list[FieldError] | None) -> Any:
    match field.kind:
        case Kind.GROUP:
            return _read_group(field, typed, path, errors)
        case Kind.LIST:
            values = [
                _read(field.makers[0].field, item, (*path, place), errors) for place, item in enumerate(typed)
            ]
            listed = [None if value is ABSENT else value for value in values]
            return listed if listed or field.required or field.initial else _nothing(field)
        case Kind.VARIANT:
            if typed["chosen"] is None:
                return _nothing(field)
            chosen = typed["chosen"]
            return _read(field.makers[chosen].field, typed["parts"][str(chosen)], path, errors)
        case _:
            return _read_leaf(field, typed, path, errors)


def _read_group(field: Field, typed: Mapping[str, Any], path: Path, errors: list[FieldError] | None) -> Any:
    values: dict[str, Any] = {}
    for child in field.children:
        if child.name == ADDITIONAL_PROPERTIES:
            others = _read(child, typed[child.name], path, errors)
            if others is not ABSENT:
                values |= others if isinstance(others, dict) else {ADDITIONAL_PROPERTIES: others}
            continue
        value = _read(child, typed[child.name], (*path, child.name), errors)
        if value is not ABSENT:
            values[child.name] = value
    if not path or field.required or field.initial is not None or not _is_silent(field, values):
        return values
    return _nothing(field)


def _is_silent(field: Field, value: Any) -> bool:
    """Whether nobody filled anything in: unticked boxes, fixed values and what is empty say nothing."""
    match field.kind:
        case Kind.FIXED:
            return True
        case Kind.GROUP if isinstance(value, dict):
            known = {child.name: child for child in field.children}
            return all(name in known and _is_silent(known[name], part) for name, part in value.items())
        case Kind.BOOLEAN:
            return value is False and not field.initial
        case _:
            return value in (None, "", []) and not field.initial


def _read_leaf(field: Field, typed: Any, path: Path, errors: list[FieldError] | None) -> Any:
    try:
        return _value(field, typed)
    except ValueError as error:
        if errors is None:
            return typed
        errors.append(FieldError(field=dotted(path), message=str(error)))
        return ABSENT


def _value(field: Field, typed: Any) -> Any:
    """The value of one field; ValueError carries words for the person."""
    match field.kind:
        case Kind.FIXED:
            return field.initial
        case Kind.BOOLEAN:
            return typed
        case Kind.CHOICE:
            return _nothing(field) if typed is None else field.choices[typed]
        case Kind.PICKS:
            picked = [field.choices[place] for place in sorted(typed)]
            return picked if picked or field.required or field.initial else _nothing(field)
        case _:
            return _typed_value(field, typed) if typed.strip() else _empty(field)


def _typed_value(field: Field, typed: str) -> Any:
    match field.kind:
        case Kind.NUMBER | Kind.INTEGER:
            return _number(typed.strip(), field.kind)
        case Kind.LINES:
            return [line.strip() for line in typed.splitlines() if line.strip()]
        case Kind.JSON:
            return read_json(
                typed,
                must_be_object=field.name in ("", ADDITIONAL_PROPERTIES) and field.hint == "JSON object",
            )
        case _:
            return typed


def _empty(field: Field) -> Any:
    """A field to type into that holds nothing: what began with something is emptied on purpose."""
    if field.kind is Kind.LINES and (field.required or field.initial):
        return []
    if field.kind in (Kind.TEXT, Kind.LONG_TEXT) and isinstance(field.initial, str):
        return ""
    return _nothing(field)


def _nothing(field: Field) -> Any:
    return None if field.nullable and field.required else ABSENT


def _place(field: Field, value: Any) -> int | None:
    for place, choice in enumerate(field.choices):
        if type(choice) is type(value) and choice == value:
            return place
    return None


def _is_place(field: Field, typed: Any) -> bool:
    return isinstance(typed, int) and not isinstance(typed, bool) and 0 <= typed < len(field.choices)


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


def read_json(text: str, *, must_be_object: bool) -> Any:
    """JSON as a person types it, by the rules of the command line. Raises ValueError with words for that
    person."""
    try:
        value = parse_json(text)
    except RecursionError:
        raise ValueError(f"nested more than {MAX_NESTED} levels deep") from None
    except ValueError as error:
        raise ValueError(f"not JSON: {error}") from None
    if _is_deeper(value, MAX_NESTED):
        raise ValueError(f"nested more than {MAX_NESTED} levels deep")
    try:
        canonical_json(value)
    except ValueError:
        raise ValueError("it holds half a character, which is no text") from None
    if must_be_object and not isinstance(value, dict):
        raise ValueError("a JSON object is needed, such as {}")
    return value


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether it nests deeper, level by level: what is drawn, compared or sent of it goes down by calls."""
    level = [value]
    for _ in range(levels + 1):
        level = [
            item
            for one in level
            if isinstance(one, dict | list)
            for item in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return False
    return True
