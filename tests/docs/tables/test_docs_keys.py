"""docs/keys.md is what the registry of actions says, and its example is valid."""

from __future__ import annotations

import re

import yaml

from docs.keys_page import PAGE, page
from screens.keys.keymap import read_keymap
from vasini_tui.settings.in_force import read_groups


def test_the_page_of_keys_is_the_registry() -> None:
    assert PAGE.read_text("utf-8") == page(), "write it anew: make keys"


def test_the_example_of_other_keys_is_valid() -> None:
    (example,) = re.findall(r"^```yaml settings\n(.*?)^```$", page(), re.DOTALL | re.MULTILINE)
    groups, faults = read_groups(yaml.safe_load(example))
    assert faults == []
    keys = groups["console"].keys
    assert len(keys) == 3
    assert read_keymap(keys)[1] == ()
