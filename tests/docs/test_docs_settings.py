"""docs/settings.md has every setting with its default, and its examples are valid."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from vasini_tui.settings.in_force import Settings, leaves, read_groups

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = (Path(__file__).parents[2] / "docs" / "settings.md").read_text("utf-8")


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


def test_the_examples_are_valid_settings() -> None:
    examples = re.findall(r"^```yaml settings\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    assert len(examples) == 2
    for example in examples:
        assert read_groups(yaml.safe_load(example))[1] == []
