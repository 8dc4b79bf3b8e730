"""Schemas inside flow files: what `engine.json_schema.forms` finds wrong with one, at its line."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from engine.json_schema.forms import check_schema
from engine.packs.checks.schemas.schema_problems import problem_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine.contracts.packs.pack import Problem
    from engine.packs.source.yaml_source import Document, SourcePath

_KEPT_LENGTH = 4000


def input_schema_problems(document: Document, schema: dict[str, Any]) -> Iterator[Problem]:
    """Faults of a flow's `input`, which describes an object."""
    yield from schema_problems(document, ("input",), schema)
    if schema.get("type", "object") != "object":
        message = "a flow's input is an object: `type` must be `object`"
        yield problem_at(document, ("input", "type"), message)


def schema_problems(document: Document, root: SourcePath, schema: dict[str, Any]) -> Iterator[Problem]:
    """Faults of a schema that stands at `root`."""
    for fault in _faults(schema):
        place, _, words = fault.partition(": ")
        path = _path(place.split("."), schema)
        message = f"not a usable JSON Schema: {words if path else fault}"
        yield problem_at(document, (*root, *path), message)


def _faults(schema: dict[str, Any]) -> Sequence[str]:
    """Checking a schema is a third of loading a pack, and most are as they were at the last reload."""
    text = json.dumps(schema)
    return _known_faults(text) if len(text) <= _KEPT_LENGTH else check_schema(schema)


@lru_cache(maxsize=1000)
def _known_faults(text: str) -> Sequence[str]:
    return tuple(check_schema(json.loads(text)))


def _path(parts: list[str], schema: Any) -> SourcePath:
    """As far as the dotted place can be followed into the schema."""
    path: list[str | int] = []
    for part in parts:
        if isinstance(schema, dict) and part in schema:
            path.append(part)
            schema = schema[part]
        elif isinstance(schema, list) and part.isdecimal() and int(part) < len(schema):
            path.append(int(part))
            schema = schema[int(part)]
        else:
            break
    return tuple(path)
