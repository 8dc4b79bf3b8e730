"""docs/sandbox.md says what the tests of attacks have tried, and no more."""

from __future__ import annotations

import re
from pathlib import Path

from engine.tools.builtin.all import builtin_registry

ROOT = Path(__file__).parents[2]
TRIED = (ROOT / "tests" / "engine" / "tools" / "isolation" / "test_attacks_by_level.py").read_text("utf-8")
ATTACK = re.compile(r"^\| [^|]+ \| ([^|]+) \| ([^|]+) \| `(test_\w+)` \|$", re.MULTILINE)
TABLE = {
    test: (process, isolated)
    for process, isolated, test in ATTACK.findall((ROOT / "docs" / "sandbox.md").read_text("utf-8"))
}


def test_every_attack_of_the_table_is_tried_and_every_one_that_is_tried_is_in_it() -> None:
    assert sorted(TABLE) == sorted(re.findall(r"^async def (test_\w+)", TRIED, re.MULTILINE))


def test_where_a_test_expects_a_difference_the_table_says_so() -> None:
    differing = [
        re.findall(r"^async def (test_\w+)", source, re.MULTILINE)
        for source in re.split(r"\n\n\n", TRIED)
        if "is STOPPED[level]" in source
    ]
    assert [TABLE[name] for (name,) in differing] == [("no", "stopped")] * len(differing)


def test_the_tools_that_start_nothing_are_those_of_the_engines_own_process() -> None:
    (row,) = re.findall(
        r"^\| `policy` \| ([^|]+) \|", (ROOT / "docs" / "sandbox.md").read_text("utf-8"), re.MULTILINE
    )
    there = [spec.name for spec in builtin_registry().specs() if spec.backend == "local"]
    assert re.findall(r"`([a-z.]+)`", row) == there
