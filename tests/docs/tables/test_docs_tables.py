"""Tables of the documents name every field, word and number that there is, and no other."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pytest
import yaml

from engine.acp.failure import AgentReason
from engine.acp.settings import AcpAgent
from engine.budget.settings import CapSetting, ModelPrice
from engine.contracts.flows.core_agents import CORE_AGENTS
from engine.contracts.flows.flow import FlowDef
from engine.contracts.flows.step import STEP_TYPES, RetryPolicy, StepFields
from engine.contracts.flows.trigger import CronTrigger, WatchTrigger
from engine.contracts.governing.slo import SloState
from engine.contracts.layers.hook import HookPoint
from engine.contracts.runs.snapshot import TerminalCause
from engine.models.failure import ModelErrorCode
from engine.models.settings import ModelTimeouts, NamedModel
from engine.slo.burn import PAIRS
from engine.slo.objectives import BY_RISK
from engine.tools.mcp.settings import McpServer
from tests.engine.empty_journal import lay_journal
from vasini_tui.mcp_server.tools import TOOLS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import BaseModel

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
OF_INDEXES = re.compile(r"run_words_\w+|sqlite_\w+")
"""Tables that SQLite makes for an index of words."""


def rows(page: str, head: str, *, below: str = "") -> list[list[str]]:
    """Cells of the table whose head begins so; `below`: the first one behind that heading."""
    text = (DOCS / page).read_text("utf-8")
    section = text.partition(f"\n{below}\n")[2] if below else text
    _, found, rest = section.partition(f"\n{head}")
    assert found, f"{page} has no table {head}"
    lines = rest.partition("\n\n")[0].splitlines()[2:]
    return [re.split(r"(?<!\\) \| ", line.strip("|").strip()) for line in lines]


def names(page: str, head: str, *, below: str = "") -> set[str]:
    """What the first cells name."""
    return {name for row in rows(page, head, below=below) for name in re.findall(r"`([\w.:]+)`", row[0])}


def fields(*models: type[BaseModel]) -> set[str]:
    return {
        field.serialization_alias or name for model in models for name, field in model.model_fields.items()
    }


@pytest.mark.parametrize(
    ("page", "head", "there"),
    [
        ("acp.md", "| below `agents.acp.NAME` |", fields(AcpAgent)),
        ("acp.md", "| reason |", set(AgentReason)),
        ("agents.md", "| `agent` |", set(CORE_AGENTS)),
        ("agents.md", "| `at` |", set(HookPoint)),
        ("agents.md", "| `terminal_cause` |", set(TerminalCause)),
        ("budgets.md", "| field of `budget.prices.<name>` |", fields(ModelPrice)),
        ("budgets.md", "| field of `budget.caps[]` |", fields(CapSetting)),
        ("mcp.md", "| setting of a server |", fields(McpServer)),
        ("mcp.md", "| tool |", {tool.name for tool in TOOLS}),
        ("models.md", "| reason |", set(ModelErrorCode)),
        ("slo.md", "| state |", set(SloState)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_table_names_what_there_is(page: str, head: str, there: Iterable[str]) -> None:
    assert names(page, head) == set(map(str, there))


def test_the_settings_of_a_model_are_told() -> None:
    times = {f"timeouts.{name}" for name in ModelTimeouts.model_fields}
    told = names("models.md", "| field of `models.named.<name>` |")
    assert told == fields(NamedModel) - {"timeouts"} | times


def test_what_tools_for_agents_elsewhere_take_is_told() -> None:
    told = {row[0].strip("`"): set(re.findall(r"`(\w+)`", row[1])) for row in rows("mcp.md", "| tool |")}
    assert told == {tool.name: set(tool.parameters["properties"]) for tool in TOOLS}


def test_every_field_of_a_step_stands_with_its_type() -> None:
    shared = names("flows.md", "| field |", below="## Every step")
    of_graphs = names("flows.md", "| field of its steps |")
    assert shared | of_graphs == fields(StepFields) | {"type"}
    for kind in STEP_TYPES.all():
        name = get_args(kind.model_fields["type"].annotation)[0]
        own = fields(kind) - fields(StepFields) - {"type"}
        if name != "user_input":  # whose `params` are a form
            assert names("flows.md", "| field |", below=f"### {name}") == own, name


def test_every_field_of_a_flow_and_its_triggers_is_told() -> None:
    assert names("flows.md", "| field |", below="## The flow") == fields(FlowDef)
    assert names("flows.md", "| field |", below="### Triggers") == fields(CronTrigger, WatchTrigger)
    retry = {f"retry.{name}" for name in fields(RetryPolicy)}
    assert names("flows.md", "| field |", below="### Retry") == retry


def test_what_a_soft_cap_asks_is_told() -> None:
    flow = yaml.safe_load((ROOT / "packs" / "budget" / "flows" / "soft-cap.yaml").read_text("utf-8"))
    (form,) = [step["params"]["schema"] for step in flow["steps"] if step["type"] == "user_input"]
    assert names("budgets.md", "| `choice` |") == set(form["properties"]["choice"]["enum"])


def test_what_packs_promise_by_their_risk_is_told() -> None:
    told = {row[0]: tuple(map(float, row[1:])) for row in rows("slo.md", "| `risk_level` |")}
    assert told == {
        risk.value: (one.success, one.p95 / 1_000, one.hallucination) for risk, one in BY_RISK.items()
    }


def test_the_rules_of_alerts_are_told() -> None:
    units = {"min": 60, "h": 3_600, "d": 86_400}

    def seconds(text: str) -> int:
        number, unit = text.split()
        return int(number) * units[unit]

    told = [(row[0], seconds(row[1]), seconds(row[2]), float(row[3])) for row in rows("slo.md", "| rule |")]
    assert told == [
        (pair.severity.value, pair.long // 1_000_000, pair.short // 1_000_000, pair.factor) for pair in PAIRS
    ]


def test_every_metric_is_told() -> None:
    source = (ROOT / "vasini_tui" / "cli" / "host" / "metrics.py").read_text("utf-8")
    told = re.findall(r"`(vasini_\w+)", (DOCS / "slo.md").read_text("utf-8"))
    assert set(told) == set(re.findall(r'"(vasini_\w+)"', source))


def test_every_table_of_the_journal_is_told(tmp_path: Path) -> None:
    lay_journal(tmp_path / "journal.db")
    with closing(sqlite3.connect(tmp_path / "journal.db")) as journal:
        found = journal.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    there = {name for (name,) in found if not OF_INDEXES.fullmatch(name)}
    text = (DOCS / "architecture.md").read_text("utf-8")
    told = text.partition("- `events` is append-only")[2].partition("\n- ")[0]
    assert there == {"events", *re.findall(r"`(\w+)`", told)}
