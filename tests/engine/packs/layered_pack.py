"""A directory of packs with shared layers, written file by file."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from engine.packs.loader import load_content, read_pack

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from engine.contracts.packs.pack import Problem
    from engine.packs.loaded_pack import LoadedPack

HEAD = 'schema_version: "1.0"\npack_id: demo\nversion: 1.0.0\nauthor: {name: Somebody}\n'
ROLE = "role: {title: Tester, domain: Tests, goal: {primary: Be composed}}\n"
SOUL = """\
schema_version: "1.0"
identity:
  name: Base
  language: en
personality:
  communication_style: professional
  verbosity: balanced
principles:
  - Be professional
  - Be clear
  - Be concise
"""


class LayeredPack:
    """Files below `packs`; the pack itself is `packs/demo`."""

    def __init__(self, root: Path) -> None:
        self.root = root / "packs"
        self.place = self.root / "demo"
        self.place.mkdir(parents=True)
        self.manifest("")

    def manifest(self, text: str, *, role: str = ROLE) -> None:
        self.write("demo/profession-pack.yaml", HEAD + role + textwrap.dedent(text))

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def load(self, tool_names: Collection[str] | None = None) -> LoadedPack:
        return read_pack(self.place, tool_names=tool_names, roots=[self.root])

    def good(self, tool_names: Collection[str] | None = None) -> LoadedPack:
        """Loaded without problems, and the same from its pinned content alone."""
        pack = self.load(tool_names)
        assert [str(problem) for problem in pack.problems] == []
        again = load_content(pack.content, tool_names=tool_names)
        assert (again.agent, again.flows, again.problems) == (pack.agent, pack.flows, ())
        return pack

    def agent(self) -> Any:
        agent = self.good().agent
        assert agent is not None
        return agent

    def problem(self) -> Problem:
        problems = self.load().problems
        assert len(problems) == 1, [str(problem) for problem in problems]
        return problems[0]
