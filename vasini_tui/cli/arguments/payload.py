"""The start payload: `--input`, and every `--set` over it, read as the flow's input schema has it."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.values import parse_json
from vasini_tui.cli.arguments.inputs import check_text, invalid, read_object
from vasini_tui.exit_codes import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_OPTION = "--input or --set"
_DEEPEST = 20


@dataclass(frozen=True, slots=True)
class GivenPayload:
    """What was written; what a text of `--set` means is known with the flow's schema."""

    base: Mapping[str, Any]
    assignments: tuple[tuple[tuple[str, ...], str], ...]

    def read(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """The payload. Raises InvalidInput."""
        payload = copy.deepcopy(dict(self.base))
        for key, text in self.assignments:
            _assign(payload, key, _value(text, set(_types(schema, key, schema))))
        check_text(payload, _OPTION)
        return payload


def given_payload(argument: str | None, assignments: Sequence[str]) -> GivenPayload:
    """What `--input` and `--set` say. Raises UsageError; InvalidInput (syntax, UTF-8, size, no such file)."""
    base = read_object(argument, "--input") if argument is not None else {}
    return GivenPayload(base, tuple(_assignment(text) for text in assignments))


def _assignment(assignment: str) -> tuple[tuple[str, ...], str]:
    key, equals, text = assignment.partition("=")
    parts = tuple(key.split("."))
    if not equals or not all(parts):
        raise UsageError(
            f"--set needs KEY=VALUE with a key such as name or options.depth, not {assignment!r}"
        )
    return parts, text


def _assign(payload: dict[str, Any], key: tuple[str, ...], value: Any) -> None:
    inner = payload
    for part in key[:-1]:
        below = inner.setdefault(part, {})
        if not isinstance(below, dict):
            invalid(f"--set {'.'.join(key)}: {part} already has a value that is no object", "--set")
        inner = below
    inner[key[-1]] = value


def _value(text: str, types: set[str]) -> Any:
    """JSON where the field takes what that is, else the text itself where it takes text."""
    try:
        value = parse_json(text)
    except (ValueError, RecursionError):
        return text
    return text if "string" in types and not types & _kinds(value) else value


def _kinds(value: Any) -> set[str]:
    match value:
        case bool():
            return {"boolean"}
        case int():
            return {"integer", "number"}
        case float():
            return {"integer", "number"} if value.is_integer() else {"number"}
        case str():
            return {"string"}
        case list():
            return {"array"}
        case dict():
            return {"object"}
        case _:
            return {"null"}


def _types(schema: Any, key: tuple[str, ...], root: Mapping[str, Any], depth: int = 0) -> Iterator[str]:
    """JSON types that the schema names for the field; none when it says nothing."""
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return
    for choice in ("allOf", "anyOf", "oneOf"):
        for inner in schema.get(choice, ()):
            yield from _types(inner, key, root, depth + 1)
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/"):
        yield from _types(_referred(root, reference), key, root, depth + 1)
    if key:
        fields = schema.get("properties", {})
        yield from _types(fields.get(key[0], schema.get("additionalProperties")), key[1:], root, depth + 1)
        return
    named = schema.get("type", ())
    yield from (named,) if isinstance(named, str) else named
    for value in (*schema.get("enum", ()), *([schema["const"]] if "const" in schema else ())):
        yield from _kinds(value)


def _referred(root: Mapping[str, Any], reference: str) -> Any:
    found: Any = root
    for part in reference.removeprefix("#/").split("/"):
        found = found.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
    return found
