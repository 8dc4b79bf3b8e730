"""Group commit: what fails spoils nothing else; what cannot be written is said and half-done by nobody."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from typing import TYPE_CHECKING, cast

import pytest

from engine.errors import ErrorCode, Refused, Unavailable
from engine.journal.sqlite.journal import SqliteJournal
from engine.machine.events.run_facts import RunQueued
from engine.machine.events.step_facts import StepCompleted
from tests.engine.journal.run_script import (
    NOW,
    a_run,
    approve,
    assert_counters_agree,
    event,
    hold,
    step_started,
    wait_for_approval,
)
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

    from engine.journal.changes import ChangeSet
    from engine.journal.sqlite.transaction import Transaction

BIG = "x" * 2_000_000


class WriterGate:
    """Holds the writing thread in an operation, so that what is sent meanwhile becomes one group."""

    def __init__(self, journal: SqliteJournal) -> None:
        self._journal = journal
        self._entered = threading.Event()
        self._open = threading.Event()
        self._task: asyncio.Task[None] | None = None

    def _wait(self, _transaction: Transaction) -> None:
        self._entered.set()
        assert self._open.wait(20)

    async def __aenter__(self) -> None:
        self._task = asyncio.create_task(self._journal._writer.run(self._wait))
        await asyncio.to_thread(self._entered.wait, 20)

    async def __aexit__(self, *_error: object) -> None:
        self._open.set()
        assert self._task is not None
        await self._task


def half_done(transaction: Transaction) -> None:
    transaction.execute("INSERT INTO blobs (digest, data) VALUES ('half', x'00')")
    raise ValueError("in the middle")


def broken_statement(transaction: Transaction) -> None:
    transaction.execute("INSERT INTO blobs (digest, data) VALUES ('half', x'00')")
    transaction.execute("INSERT INTO nowhere VALUES (1)")


async def test_what_fails_in_a_group_spoils_nothing_else(sqlite_journal: SqliteJournal) -> None:
    journal = sqlite_journal
    await wait_for_approval(journal)
    async with WriterGate(journal):
        tasks = [
            asyncio.create_task(call)
            for call in (
                journal.create_run(a_run(2)),
                journal._writer.run(half_done),
                journal.create_run(a_run(2)),
                journal.decide(approve("appr_0001")),
                journal._writer.run(broken_statement),
                journal.decide(approve("appr_0001", actor="eve")),
                journal.create_run(a_run(3)),
            )
        ]
        await asyncio.sleep(0)
        changes = await file_changes(journal)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result).__name__ for result in results] == [
        "tuple",
        "ValueError",
        "Unavailable",
        "Decided",
        "Unavailable",
        "AlreadyDecided",
        "tuple",
    ]
    assert await file_changes(journal) == changes + 1
    assert await journal.blob("half") is None
    assert [await journal.run_row(f"run_{number:04}") is not None for number in (1, 2, 3)] == [True] * 3
    await assert_counters_agree(journal)


async def file_changes(journal: SqliteJournal) -> int:
    """A number that grows with each transaction of the writer."""
    return int((await journal._read("PRAGMA data_version"))[0][0])


async def test_what_was_sent_before_closing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = await SqliteJournal.open(path)
    tasks = [asyncio.create_task(journal.create_run(a_run(number))) for number in range(20)]
    await asyncio.sleep(0)
    await journal.close()
    await asyncio.gather(*tasks)
    again = await SqliteJournal.open(path)
    assert await again.lists.by_status(None) == {"QUEUED": 20}
    await again.close()


async def test_more_writes_than_one_group_holds_are_all_written(sqlite_journal: SqliteJournal) -> None:
    await asyncio.gather(*(sqlite_journal.create_run(a_run(number)) for number in range(600)))
    assert await sqlite_journal.lists.by_status(None) == {"QUEUED": 600}


async def test_what_is_asked_for_in_one_turn_of_the_loop_is_one_group(sqlite_journal: SqliteJournal) -> None:
    changes = await file_changes(sqlite_journal)
    await asyncio.gather(*(sqlite_journal.create_run(a_run(number)) for number in range(50)))
    assert await file_changes(sqlite_journal) == changes + 1


async def limit_pages(journal: SqliteJournal, extra: int | None) -> None:
    def limit(transaction: Transaction) -> None:
        pages = transaction.execute("PRAGMA page_count").fetchone()[0]
        transaction.execute(f"PRAGMA max_page_count = {pages + extra if extra is not None else 2**30}")

    await journal._writer.run(limit)


async def test_a_full_disk_is_said_and_leaves_nothing_half_written(sqlite_journal: SqliteJournal) -> None:
    journal = sqlite_journal
    held = await hold(journal)
    last_seq = await journal.last_seq()
    before = [await held.row(), last_seq, await journal.counters()]
    await limit_pages(journal, 2)
    with pytest.raises(Unavailable) as caught:
        await held.append(step_started("a"), event(StepCompleted.kind, "a", output=BIG))
    assert caught.value.code is ErrorCode.DISK_FULL
    assert [await held.row(), await journal.last_seq(), await journal.counters()] == before
    assert await journal.page_steps(held.run_id, 0, 1_000) == []
    await held.append(step_started("a"))
    await limit_pages(journal, None)
    await held.append(event(StepCompleted.kind, "a", output=BIG))
    assert await journal.last_seq() == last_seq + 2
    await assert_counters_agree(journal)


async def test_a_disk_that_fills_up_in_a_group_is_said_to_all_that_were_not_written(
    sqlite_journal: SqliteJournal,
) -> None:
    journal = sqlite_journal
    await limit_pages(journal, 2)
    async with WriterGate(journal):
        tasks = [
            asyncio.create_task(journal.create_run(run))
            for run in (
                a_run(1),
                a_run(2, events=[event(RunQueued.kind, input=BIG)]),
                a_run(3),
            )
        ]
        await asyncio.sleep(0)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    for number, result in enumerate(results, 1):
        row = await journal.run_row(f"run_{number:04}")
        if isinstance(result, BaseException):
            assert isinstance(result, Unavailable)
            assert result.code is ErrorCode.DISK_FULL
        assert (row is None) == isinstance(result, BaseException)
    assert isinstance(results[1], Unavailable)
    await limit_pages(journal, None)
    await journal.create_run(a_run(4))
    await assert_counters_agree(journal)


async def test_a_journal_locked_for_too_long_is_said_and_can_be_used_again(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = await SqliteJournal.open(path, busy_seconds=0.01)
    other = sqlite3.connect(path, isolation_level=None)
    tried: list[str] = []
    try:
        await journal._writer.run(lambda db: db.connection.set_trace_callback(tried.append))
        tried.clear()
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable) as caught:
            await journal.create_run(a_run(1))
        assert caught.value.code is ErrorCode.JOURNAL_LOCKED
        assert tried.count("BEGIN IMMEDIATE") == 1  # each try waits
        assert await journal.run_row("run_0001") is None
        other.execute("ROLLBACK")
        assert await journal.create_run(a_run(1)) == ("run_0001", True)
    finally:
        other.close()
        await journal.close()


async def test_a_read_only_connection_is_said(sqlite_journal: SqliteJournal) -> None:
    journal = sqlite_journal
    await journal._writer.run(lambda db: db.execute("PRAGMA query_only = ON"))
    with pytest.raises(Unavailable) as caught:
        await journal.create_run(a_run(1))
    assert caught.value.code is ErrorCode.READ_ONLY
    assert await journal.run_row("run_0001") is None


async def test_a_refusal_is_no_failure_of_the_storage(sqlite_journal: SqliteJournal) -> None:
    await sqlite_journal.create_run(a_run(1, idempotency_key="k", request_digest="one"))
    with pytest.raises(Refused):
        await sqlite_journal.create_run(a_run(2, idempotency_key="k", request_digest="two"))
    row = await sqlite_journal.run_row("run_0001")
    assert row is not None
    assert row["created_at"] == NOW


async def test_a_listener_with_a_fault_keeps_no_other_from_hearing_and_no_writer_waiting(
    sqlite_journal: SqliteJournal, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[ChangeSet] = []

    def fails(_change: ChangeSet) -> None:
        raise ValueError("a bug in a listener")

    sqlite_journal.on_change(fails)
    sqlite_journal.on_change(heard.append)
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*(sqlite_journal.create_run(a_run(number)) for number in range(60)))
        await sqlite_journal.create_run(a_run(60))
    assert heard
    assert "a bug in a listener" in caplog.text


async def test_a_fault_in_the_thread_that_opens_the_file_is_raised(tmp_path: Path) -> None:
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(TypeError):
            await SqliteJournal.open(tmp_path / "journal.db", busy_seconds=cast("float", "long"))
