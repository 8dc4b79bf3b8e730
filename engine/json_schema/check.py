"""JSON Schema, closed: schemas are checked before use, and faults are told in words for a person.

Draft 2020-12 by `jsonschema`. References leave the schema nowhere, patterns are bounded
(`safe_pattern`), unique items are compared in linear time, and what a person typed is not echoed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable

from engine.contracts.runs.request import FieldError
from engine.json_schema.acceptance import Acceptance, accepts
from engine.json_schema.comparing import identity, is_multiple, matches, python_pattern
from engine.json_schema.formats import format_checker
from engine.json_schema.messages import format_faults
from engine.json_schema.pattern_cost import is_costly, most_characters
from engine.safe_pattern import pattern_problem

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

_MAX_FAULTS = 100
_MAX_PROBLEMS = 20
_MAX_DEPTH = 32
_FOLLOWED = 1_000
_FOLLOWED_OF_EACH = 50
"""References that are followed for a value: so many, and so many more for each value inside it."""
_DATA_KEYWORDS = frozenset({"default", "const", "enum", "examples"})
_left: ContextVar[list[int]] = ContextVar("references that may still be followed")


class _EndlessReferences(Exception):
    """References that name each other twice over double the work with each of them."""


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
    prepared = _prepared(json.dumps(schema, sort_keys=True, default=str))
    if isinstance(prepared, str):
        return (FieldError(field="", message=f"the schema cannot be used: {prepared}"),)
    validator, good, longest_name = prepared
    if longest_name is not None and _has_longer_name(value, longest_name):
        words = f"must have no name of more than {longest_name:,} characters, to be compared with a pattern"
        return (FieldError(field="", message=words),)
    found: dict[tuple[str, str], None] = {}
    try:
        if good is not None and good(value):
            return ()
        _left.set([_FOLLOWED + _FOLLOWED_OF_EACH * _count(value)])
        for error in validator.iter_errors(value):
            for field, message in format_faults(error):
                found[field, message] = None
            if len(found) >= _MAX_FAULTS:
                break
    except RecursionError:
        return (FieldError(field="", message="is nested too deeply"),)
    except _EndlessReferences:
        return (
            FieldError(field="", message="the schema cannot be used: it follows its references too often"),
        )
    except Unresolvable:
        return (FieldError(field="", message="the schema refers to a part it does not have"),)
    return tuple(FieldError(field=field, message=message) for field, message in sorted(found))


@lru_cache(maxsize=256)
def _prepared(schema_json: str) -> tuple[Validator, Acceptance | None, int | None] | str:
    """What checks values, the quick yes, and how long names of fields may be; or what is wrong."""
    schema = json.loads(schema_json)
    problems = check_schema(schema)
    if problems:
        return "; ".join(problems)
    schema = _with_python_names(schema)
    # An empty registry: a reference is found inside the schema or nowhere.
    closed: Validator = _Closed(schema, registry=Registry(), format_checker=_FORMATS)
    longest_name = min(map(most_characters, _name_patterns(schema)), default=None)
    return closed, accepts(schema), longest_name


def _with_python_names(node: Any) -> Any:
    """The schema with the keys of `patternProperties` as Python's matcher takes them."""
    if isinstance(node, list):
        return [_with_python_names(item) for item in node]
    if not isinstance(node, Mapping):
        return node
    return {
        key: {python_pattern(name).pattern: _with_python_names(one) for name, one in item.items()}
        if key == "patternProperties" and isinstance(item, Mapping)
        else item
        if key in _DATA_KEYWORDS
        else _with_python_names(item)
        for key, item in node.items()
    }


def _name_patterns(node: Any) -> Iterator[str]:
    """Patterns that the library compares names of fields with."""
    if isinstance(node, list):
        for item in node:
            yield from _name_patterns(item)
    elif isinstance(node, Mapping):
        for key, item in node.items():
            if key == "patternProperties" and isinstance(item, Mapping):
                yield from item
            if key not in _DATA_KEYWORDS:
                yield from _name_patterns(item)


def _has_longer_name(value: Any, most: int) -> bool:
    level = [value]
    while level:
        objects = [one for one in level if isinstance(one, Mapping)]
        if any(len(name) > most for one in objects for name in one):
            return True
        inside = (
            one.values() if isinstance(one, Mapping) else one
            for one in level
            if isinstance(one, Mapping | list)
        )
        level = [item for each in inside for item in each]
    return False


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
            problem = _pattern_problem(item)
            if problem:
                yield f"{place}: {problem}"
        elif key == "patternProperties" and isinstance(item, Mapping):
            yield from (f"{place}: {problem}" for problem in map(_pattern_problem, map(str, item)) if problem)
        elif key == "enum" and item == [] and not where.endswith("properties"):
            yield f"{place}: must have at least one value, for nothing can be one of none"
        if key not in _DATA_KEYWORDS or where.endswith("properties"):
            yield from _own_problems(item, root, place, depth + 1)


def _pattern_problem(pattern: str) -> str | None:
    problem = pattern_problem(pattern)
    if problem is None and is_costly(python_pattern(pattern).pattern):
        return (
            "the pattern can take one text in too many ways, which can take for ever; let what repeats be "
            "parted by what it cannot take itself, as in `[^:]*:[^:]*`"
        )
    return problem


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


def _count(value: Any) -> int:
    """The values inside a value, and itself."""
    level, count = [value], 0
    while level:
        count += len(level)
        inside = [one for one in level if isinstance(one, dict | list)]
        level = [one for each in inside for one in (each.values() if isinstance(each, dict) else each)]
    return count


def _bounded(keyword: str) -> Any:
    """A keyword that refers to another part, as the draft has it, as often as a check may follow one."""
    follow = Draft202012Validator.VALIDATORS[keyword]

    def bounded(validator: Any, reference: str, value: Any, schema: Any) -> Iterator[ValidationError]:
        left = _left.get()
        left[0] -= 1
        if left[0] < 0:
            raise _EndlessReferences
        yield from follow(validator, reference, value, schema)

    return bounded


def _pattern(validator: Any, pattern: str, value: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(value, str) and not matches(pattern, value):
        yield ValidationError("pattern")


def _multiple_of(validator: Any, step: float, value: Any, schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(value, "number") and not is_multiple(value, step):
        yield ValidationError("multipleOf")


def _unique(validator: Any, wanted: bool, value: Any, schema: Any) -> Iterator[ValidationError]:
    if wanted and isinstance(value, list) and len(set(map(identity, value))) < len(value):
        yield ValidationError("uniqueItems")


def _items(validator: Any, items: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
    """As the draft has it; items that are plainly good are passed over."""
    if not isinstance(value, list):
        return
    good = accepts(items)
    for index in range(len(schema.get("prefixItems", ())), len(value)):
        if good is None or not good(value[index]):
            yield from validator.descend(value[index], items, path=index)


# `extend` has no types in the stubs.
_Closed: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {
        "pattern": _pattern,
        "multipleOf": _multiple_of,
        "uniqueItems": _unique,
        "items": _items,
        "$ref": _bounded("$ref"),
        "$dynamicRef": _bounded("$dynamicRef"),
    },
)
_FORMATS = format_checker()
