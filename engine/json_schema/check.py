"""JSON Schema, closed: schemas are checked before use, and faults are told in words for a person.

Draft 2020-12 by `jsonschema`. References leave the schema nowhere, patterns are bounded
(`safe_pattern`), unique items are compared in linear time, and what a person typed is not echoed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable

from engine.contracts.request import FieldError
from engine.json_schema.messages import told
from engine.json_schema.safe_pattern import MAX_MATCHED, is_unbounded, pattern_problem

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

_MAX_FAULTS = 100
_MAX_PROBLEMS = 20
_MAX_DEPTH = 32
_DATA_KEYWORDS = frozenset({"default", "const", "enum", "examples"})
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")


def check_schema(schema: Any) -> list[str]:
    """What is wrong with a schema, as messages that name the place; empty when it can be used."""
    if not isinstance(schema, Mapping):
        return ["a schema must be an object"]
    try:
        problems = [*_own_problems(schema, schema, "")]
        if not problems:
            meta = Draft202012Validator(Draft202012Validator.META_SCHEMA)
            problems = [_place(error) for error in meta.iter_errors(schema)]
    except RecursionError:
        problems = ["the schema is nested too deeply"]
    return problems[:_MAX_PROBLEMS]


def faults(schema: Mapping[str, Any], value: Any) -> tuple[FieldError, ...]:
    """Every fault of `value`, sorted by field, at most 100; a schema that cannot be used is one fault."""
    validator = _validator(json.dumps(schema, sort_keys=True, default=str))
    if isinstance(validator, str):
        return (FieldError(field="", message=f"the schema cannot be used: {validator}"),)
    found: dict[tuple[str, str], None] = {}
    try:
        for error in validator.iter_errors(value):
            for field, message in told(error):
                found[field, message] = None
            if len(found) >= _MAX_FAULTS:
                break
    except RecursionError:
        return (FieldError(field="", message="is nested too deeply"),)
    except Unresolvable:
        return (FieldError(field="", message="the schema refers to a part it does not have"),)
    return tuple(FieldError(field=field, message=message) for field, message in sorted(found))


@lru_cache(maxsize=256)
def _validator(schema_json: str) -> Validator | str:
    schema = json.loads(schema_json)
    problems = check_schema(schema)
    if problems:
        return "; ".join(problems)
    # An empty registry: a reference is found inside the schema or nowhere.
    closed: Validator = _Closed(schema, registry=Registry(), format_checker=_FORMATS)
    return closed


def _place(error: ValidationError) -> str:
    where = ".".join(map(str, error.absolute_path)) or "the schema"
    return f"{where}: {error.message[:200]}"


def _own_problems(node: Any, root: Mapping[str, Any], where: str, depth: int = 0) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        yield f"{where[:80]}: is nested more than {_MAX_DEPTH} levels deep"
        return
    if isinstance(node, list):
        for index, item in enumerate(node):
            yield from _own_problems(item, root, f"{where}.{index}", depth + 1)
    if not isinstance(node, Mapping):
        return
    for key, item in node.items():
        place = f"{where}.{key}" if where else str(key)
        if key in {"$ref", "$dynamicRef"} and isinstance(item, str):
            yield from _reference_problems(item, root, place)
        elif key == "pattern" and isinstance(item, str):
            problem = pattern_problem(item)
            if problem:
                yield f"{place}: {problem}"
        elif key == "patternProperties" and isinstance(item, Mapping):
            yield from (f"{place}: {problem}" for problem in map(pattern_problem, map(str, item)) if problem)
        if key not in _DATA_KEYWORDS or where.endswith("properties"):
            yield from _own_problems(item, root, place, depth + 1)


def _reference_problems(reference: str, root: Mapping[str, Any], place: str) -> Iterator[str]:
    if not reference.startswith("#"):
        yield f"{place}: may only refer to a part of the same schema (`#/...`)"
        return
    target: Any = root
    for part in reference.removeprefix("#").removeprefix("/").split("/") if "/" in reference else ():
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(target, list) and name.isdecimal() and int(name) < len(target):
            target = target[int(name)]
        elif isinstance(target, Mapping) and name in target:
            target = target[name]
        else:
            yield f"{place}: refers to {reference[:80]}, which the schema does not have"
            return


def _bounded_pattern(validator: Any, pattern: str, value: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(value, str):
        too_long = len(value) > MAX_MATCHED and is_unbounded(pattern)
        if too_long or re.search(pattern, value) is None:
            yield ValidationError("pattern")


def _unique(validator: Any, wanted: bool, value: Any, schema: Any) -> Iterator[ValidationError]:
    if wanted and isinstance(value, list):
        seen = {json.dumps(item, sort_keys=True, default=str) for item in value}
        if len(seen) < len(value):
            yield ValidationError("uniqueItems")


# `extend` has no types in the stubs.
_Closed: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"pattern": _bounded_pattern, "uniqueItems": _unique}
)
_FORMATS = FormatChecker(formats=())


def _format(name: str, read: Callable[[str], object]) -> None:
    def check(value: object) -> bool:
        return not isinstance(value, str) or (len(value) <= MAX_MATCHED and bool(read(value)))

    _FORMATS.checks(name, raises=ValueError)(check)


def _zoned(value: str) -> bool:
    return datetime.fromisoformat(value).tzinfo is not None


def _is_url(value: str) -> bool:
    parts = urlsplit(value)
    return bool(parts.scheme and (parts.netloc or parts.path))


_format("date", lambda value: date.fromisoformat(value) is not None)
_format("time", lambda value: time.fromisoformat(value) is not None)
_format("date-time", _zoned)
_format("email", lambda value: _EMAIL.fullmatch(value) is not None)
_format("ipv4", lambda value: IPv4Address(value) is not None)
_format("ipv6", lambda value: IPv6Address(value) is not None)
_format("uuid", lambda value: UUID(value) is not None)
_format("uri", _is_url)
_format("path", lambda value: value != "" and "\0" not in value)
