"""Every question of the console and of the workers is answered through an index."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from engine.journal.connection import open_writer
from engine.journal.queries import query

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

GROWING = ("runs", "events", "requests", "steps", "blobs", "snapshots", "timers", "mailbox")
READS = [
    "select_run",
    "select_run_view",
    "select_steps",
    "select_step",
    "page_events",
    "events_after",
    "feed_events",
    "select_request",
    "page_requests",
    "page_all_requests",
    "run_requests",
    "page_tenant_requests",
    "decided_requests",
    "runs_by_id",
    "find_events",
    "select_step_heads",
    "count_steps",
    "slots",
    "claimable",
    "claimable_one",
    "any_held",
    "select_head",
    "select_mail",
    "has_mail",
    "due_timers",
    "next_timer",
    "select_workers",
    "forget_dead_workers",
    "select_snapshot",
    "select_blob",
    "select_content",
    "select_idempotent",
]


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    opened = open_writer(tmp_path / "journal.db")
    yield opened
    opened.close()


def plan(connection: sqlite3.Connection, statement: str) -> list[str]:
    arguments = [None] * statement.count("?")
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


def test_a_worker_s_mail_is_found_through_the_mail_that_waits(connection: sqlite3.Connection) -> None:
    assert not any(step.startswith("SCAN r") for step in plan(connection, query("mail_for_worker")))


def test_the_check_itself_sees_a_full_scan(connection: sqlite3.Connection) -> None:
    assert full_scans(connection, "SELECT * FROM runs WHERE flow_version = ?")
    assert full_scans(connection, "SELECT * FROM events e WHERE e.actor = ?")


@pytest.mark.parametrize(
    "name", ["page_requests", "page_tenant_requests", "claimable", "page_events", "feed_events", "due_timers"]
)
def test_a_page_is_read_in_order_and_not_sorted(connection: sqlite3.Connection, name: str) -> None:
    assert not any("TEMP B-TREE" in step for step in plan(connection, query(name)))


@pytest.mark.parametrize(
    ("name", "index"), [("claimable", "runs_ready"), ("slots", "runs_slots"), ("any_held", "runs_ready")]
)
def test_looking_for_work_touches_only_runs_that_have_some(
    connection: sqlite3.Connection, name: str, index: str
) -> None:
    assert any(f"USING INDEX {index}" in step for step in plan(connection, query(name)))
