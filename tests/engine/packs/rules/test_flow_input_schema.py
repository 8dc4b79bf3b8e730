from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from engine.packs.checks.schemas.json_schema import input_schema_problems
from engine.packs.source.yaml_source import SourceDocument, parse_document

if TYPE_CHECKING:
    from engine.contracts.packs.pack import Problem


def problems_of(schema: dict[str, Any]) -> list[Problem]:
    document = parse_document(json.dumps({"input": schema}), "f.json")
    assert isinstance(document, SourceDocument)
    return list(input_schema_problems(document, schema))


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {
            "type": "object",
            "properties": {"repo": {"type": "string", "format": "path"}},
            "required": ["repo"],
        },
        {"$defs": {"x": {"type": "string"}}, "properties": {"a": {"$ref": "#/$defs/x"}}},
        {"properties": {"a": {"default": {"$ref": "http://example.org"}, "pattern": "^a+$"}}},
    ],
)
def test_usable_schemas_have_no_faults(schema: dict[str, Any]) -> None:
    assert problems_of(schema) == []


@pytest.mark.parametrize(
    ("schema", "path", "words"),
    [
        ({"properties": {"a": {"type": "strin"}}}, ("properties", "a", "type"), "not a usable JSON Schema"),
        ({"required": "a"}, ("required",), "not a usable JSON Schema"),
        ({"properties": {"a": 5}}, ("properties", "a"), "not a usable JSON Schema"),
        ({"type": "array"}, ("type",), "`type` must be `object`"),
        ({"properties": {"a": {"pattern": "("}}}, ("properties", "a", "pattern"), "regular expression"),
        ({"allOf": [{"$ref": "http://example.org/s"}]}, ("allOf", 0, "$ref"), "same schema"),
        ({"$ref": "file:///etc/passwd"}, ("$ref",), "same schema"),
    ],
)
def test_faults_name_their_path(schema: dict[str, Any], path: tuple[str | int, ...], words: str) -> None:
    problem = problems_of(schema)[0]
    assert problem.field == ".".join(map(str, ("input", *path)))
    assert problem.line == 1
    assert words in problem.message
