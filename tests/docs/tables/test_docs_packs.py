"""docs/packs.md has every field of the contracts, and its limits are those of the code."""

from __future__ import annotations

import re

import yaml

from docs.pack_tables import MODELS, PAGE, page
from engine.packs.catalog.scan import MAX_PACKS
from engine.packs.layers import composer
from engine.packs.source import directory, yaml_events
from engine.packs.source.skill_source import parse_skill
from engine.packs.source.source_text import MAX_BYTES
from engine.packs.source.yaml_source import SourceDocument

TEXT = PAGE.read_text("utf-8")


def test_every_table_is_as_the_contracts_have_it() -> None:
    """Written anew by `python docs/pack_tables.py`."""
    assert page(TEXT) == TEXT
    assert re.findall(r"<!-- fields of (\w+) -->", TEXT) == [
        "manifest", "soul", "role", "tools", "skill", "guardrails", "memory", "workflow",
    ]  # fmt: skip
    assert set(re.findall(r"<!-- fields of (\w+) -->", TEXT)) == set(MODELS)


def test_every_field_is_explained() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| (.*?) \| (.*?) \| (.*?) \|$", TEXT, re.MULTILINE)
    tables = [row for row in rows if "." in row[0] or row[0].islower()]
    assert len(tables) > 100
    assert [name for name, _, _, meaning in tables if not meaning] == []


def test_limits_are_those_of_the_code() -> None:
    assert MAX_BYTES == 1024**2
    assert (directory.MAX_FILES, directory.MAX_TOTAL_BYTES) == (500, 10 * 1024**2)
    assert (yaml_events.MAX_DEPTH, yaml_events.MAX_ALIASES, yaml_events.MAX_NODES) == (50, 100, 100_000)
    for words in (
        "| 500, 10 MiB |",
        "| 50 levels, 100, 100,000 with",
        "hold 1,000 at most",
        "up to 16 files deep",
    ):
        assert words in " ".join(TEXT.split())
    assert (MAX_PACKS, composer.MAX_CHAIN) == (1000, 16)


def test_the_skill_on_the_page_is_one() -> None:
    (skill,) = re.findall(r"^```markdown\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    document = parse_skill(skill, "skill.md")
    assert isinstance(document, SourceDocument)
    assert document.value["id"] == "code-review"


def test_the_layers_on_the_page_are_yaml() -> None:
    (layers,) = re.findall(r"^```yaml layers\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    assert list(yaml.safe_load(layers)) == ["soul", "role", "memory"]
