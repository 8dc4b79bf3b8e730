"""What a flow hands a tool outright is held against the tool's schema at load."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.packs.checks.schemas.literal_params import literal_faults
from engine.tools.builtin.all import builtin_registry
from tests.engine.packs.layered_pack import LayeredPack

if TYPE_CHECKING:
    from pathlib import Path

SCHEMAS = {spec.name: spec.parameters for spec in builtin_registry().specs()}
FLOW = "id: go\nsteps:\n  - {id: a, type: tool, tool: TOOL, params: PARAMS}\n"


def told(tmp_path: Path, tool: str, params: str) -> list[str]:
    demo = LayeredPack(tmp_path)
    demo.manifest("")
    demo.write(
        "demo/tools.py", "def greet(name: str, loud: bool = False, *, context) -> str:\n    return name\n"
    )
    demo.write("demo/flows/go.yaml", FLOW.replace("TOOL", tool).replace("PARAMS", params))
    return [problem.message for problem in demo.load(SCHEMAS).problems]


@pytest.mark.parametrize(
    ("tool", "params", "words"),
    [
        ("files.read", "{root: /srv, path: 7}", "7 is not of type 'string'"),
        ("files.read", "{root: /srv}", "'path' is a required property"),
        ("files.read", "{root: /srv, path: a, pth: b}", "'pth' was unexpected"),
        ("files.read", "{root: /srv, path: a, max_bytes: 0}", "0 is less than the minimum"),
        ("files.write", "{root: '{{ payload.r }}', path: a, text: [x]}", "['x'] is not of type 'string'"),
        ("demo.greet", "{nmae: x, name: y}", "'nmae' was unexpected"),
        ("demo.greet", "{loud: true}", "'name' is a required property"),
    ],
)
def test_what_breaks_the_schema_is_a_problem(tmp_path: Path, tool: str, params: str, words: str) -> None:
    (message,) = told(tmp_path, tool, params)
    assert message.startswith(f"the tool `{tool}`: ")
    assert words in message


@pytest.mark.parametrize(
    ("tool", "params"),
    [
        ("files.read", "{root: /srv, path: a.txt, max_bytes: 10}"),
        ("files.read", "{root: '{{ payload.r }}', path: '{{ payload.p }}', max_bytes: '{{ payload.n }}'}"),
        ("http.get", "{url: 'https://x.example', headers: {Authorization: {$secret: token}}}"),
        ("demo.greet", "{name: '{{ payload.n }}', loud: true}"),
        ("demo.greet", "{name: [1]}"),
    ],
)
def test_what_fits_or_is_known_only_later_is_none(tmp_path: Path, tool: str, params: str) -> None:
    assert told(tmp_path, tool, params) == []


def test_a_template_anywhere_in_a_value_leaves_it_open() -> None:
    schema: dict[str, Any] = {"type": "object", "properties": {"list": {"type": "array", "maxItems": 1}}}
    assert list(literal_faults(schema, {"list": ["{{ payload.a }}", "b"]})) == []
    assert [name for name, _ in literal_faults(schema, {"list": ["a", "b"]})] == ["list"]


@pytest.mark.parametrize(
    "schema",
    [
        {"definitions": {"n": {"type": "integer"}}, "properties": {"n": {"$ref": "#/definitions/n"}}},
        {"anyOf": [{"required": ["x"]}, {}], "properties": {"n": {"$ref": "#/anyOf/1"}}},
        {
            "properties": {"n": {}},
            "patternProperties": {"^o": {"type": "integer"}},
            "additionalProperties": False,
        },
        {"properties": {"n": {}}, "additionalProperties": {"type": "integer"}, "required": ["other"]},
    ],
)
@pytest.mark.parametrize("other", ["{{ payload.a }}", 7])
def test_any_schema_of_a_tool_can_be_held_against(schema: dict[str, Any], other: object) -> None:
    assert list(literal_faults({"type": "object", **schema}, {"n": 1, "other": other})) == []


def test_a_call_without_parameters_is_a_problem_of_its_tool(tmp_path: Path) -> None:
    demo = LayeredPack(tmp_path)
    demo.manifest("")
    demo.write("demo/flows/go.yaml", "id: go\nsteps:\n  - {id: a, type: tool, tool: git.log}\n")
    problems = demo.load(SCHEMAS).problems
    assert {problem.field for problem in problems} == {"steps.0.tool"}
    assert "'repo' is a required property" in problems[0].message
