"""docs/settings.md has every setting with its default, and its examples are valid."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from screens.keys.registry import ACTIONS
from vasini_tui.settings.in_force import Settings, leaves, read_groups

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
DOCUMENTS = [ROOT / "README.md", ROOT / "packs" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXT = (ROOT / "docs" / "settings.md").read_text("utf-8")

# fields of layers of a pack, whose names are those of groups of settings
OF_LAYERS = {"identity.name", "identity.language", "identity.languages", "tools.denied", "tools.available"}


def defaults() -> Iterator[tuple[str, str]]:
    for key, value in leaves(Settings()):
        yield ".".join(key), in_words(value)


def in_words(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, frozenset | tuple | dict):
        return " ".join(map(str, value)) or "empty"
    return str(value)


def test_every_setting_is_documented_with_its_default() -> None:
    table = TEXT.partition("## All settings")[2]
    assert dict(re.findall(r"^\| `([a-z_.]+)` \| (.*?) \|", table, re.MULTILINE)) == dict(defaults())


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda each: f"{each.parent.name}-{each.name}")
def test_every_setting_that_a_document_names_is_one(document: Path) -> None:
    if document.name == "architecture.md":  # whose names are those of modules
        return
    names = [name for name, _ in defaults()]
    groups = {name.partition(".")[0] for name in names}
    for name in re.findall(r"`([a-z_]+(?:\.[a-z_]+)+)[:`]", document.read_text("utf-8")):
        if name.partition(".")[0] in groups and not is_something_else(name):
            near = [
                one for one in names if f"{one}.".startswith(f"{name}.") or f"{name}.".startswith(f"{one}.")
            ]
            assert near, f"{name} is no setting"


def is_something_else(name: str) -> bool:
    """The id of an action, a field of a pack's layer, a file or a room of ours."""
    first = name.split(".")[:2]
    return (
        name in {entry.id for entry in ACTIONS}
        or name in OF_LAYERS
        or name.endswith(".py")
        or any((ROOT / "/".join(first)).with_suffix(end).exists() for end in ("", ".py"))
    )


def test_the_examples_are_valid_settings() -> None:
    examples = re.findall(r"^```yaml settings\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    assert len(examples) == 2
    for example in examples:
        assert read_groups(yaml.safe_load(example))[1] == []
