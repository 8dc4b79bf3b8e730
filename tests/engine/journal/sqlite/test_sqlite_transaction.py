"""Counts that a transaction changes are written once, and seen by whatever reads them before its end."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from engine.contracts.governing.budget import CapScope
from engine.journal.rules import commit
from engine.journal.rules.run_filter import BucketKey
from engine.journal.sqlite.file.connection import open_writer
from engine.journal.sqlite.store import SqliteStore
from engine.journal.sqlite.transaction import Transaction
from engine.slo.buckets import HOUR, SHORTEST, Bucket
from tests.engine.journal.run_script import a_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine.journal.spend_rows import SpendRow


@pytest.fixture(name="connection")
def a_connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_writer(tmp_path / "journal.db")) as connection:
        yield connection


def queued(connection: sqlite3.Connection) -> tuple[int, int]:
    """Runs that wait by their count bucket and by their time bucket."""
    (whole,) = connection.execute("SELECT coalesce(sum(n), 0) FROM run_buckets").fetchone()
    (by_time,) = connection.execute("SELECT coalesce(sum(n), 0) FROM run_time_buckets").fetchone()
    return whole, by_time


def test_a_count_that_many_runs_change_is_written_once(connection: sqlite3.Connection) -> None:
    asked: list[str] = []
    connection.set_trace_callback(asked.append)
    with Transaction(connection) as transaction:
        for number in range(20):
            commit.create_run(SqliteStore(transaction), a_run(number))
    connection.set_trace_callback(None)
    assert queued(connection) == (20, 20)
    assert sum(statement.startswith("UPDATE run_buckets") for statement in asked) == 1
    assert sum(statement.startswith("INSERT INTO run_time_buckets") for statement in asked) == 1


def test_a_counter_that_many_runs_move_is_written_once(connection: sqlite3.Connection) -> None:
    asked: list[str] = []
    connection.set_trace_callback(asked.append)
    with Transaction(connection) as transaction:
        for change in (1, 1, 1, -1):
            SqliteStore(transaction).count("slot:bench/w", change)
    connection.set_trace_callback(None)
    assert [tuple(row) for row in connection.execute("SELECT * FROM counters")] == [("slot:bench/w", 2)]
    assert sum(statement.startswith("INSERT INTO counters") for statement in asked) == 1


def test_what_calls_of_a_model_used_is_written_once_and_seen_before(connection: sqlite3.Connection) -> None:
    asked: list[str] = []
    connection.set_trace_callback(asked.append)
    with Transaction(connection) as transaction:
        store = SqliteStore(transaction)
        for _ in range(3):
            store.add_spending(spent("fast"))
        store.add_spending(spent("slow"))
    connection.set_trace_callback(None)
    assert sum(statement.startswith("INSERT INTO spending") for statement in asked) == 2
    with Transaction(connection) as transaction:
        store = SqliteStore(transaction)
        store.add_spending(spent("fast"))
        assert store.learned("default", "fast", 0) == (400, 40)
        assert store.spent(CapScope.MODEL, "default", "fast", 0) == 20
    assert [tuple(row) for row in connection.execute("SELECT model, calls, cost FROM spending")] == [
        ("fast", 4, 20),
        ("slow", 1, 5),
    ]


def spent(model: str) -> SpendRow:
    """What one call used."""
    return {
        "tenant": "default",
        "pack": "hello",
        "flow": "greet",
        "step": "ask",
        "model": model,
        "slot": 1,
        "calls": 1,
        "unpriced": 0,
        "estimated": 0,
        "input_tokens": 10,
        "output_tokens": 2,
        "cached_tokens": 0,
        "sent_bytes": 100,
        "cost": 5,
    }


def test_slots_that_were_taken_are_seen_in_the_same_transaction(connection: sqlite3.Connection) -> None:
    with Transaction(connection) as transaction:
        store = SqliteStore(transaction)
        commit.create_run(store, a_run(1, slot_limit=3))
        (before,) = store.slots(0)
        assert isinstance(before["slot_key"], str)
        store.count(f"slot:{before['slot_key']}", 2)
        (slot,) = store.slots(0)
        assert (before["used"], slot["used"]) == (0, 2)


def test_a_run_that_enters_and_leaves_a_bucket_at_once_leaves_it_as_it_was(
    connection: sqlite3.Connection,
) -> None:
    with Transaction(connection) as transaction:
        commit.create_run(SqliteStore(transaction), a_run(1))
        (bucket, created_at) = transaction.execute("SELECT bucket, created_at FROM runs").fetchone()
        transaction.leave_bucket(bucket, created_at)
    assert queued(connection) == (0, 0)


def test_what_was_counted_is_seen_in_the_same_transaction(connection: sqlite3.Connection) -> None:
    with Transaction(connection) as transaction:
        store = SqliteStore(transaction)
        for number in range(3):
            store.put_level("default", "hello", Bucket(number * SHORTEST, good=number + 1))
        known = store.level("default", "hello", SHORTEST, SHORTEST)
        assert known is not None
        assert known.good == 2
        assert [one.good for one in store.levels_of("default", "hello", SHORTEST, 0, HOUR)] == [1, 2, 3]
        store.put_level("default", "hello", Bucket(SHORTEST, good=20))
        store.drop_level("default", "hello", SHORTEST, SHORTEST)
        assert store.level("default", "hello", SHORTEST, SHORTEST) is None
    rows = connection.execute("SELECT good FROM levels ORDER BY start").fetchall()
    assert [row["good"] for row in rows] == [1, 3]
    marks = connection.execute("SELECT tenant, pack FROM level_marks").fetchall()
    assert [tuple(row) for row in marks] == [("default", "hello")]


def test_what_was_written_before_the_end_is_not_counted_again(connection: sqlite3.Connection) -> None:
    with Transaction(connection) as transaction:
        store = SqliteStore(transaction)
        commit.create_run(store, a_run(1))
        store.count("slot:bench/w", 1)
        store.add_spending(spent("fast"))
        transaction.write_counts()
    assert queued(connection) == (1, 1)
    (row,) = connection.execute("SELECT n, calls FROM counters, spending").fetchall()
    assert tuple(row) == (1, 1)


def test_a_run_that_waits_for_its_retry_is_seen_before_it_is_written(connection: sqlite3.Connection) -> None:
    with Transaction(connection) as transaction:
        assert not SqliteStore(transaction).at_work(())
        transaction.enter_bucket(_retrying(), 0)
        assert SqliteStore(transaction).at_work(())


def test_a_transaction_that_cannot_be_ended_is_said_and_undone(connection: sqlite3.Connection) -> None:
    class FakeFullDisk(Transaction):
        def complete(self) -> None:
            raise sqlite3.OperationalError("database or disk is full")

    with pytest.raises(sqlite3.OperationalError, match="full"), FakeFullDisk(connection) as transaction:
        commit.create_run(SqliteStore(transaction), a_run(1))
    assert not connection.in_transaction
    assert connection.execute("SELECT run_id FROM runs").fetchall() == []


def test_nothing_is_counted_by_a_transaction_that_fails(connection: sqlite3.Connection) -> None:
    def half() -> None:
        with Transaction(connection) as transaction:
            commit.create_run(SqliteStore(transaction), a_run(1))
            raise ValueError("in the middle")

    with pytest.raises(ValueError, match="in the middle"):
        half()
    assert queued(connection) == (0, 0)
    with Transaction(connection) as transaction:
        commit.create_run(SqliteStore(transaction), a_run(2))
    assert queued(connection) == (1, 1)


def _retrying() -> BucketKey:
    return BucketKey("default", "hello", "greet", "RETRYING", 0, 0)
