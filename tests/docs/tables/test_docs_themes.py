"""docs/themes.md has every key of a theme file, and its example is valid."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from vasini_tui.console.themes.theme_files import ThemeFile, ThemeVariables

TEXT = (Path(__file__).parents[3] / "docs" / "themes.md").read_text("utf-8")


def named(table: str) -> set[str]:
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([a-z-]+)`", row)}


def test_every_key_of_a_theme_is_documented() -> None:
    keys, _, variables = TEXT.partition("## Your own")[2].partition("Below `variables`")
    assert named(keys) == set(ThemeFile.model_fields) - {"variables"}
    assert named(variables) == {field.alias or name for name, field in ThemeVariables.model_fields.items()}


def test_the_example_is_a_theme() -> None:
    (example,) = re.findall(r"^```yaml theme\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    assert ThemeFile.model_validate(yaml.safe_load(example)).own_variables() == {"waiting": "#f0b765"}
