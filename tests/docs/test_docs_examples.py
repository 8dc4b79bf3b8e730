"""docs/flows.md: its examples load, and its lists of filters and tools are those of the engine."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from engine.contracts.flows.step import STEP_TYPES
from engine.templates.filters import FILTER_TABLE
from engine.tools.builtin.all import builtin_registry
from tests.engine.packs.catalogs import load_catalog

FLOWS = Path(__file__).parents[2] / "docs" / "flows.md"
TOOL_NAMES = [spec.name for spec in builtin_registry().specs()]
MANIFEST = (
    'schema_version: "1.0"\npack_id: examples\nversion: 1.0.0\nauthor: {name: Docs}\n'
    "role: {title: Examples, domain: Docs, goal: {primary: Be loaded}}\n"
)


def examples() -> list[str]:
    return re.findall(r"^```yaml flow\n(.*?)^```$", FLOWS.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def test_every_example_flow_loads(tmp_path: Path) -> None:
    pack = tmp_path / "examples"
    (pack / "flows").mkdir(parents=True)
    (pack / "profession-pack.yaml").write_text(MANIFEST)
    names = [str(yaml.safe_load(text)["id"]) for text in examples()]
    assert names
    assert len(set(names)) == len(names)
    for name, text in zip(names, examples(), strict=True):
        (pack / "flows" / f"{name}.yaml").write_text(text)
    (loaded,) = load_catalog(None, tmp_path, TOOL_NAMES).all()
    assert [str(problem) for problem in loaded.problems] == []
    assert set(loaded.flows) == set(names)


def test_every_step_type_has_an_example() -> None:
    text = "".join(examples())
    used = set(re.findall(r"type: ([a-z_]+)\b", text))
    assert set(STEP_TYPES.names()) <= used


def test_the_list_of_filters_is_the_engine_s() -> None:
    (listed,) = re.findall(r"^Filters: (.*?)\.\s", FLOWS.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", listed)) == sorted(FILTER_TABLE)


def test_the_table_of_tools_is_the_engine_s() -> None:
    table = FLOWS.read_text("utf-8").partition("| built-in tool |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `([a-z.]+)` \|", table, re.MULTILINE) == sorted(TOOL_NAMES)
