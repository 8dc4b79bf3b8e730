"""The shipped JSON Schemas: in step with the contracts, and agreeing with what the loader says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from engine.packs.editor_schemas import (
    FLOW_SCHEMA,
    MANIFEST_SCHEMA,
    SKILL_SCHEMA,
    editor_schemas,
    layer_schema,
    schema_text,
    write_schemas,
)

PACKS = Path(__file__).parents[4] / "packs"
SCHEMAS = PACKS / "_schemas"
MADE = editor_schemas()
FILES = sorted(path for path in PACKS.rglob("*.yaml"))
SKILLS = sorted(path for path in PACKS.rglob("*.md") if path.parent.name == "SKILLS")
MANIFEST: dict[str, Any] = {
    "schema_version": "1.0",
    "pack_id": "demo",
    "version": "1.0.0",
    "author": {"name": "A"},
    "role": {"title": "T", "domain": "D", "goal": {"primary": "P"}},
}


def valid(schema: str, value: Any) -> bool:
    return Draft202012Validator(MADE[schema]).is_valid(value)


def test_the_shipped_schemas_are_those_of_the_contracts() -> None:
    """Written anew by `make schemas`."""
    shipped = {path.name: path.read_text("utf-8") for path in SCHEMAS.iterdir()}
    assert shipped == {name: schema_text(schema) for name, schema in MADE.items()}


def test_a_field_that_does_nothing_yet_says_so_where_an_editor_shows_it() -> None:
    def told(schema: str, definition: str, field: str) -> bool:
        return str(MADE[schema]["$defs"][definition]["properties"][field]["description"]).endswith(
            "Not in force yet."
        )

    for schema in (layer_schema("guardrails"), MANIFEST_SCHEMA):
        assert told(schema, "InputGuardrails", "sanitization")
        assert told(schema, "PiiDetection", "action")
        assert not told(schema, "InputGuardrails", "max_length")
    assert told(layer_schema("workflow"), "Reporting", "progress_updates")
    assert not told(layer_schema("workflow"), "WorkflowStep", "requires_approval")


def test_writing_them_writes_them_all(tmp_path: Path) -> None:
    write_schemas(tmp_path / "schemas")
    names = {path.name for path in (tmp_path / "schemas").iterdir()}
    assert names == set(MADE)
    for path in (tmp_path / "schemas").iterdir():
        Draft202012Validator.check_schema(json.loads(path.read_text()))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKS).as_posix())
def test_every_shipped_file_names_its_schema_and_keeps_to_it(path: Path) -> None:
    first = path.read_text().partition("\n")[0]
    named = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
    assert named
    schema = (path.parent / named.group(1)).resolve()
    assert schema.parent == SCHEMAS
    errors = list(
        Draft202012Validator(json.loads(schema.read_text())).iter_errors(yaml.safe_load(path.read_text()))
    )
    assert errors == []


@pytest.mark.parametrize("path", SKILLS, ids=lambda path: path.name)
def test_every_shipped_skill_keeps_to_its_schema(path: Path) -> None:
    front = yaml.safe_load(path.read_text().split("---\n")[1])
    assert valid(SKILL_SCHEMA, front)


@pytest.mark.parametrize(
    ("soul", "good"),
    [
        ({"file": "SOUL.yaml"}, True),
        ({"extends": "a.yaml"}, True),
        ({"extends": "a.yaml", "override": {"anything": 1}}, True),
        ({"identity": {"name": "A", "language": "en"}}, True),
        ({"file": "SOUL.yaml", "extends": "a.yaml"}, False),
        ({"file": "SOUL.yaml", "override": {}}, False),
        ({"override": {}}, False),
        ({"identity": {"name": "A"}}, False),
        ("SOUL.yaml", False),
    ],
)
def test_a_layer_has_exactly_one_of_three_forms(soul: Any, good: bool) -> None:
    """In the reference `{file: ...}` matches two branches of `oneOf` and is invalid."""
    assert valid(MANIFEST_SCHEMA, {**MANIFEST, "soul": soul}) is good


@pytest.mark.parametrize("missing", MANIFEST)
def test_what_a_manifest_needs(missing: str) -> None:
    assert valid(MANIFEST_SCHEMA, MANIFEST)
    assert not valid(MANIFEST_SCHEMA, {name: value for name, value in MANIFEST.items() if name != missing})


@pytest.mark.parametrize(
    ("layer", "value", "good"),
    [
        ("soul", {"principles": ["a", "b"]}, False),
        ("soul", {"principles": ["a", "b", "c"]}, True),
        ("soul", {"personality": {"verbosity": "chatty"}}, False),
        ("role", {"title": "T", "domain": "D", "goal": {"primary": "P"}, "seniority": "intern"}, False),
        ("tools", {"available": [{"id": "a.b", "name": "B", "sandbox": {"timeout": "soon"}}]}, False),
        ("tools", {"available": [{"id": "a.b", "name": "B", "sandbox": {"timeout": "90s"}}]}, True),
        ("memory", {"episodic": {"confidence_threshold": 1.5}}, False),
        ("workflow", {"sop": [{"id": "a", "name": "A", "trigger": "T", "steps": []}]}, False),
        ("guardrails", {"extends": "../_shared/g.yaml", "override": {"input": {"max_length": 5}}}, True),
        ("guardrails", {"inputs": {}}, False),
    ],
)
def test_editors_take_a_layer_that_loads_and_no_other(layer: str, value: Any, good: bool) -> None:
    assert valid(layer_schema(layer), value) is good


@pytest.mark.parametrize(
    ("flow", "good"),
    [
        ({"id": "f", "steps": [{"type": "tool", "tool": "a.b"}]}, True),
        ({"name": "f", "steps": [{"type": "tool", "tool": "a.b", "retry": {"retry_on": ["timeout"]}}]}, True),
        ({"name": "f", "id": "f", "steps": [{"type": "tool", "tool": "a.b"}]}, False),
        ({"steps": [{"type": "tool", "tool": "a.b"}]}, False),
        ({"id": "f", "steps": [{"type": "tol", "tool": "a.b"}]}, False),
        (
            {
                "id": "f",
                "steps": [{"type": "for_each", "items": [1], "as": "x", "steps": [{"type": "tool"}]}],
            },
            False,
        ),
    ],
)
def test_editors_take_a_flow_that_loads_and_no_other(flow: Any, good: bool) -> None:
    assert valid(FLOW_SCHEMA, flow) is good


@pytest.mark.parametrize(
    ("tool", "params", "good"),
    [
        ("http.get", {"url": "https://example.org", "json": True}, True),
        ("http.get", {"url": "{{ payload.url }}", "timeout": "{{ payload.seconds }}"}, True),
        ("http.get", {"url": {"$secret": "hook"}}, True),
        ("http.get", {"url": "https://example.org", "seconds": 3}, False),
        ("http.get", {"url": "https://example.org", "timeout": "soon"}, False),
        ("http.get", {}, False),
        ("demo.own", {"anything": 1}, True),
    ],
)
def test_the_schema_of_a_flow_knows_the_parameters_of_tools(
    tool: str, params: dict[str, Any], good: bool
) -> None:
    step = {"id": "s", "type": "tool", "tool": tool, "params": params}
    assert valid(FLOW_SCHEMA, {"id": "f", "steps": [step]}) is good
