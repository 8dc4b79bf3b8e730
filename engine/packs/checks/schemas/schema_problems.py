"""From a pydantic error to a Problem: which line, which field, what was found, what was expected."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError

from engine.contracts.flows.step import STEP_TYPES
from engine.contracts.flows.trigger import TRIGGER_TYPES
from engine.contracts.packs.pack import PACK_ID, Problem
from engine.packs.checks.model_fields import field_names, is_step

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pydantic_core import ErrorDetails

    from engine.packs.source.yaml_source import Document, SourcePath

M = TypeVar("M", bound=BaseModel)


_TYPE_WORDS: Mapping[str, str] = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "list_type": "a list",
    "tuple_type": "a list",
    "model_type": "a mapping",
}
_ID_WORDS = "letters, digits, `_`, `.` and `-`, starting with a letter or digit"
_PATTERN_WORDS: Mapping[str, str] = {
    PACK_ID: "lower-case letters, digits and `-`, starting with a letter",
    r"^\d+\.\d+$": "two numbers, such as 1.0",
    r"^\d+\.\d+\.\d+$": "three numbers, such as 1.2.0",
    r"^[A-Za-z0-9][A-Za-z0-9_.-]*$": _ID_WORDS,
    r"^[A-Za-z_][A-Za-z0-9_]*$": "letters, digits and `_`, not starting with a digit",
}
_BOUND_WORDS: Mapping[str, str] = {
    "greater_than": "greater than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "string_too_short": "at least {min_length} character(s)",
    "string_too_long": "at most {max_length} characters",
    "too_short": "at least {min_length} item(s)",
    "too_long": "at most {max_length} items",
}


def validate(
    model: type[M],
    raw: Any,
    document: Document,
    *,
    root: SourcePath = (),
    strict: bool = True,
    as_written: bool = True,
) -> tuple[M | None, list[Problem]]:
    """Check `raw` (JSON values, left as they are), by default strictly; `root` is its place in the document.

    A decimal number where text is wanted is taken as it was written, so `version: 1.10` is "1.10"; not so
    with `as_written` False, of what is only looked at here and read again when it is used.
    """
    try:
        return model.model_validate_json(json.dumps(raw), strict=strict), []
    except ValidationError as error:
        details = error.errors(include_url=False)
    written: dict[SourcePath, str] = {}
    for detail in details if as_written else ():
        path = _source_path(detail, raw)
        text = document.written_at((*root, *path)) if detail["type"] == "string_type" else None
        if text is not None:
            written[path] = text
    if written:
        restored = json.loads(json.dumps(raw))  # JSON keeps no aliases: what is put back stands once
        for path, text in written.items():
            _put(restored, path, text)
        return validate(model, restored, document, root=root, strict=strict)
    return None, _problems(details, raw, document, root, model)


def close_match(name: str, known: Collection[str]) -> str:
    """` (did you mean `x`?)` when one known name is close, else nothing."""
    close = difflib.get_close_matches(name[:200], list(known), n=1, cutoff=0.6)
    return f" (did you mean `{close[0]}`?)" if close else ""


def shown(value: Any) -> str:
    """A value in few words of JSON's types, for a person."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str():
            return "the text " + json.dumps(shortened(value), ensure_ascii=False)
        case int() | float():
            return f"the number {shortened(str(value))}"
        case list():
            return "a list"
        case _:
            return "a mapping"


def problem_at(
    document: Document,
    path: SourcePath,
    message: str,
    *,
    found: str | None = None,
    expected: str | None = None,
) -> Problem:
    """A Problem at a path of the document."""
    place = document.place(path)
    return Problem(
        file=place.file,
        line=place.line,
        column=place.column,
        field=".".join(str(part) for part in place.path)[:300],
        message=message,
        found=found,
        expected=expected,
    )


def shortened(text: str) -> str:
    """At most 60 characters of an outside text, for a message."""
    return text if len(text) <= 60 else text[:60] + "…"


def _put(raw: Any, path: SourcePath, value: str) -> None:
    for part in path[:-1]:
        raw = raw[part]
    raw[path[-1]] = value


