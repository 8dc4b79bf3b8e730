"""Every block of YAML in the documents says what it is, and can be used as that."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from engine.contracts.flows.agent_step import AgentStep
from engine.contracts.governing.slo import SloTargets
from engine.contracts.layers.guardrails import Guardrails
from engine.packs.checks.schemas.tool_names import any_tool_of
from engine.packs.loader import read_pack
from engine.tools.builtin.all import builtin_registry
from vasini_tui.settings.in_force import read_groups

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = Path(__file__).parents[2] / "docs"
MANIFEST = (
    'schema_version: "1.0"\npack_id: examples\nversion: 1.0.0\nauthor: {name: Docs}\n'
    "role: {title: Examples, domain: Docs, goal: {primary: Be loaded}}\n"
)
SPECS = {spec.name: spec for spec in builtin_registry().specs()}
TOOLS = [*SPECS, any_tool_of("memory")]
BLOCKS = [
    pytest.param(kind.strip(), text, id=f"{page.name}-{number}")
    for page in sorted(DOCS.glob("*.md"))
    for number, (kind, text) in enumerate(
        re.findall(r"^```yaml([a-z ]*)\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.MULTILINE), 1
    )
]


def faults_of(kind: str, content: Any, text: str, place: Path) -> list[Any]:
    """What keeps this block from being used; layers and themes have tests beside their pages."""
    match kind:
        case "settings":
            return read_groups(content)[1]
        case "flow":
            return [*faults_of_flow(str(content["id"]), text, place), *faults_of_scripts(content)]
        case "step":
            AgentStep.model_validate(
                {"id": "a", "type": "agent", "instructions": "A", "prompt": "B", **content}
            )
        case "guardrails":
            Guardrails.model_validate(content)
        case "manifest":
            SloTargets.model_validate(content["slo"])
        case _:
            assert kind in {"layers", "theme"}, f"a block of YAML of the kind {kind!r}"
    return []


def faults_of_flow(name: str, text: str, place: Path) -> list[Any]:
    pack = place / "examples"
    (pack / "flows").mkdir(parents=True)
    (pack / "profession-pack.yaml").write_text(MANIFEST)
    (pack / "flows" / f"{name}.yaml").write_text(text)
    if name == "greet-twice":  # which names the first flow of its page
        greet = next(each.values[1] for each in BLOCKS if "id: greet\n" in str(each.values[1]))
        (pack / "flows" / "greet.yaml").write_text(str(greet))
    return list(read_pack(pack, tool_names=TOOLS).problems)


def faults_of_scripts(content: Any) -> Iterator[str]:
    """Of what the scripted model says: calls that do not fit their tools, an answer without its form."""
    for step in [one for one in every(content) if isinstance(one.get("script"), list)]:
        for call in [one for one in every(step["script"]) if "tool" in one]:
            yield from faults_of_value(
                SPECS[call["tool"]].parameters, call.get("arguments", call.get("params"))
            )
        if "output" in step:
            yield from faults_of_value(step["output"], json.loads(step["script"][-1]["text"]))


def faults_of_value(schema: Any, value: Any) -> Iterator[str]:
    yield from (error.message for error in Draft202012Validator(schema).iter_errors(value))


def every(content: Any) -> Iterator[dict[str, Any]]:
    """Each mapping in it."""
    if isinstance(content, dict):
        yield content
    for inner in (
        content.values() if isinstance(content, dict) else content if isinstance(content, list) else ()
    ):
        yield from every(inner)


@pytest.mark.parametrize(("kind", "text"), BLOCKS)
def test_a_block_of_yaml_can_be_used_as_what_it_says_it_is(kind: str, text: str, tmp_path: Path) -> None:
    assert faults_of(kind, yaml.safe_load(text), text, tmp_path) == []
