"""Reasons that stand in events and failures are explained, every one and no other."""

from __future__ import annotations

import re
from pathlib import Path

from engine.contracts.governing.slo import AlertKind
from engine.governance.pipeline import RULE_OF, Reason

ROOT = Path(__file__).parents[3]


def rows(page: str, head: str) -> dict[str, str]:
    """Of the table with this head: each name of a first cell with the second cell."""
    table = (ROOT / "docs" / page).read_text("utf-8").partition(head)[2].partition("\n\n")[0]
    found = re.findall(r"^\| (`.*?`) \| (.*?) \|", table, re.MULTILINE)
    return {name: second.strip("`") for names, second in found for name in re.findall(r"`([a-z_]+)`", names)}


def test_every_reason_of_policy_stands_with_its_rule() -> None:
    rules = {reason.value: rule for reason, rule in RULE_OF.items() if reason is not Reason.ALLOWED}
    assert rows("security.md", "| `reason` |") == rules


def test_every_reason_of_a_failed_mcp_call_is_told() -> None:
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "engine" / "tools" / "mcp").glob("*.py"))
    assert set(rows("mcp.md", "| `details.reason` of a call")) == set(
        re.findall(r'"reason": "(\w+)"', sources)
    )


def test_every_kind_of_alert_is_told() -> None:
    slo = (ROOT / "docs" / "slo.md").read_text("utf-8")
    assert [kind for kind in AlertKind if f"`{kind}`" not in slo] == []
