"""The words of a field: its limits, an example, what the values of a choice are called."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from engine.json_schema.forms import MAX_TEXT
from screens.forms.field import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_BEGINS = {
    Kind.INTEGER: "whole number",
    Kind.NUMBER: "number",
    Kind.LINES: "one per line",
    Kind.JSON: "JSON",
    Kind.PICKS: "Space picks",
}
_FORMATS = {
    "date": "date, as 2026-03-14",
    "time": "time, as 09:30:00",
    "date-time": "date and time with zone, as 2026-03-14T09:30:00Z",
    "email": "mail address",
    "uri": "address, as https://example.org/a",
    "uuid": "UUID",
    "ipv4": "IPv4 address",
    "ipv6": "IPv6 address",
}
_NO_FORMAT = frozenset({"textarea"})
_LIMITS = (
    ("minimum", "at least {}"),
    ("exclusiveMinimum", "more than {}"),
    ("maximum", "at most {}"),
    ("exclusiveMaximum", "less than {}"),
    ("multipleOf", "a multiple of {}"),
    ("minLength", "at least {} character(s)"),
    ("maxLength", "at most {} character(s)"),
    ("minItems", "at least {} item(s)"),
    ("maxItems", "at most {} item(s)"),
    ("pattern", "must match {}"),
)
_SAID_BY_REQUIRED = ("minLength", 1)
"""An empty field is one that was left out."""
_LONGEST = 120
_TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "yes or no",
    "array": "list",
    "object": "fields",
    "null": "nothing",
}


def hint(schema: Mapping[str, Any], kind: Kind) -> str:
    """What is expected, in few words; those of the items of a list of texts too."""
    words = [_BEGINS[kind]] if kind in _BEGINS else []
    words += _limits(schema)
    items = schema.get("items")
    if kind is Kind.LINES and isinstance(items, dict):
        words += [f"each {limit}" for limit in _limits(items)]
    return ", ".join(words)


def example(schema: Mapping[str, Any]) -> str:
    """The first example that is one line of text, to stand in an empty field."""
    examples = schema.get("examples")
    first = examples[0] if isinstance(examples, (list, tuple)) and examples else None
    if first is None or isinstance(first, (dict, list)):
        return ""
    return f"e.g. {str(first)[:60]}"


def choice_labels(schema: Mapping[str, Any], choices: Sequence[Any]) -> tuple[str, ...]:
    """`enumNames` when there is one for each, else the values themselves."""
    names = schema.get("enumNames")
    if isinstance(names, (list, tuple)) and len(names) == len(choices):
        return tuple(map(str, names))
    return tuple(value_label(value) for value in choices)


def value_label(value: Any) -> str:
    """One value of a choice."""
    if value is None:
        return "nothing (null)"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def branch_labels(branches: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """What the schemas of a choice are called: title, what tells them apart, type and fields."""
    labels: list[str] = []
    for number, branch in enumerate(branches, 1):
        label = str(branch.get("title") or _told_apart(branch) or _format_type(branch) or f"option {number}")
        labels.append(f"{label} ({number})" if label in labels else label)
    return tuple(labels)


def _limits(schema: Mapping[str, Any]) -> list[str]:
    words: list[str] = []
    named = schema.get("format")
    if isinstance(named, str) and named not in _NO_FORMAT:
        words.append(_FORMATS.get(named, named))
    for keyword, text in _LIMITS:
        if keyword in schema and (keyword, schema[keyword]) != _SAID_BY_REQUIRED:
            limit = schema[keyword]
            if keyword == "maxLength" and isinstance(limit, int):
                limit = min(limit, MAX_TEXT)  # no text may have more, whatever its schema says
            plural = "" if limit == 1 else "s"
            words.append(text.replace("{}", _amount(limit)).replace("(s)", plural))
    return words


def _amount(limit: object) -> str:
    return f"{limit:,}" if type(limit) is int else str(limit)[:_LONGEST]


def _told_apart(branch: Mapping[str, Any]) -> str:
    properties = branch.get("properties")
    if isinstance(properties, dict):
        for part in properties.values():
            if isinstance(part, dict) and "const" in part:
                return value_label(part["const"])
    return ""


def _format_type(branch: Mapping[str, Any]) -> str:
    if "const" in branch:
        return value_label(branch["const"])
    named = branch.get("type")
    words = _TYPES.get(named, "") if isinstance(named, str) else ""
    properties = branch.get("properties")
    if isinstance(properties, dict) and properties:
        return f"fields {', '.join(map(str, list(properties)[:4]))}"
    return words
