"""Every question of the console and of the workers is answered through an index."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from engine.contracts.runs.listed import RunFilter, RunSort
from engine.contracts.status import RunStatus
from engine.journal.rules import commit
from engine.journal.rules.run_filter import place_of
from engine.journal.sqlite.file.connection import open_writer
from engine.journal.sqlite.lists import pages as list_pages
from engine.journal.sqlite.queries import query
from engine.journal.sqlite.store import SqliteStore
from engine.journal.sqlite.transaction import Transaction
from tests.engine.journal.run_script import a_run

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator
    from pathlib import Path

GROWING = (
    "runs",
    "events",
    "requests",
    "steps",
    "blobs",
    "snapshots",
    "timers",
    "mailbox",
    "spending",
    "budget_acts",
)
READS = [
    "select_run",
    "select_run_view",
    "select_successors",
    "page_steps",
    "page_steps_of_type",
    "outermost_steps",
    "step_events",
    "select_step_outputs",
    "select_steps_below",
    "select_steps_at",
    "count_scopes",
    "run_requests_below",
    "page_events",
    "events_after",
    "first_event",
    "feed_events",
    "event_heads",
    "select_requests",
    "page_requests",
    "page_all_requests",
    "run_requests",
    "select_comments",
    "page_tenant_requests",
    "decided_requests",
    "runs_by_id",
    "find_events",
    "select_step_heads",
    "select_step_heads_at",
    "count_steps",
    "slots",
    "claimable",
    "claimable_run",
    "at_work",
    "select_head",
    "select_mail",
    "mail_below",
    "has_mail",
    "due_timers",
    "next_timer",
    "select_workers",
    "forget_dead_workers",
    "select_snapshot",
    "select_blob",
    "select_blobs",
    "select_content",
    "select_key",
    "spending_by_names",
    "spending_by_slot",
    "cost_since",
    "learned",
    "tree_cost",
    "tree_usages",
    "sum_of_acts",
    "acts_after",
]

LISTS = [
    RunFilter(),
    RunFilter(tenant="default", status=(RunStatus.FAILED, RunStatus.QUEUED)),
    RunFilter(requested_by="who1"),
    RunFilter(text="who2", created_before=datetime(2030, 1, 1, tzinfo=UTC)),
    RunFilter(text="0003", created_after=datetime(2020, 1, 1, tzinfo=UTC)),
    RunFilter(text="run_01k4abcdefgh"),
]


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    opened = open_writer(tmp_path / "journal.db")
    yield opened
    opened.close()


def plan(connection: sqlite3.Connection, statement: str) -> list[str]:
    named = re.findall(r":([a-z_]+)", statement)
    numbers = set(re.findall(r"\?\d*", statement))
    count = len(numbers) if len(numbers) > 1 else statement.count("?")
    arguments = dict.fromkeys(named) if named else [None] * count
    return [row["detail"] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", arguments)]


def names(statement: str) -> dict[str, str]:
    """Tables by the names a plan gives them."""
    found = re.findall(r"(?:FROM|JOIN|UPDATE) (\w+)(?: (?!WHERE|ORDER|JOIN|LEFT|ON|USING)(\w+))?", statement)
    return {alias or table: table for table, alias in found}


def full_scans(connection: sqlite3.Connection, statement: str) -> list[str]:
    """Steps of the plan that read a growing table from end to end."""
    tables = names(statement)
    return [
        step
        for step in plan(connection, statement)
        if (match := re.fullmatch(r"SCAN (\w+)(?: USING PRIMARY KEY)?", step))
        and tables.get(match[1], match[1]) in GROWING
    ]


@pytest.mark.parametrize("name", READS)
def test_a_statement_reads_no_growing_table_from_end_to_end(
    connection: sqlite3.Connection, name: str
) -> None:
    assert full_scans(connection, query(name)) == []


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("select_steps_below", "run_id=? AND path>? AND path<?"),
        ("select_steps_at", "run_id=? AND path=?"),
        ("select_step_outputs", "run_id=? AND path=?"),
    ],
)
def test_of_many_executions_only_those_asked_for_are_read(
    connection: sqlite3.Connection, name: str, places: str
) -> None:
    paths, steps, *_ = plan(connection, query(name))
    assert paths.startswith("SCAN p VIRTUAL TABLE")
    assert steps == f"SEARCH s USING PRIMARY KEY ({places})"


def test_who_took_over_is_read_in_order_from_an_index(connection: sqlite3.Connection) -> None:
    (step,) = plan(connection, query("select_successors"))
    assert step == "SEARCH runs USING INDEX runs_handed_off (handed_off_from=?)"


def statements_of(connection: sqlite3.Connection, ask: Callable[[], object]) -> list[str]:
    """What SQLite is asked, with the values in it."""
    asked: list[str] = []
    connection.set_trace_callback(asked.append)
    ask()
    connection.set_trace_callback(None)
    return [statement for statement in asked if statement.startswith(("SELECT", "WITH"))]


@pytest.mark.parametrize("filters", LISTS, ids=str)
@pytest.mark.parametrize("sort", RunSort)
def test_a_list_of_runs_is_merged_from_ranges_and_nothing_of_it_is_sorted(
    connection: sqlite3.Connection, filters: RunFilter, sort: RunSort
) -> None:
    for number in range(8):
        run = a_run(number, pack=f"p{number % 2}", requested_by=f"who{number % 3}")
        with Transaction(connection) as transaction:
            commit.create_run(SqliteStore(transaction), run)
    place = place_of(connection.execute("SELECT * FROM runs WHERE run_id = 'run_0003'").fetchone(), sort)

    def ask() -> None:
        list_pages.page(connection, filters, sort, 3, None, 0)
        list_pages.page(connection, filters, sort, 3, place, 0)
        list_pages.position(connection, "run_0003", filters, sort)
        list_pages.count(connection, filters)

    asked = statements_of(connection, ask)
    assert len(asked) >= 4
    for statement in asked:
        steps = plan(connection, statement)
        assert not any(re.match(r"SCAN runs\b", step) for step in steps), statement
        if "runs_bucket" in statement or "runs_requester" in statement:
            assert not any("TEMP B-TREE" in step for step in steps), statement


def test_a_worker_s_mail_is_found_through_the_mail_that_waits(connection: sqlite3.Connection) -> None:
    assert not any(step.startswith("SCAN r") for step in plan(connection, query("mail_for_worker")))


def test_the_check_itself_sees_a_full_scan(connection: sqlite3.Connection) -> None:
    assert full_scans(connection, "SELECT * FROM runs WHERE flow_version = ?")  # in no index
    assert full_scans(connection, "SELECT * FROM events e WHERE e.actor = ?")


@pytest.mark.parametrize(
    "name",
    [
        "page_requests",
        "page_tenant_requests",
        "claimable",
        "page_events",
        "feed_events",
        "event_heads",
        "due_timers",
    ],
)
def test_a_page_is_read_in_order_and_not_sorted(connection: sqlite3.Connection, name: str) -> None:
    assert not any("TEMP B-TREE" in step for step in plan(connection, query(name)))


@pytest.mark.parametrize(
    ("name", "index"), [("claimable", "runs_ready"), ("slots", "runs_slots"), ("at_work", "runs_ready")]
)
def test_looking_for_work_touches_only_runs_that_have_some(
    connection: sqlite3.Connection, name: str, index: str
) -> None:
    assert any(f"USING INDEX {index}" in step for step in plan(connection, query(name)))