def _source_path(detail: ErrorDetails, raw: Any) -> SourcePath:
    """Pydantic's location without the names of union members, which the file does not hold."""
    path: list[str | int] = []
    location = list(detail["loc"])
    for index, part in enumerate(location):
        if index and isinstance(location[index - 1], int) and is_step(path):
            continue  # the step's type stands here as the union's tag
        name = "retry_on" if part == "retry_on_codes" and isinstance(raw, dict) and part not in raw else part
        present = (isinstance(raw, dict) and name in raw) or (isinstance(raw, list) and isinstance(name, int))
        if present:
            path.append(name)
            raw = raw[name]
        elif detail["type"] == "missing" and index == len(location) - 1:
            path.append(part)
        else:
            break
    return tuple(path)


def _problems(
    details: list[ErrorDetails],
    raw: Any,
    document: Document,
    root: SourcePath,
    model: type[BaseModel],
) -> list[Problem]:
    by_place: dict[SourcePath, list[ErrorDetails]] = {}
    for detail in details:
        place = _source_path(detail, raw)
        # items that are broken themselves are not counted by pydantic
        if detail["type"] != "too_short" or len(_at(raw, place)) < detail["ctx"]["min_length"]:
            by_place.setdefault(place, []).append(detail)
    problems = []
    for path, group in by_place.items():
        message, expected = _explained(path, group, raw, model)
        value: Any = None if group[0]["type"] == "missing" else _at(raw, path)
        place = (*root, *path)
        if group[0]["type"] == "union_tag_invalid":
            place, value = (*place, "type"), value["type"]
        found = None if group[0]["type"] == "missing" else shown(value)
        problems.append(problem_at(document, place, message, found=found, expected=expected))
    return problems


def _explained(
    path: SourcePath, group: list[ErrorDetails], raw: Any, model: type[BaseModel]
) -> tuple[str, str | None]:
    detail = group[0]
    kind, context = detail["type"], detail.get("ctx", {})
    value = None if kind == "missing" else _at(raw, path)
    if all(each["type"] in _TYPE_WORDS for each in group):
        expected = " or ".join(dict.fromkeys(_TYPE_WORDS[each["type"]] for each in group))
        return f"expected {expected}, found {shown(value)}", expected
    if kind == "missing":
        return f"the field `{path[-1]}` is required here", f"a value for `{path[-1]}`"
    if kind == "extra_forbidden":
        names = field_names(model, path[:-1], raw)
        message = f"unknown field `{shortened(str(path[-1]))}`{close_match(str(path[-1]), names)}"
        return message, "one of " + ", ".join(names)
    if kind.startswith("union_tag"):
        return _unknown_type(value, of="trigger" if path[0] == "triggers" else "step")
    if kind in {"enum", "literal_error"}:
        choices = str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
        expected = "one of " + ", ".join(choices)
        return f"expected {expected}, found {shown(value)}{close_match(str(value), choices)}", expected
    if kind == "string_pattern_mismatch":
        pattern = str(context["pattern"])
        expected = _PATTERN_WORDS.get(pattern, f"text that matches {pattern}")
        return f"expected {expected}, found {shown(value)}", expected
    if kind in _BOUND_WORDS:
        expected = _BOUND_WORDS[kind].format(**context)
        actual = f"{context['actual_length']}" if "actual_length" in context else shown(value)
        return f"must be {expected}, found {actual}", expected
    return _own_rule(kind, context, value) or (str(detail["msg"]).removeprefix("Value error, "), None)


def _own_rule(kind: str, context: Mapping[str, Any], value: Any) -> tuple[str, str] | None:
    """Words for the checks that contracts make themselves."""
    if kind == "quantity":
        return f"expected {context['expected']}, found {shown(value)}", str(context["expected"])
    if kind == "unknown_schema_version":
        return f"unknown version of the pack format: {shown(value)}", f"one of {context['known']}"
    return None


def _unknown_type(given: Any, *, of: Literal["step", "trigger"]) -> tuple[str, str]:
    known = STEP_TYPES.names() if of == "step" else TRIGGER_TYPES
    expected = "one of " + ", ".join(known)
    name = given.get("type") if isinstance(given, dict) else None
    if name is None:
        return f"a {of} needs a `type`", expected
    if not isinstance(name, str):
        return f"expected a {of} type, found {shown(name)}", expected
    return f"unknown {of} type `{shortened(name)}`{close_match(name, known)}", expected


def _at(raw: Any, path: SourcePath) -> Any:
    for part in path:
        raw = raw[part]
    return raw
