"""docs/console.md lists exactly the keys of the registry, in its words."""

from __future__ import annotations

import re
from pathlib import Path

from screens.action import CONSOLE_ONLY
from screens.action_list import ACTIONS, GROUPS

TEXT = (Path(__file__).parents[2] / "docs" / "console.md").read_text("utf-8")


def test_the_tables_of_keys_are_the_registry() -> None:
    sections = re.split(r"^### (.*)$", TEXT.partition("\n## Keys\n")[2], flags=re.MULTILINE)[1:]
    documented = {
        heading: re.findall(r"^\| `(.*)` \| (.*) \| (.*) \|$", body, re.MULTILINE)
        for heading, body in zip(sections[::2], sections[1::2], strict=True)
    }
    registered: dict[str, list[tuple[str, str, str]]] = {words: [] for words in GROUPS.values()}
    for action in ACTIONS:
        command = action.cli if action.cli == CONSOLE_ONLY else f"`{action.cli}`"
        row = (action.keys, action.help, command.replace("|", "\\|"))
        registered[GROUPS[action.id.partition(".")[0]]].append(row)
    assert documented == registered
