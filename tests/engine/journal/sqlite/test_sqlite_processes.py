"""Several handles and several processes on one file."""

from __future__ import annotations

import asyncio
import fcntl
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.journal.errors import LeaseLost
from engine.journal.sqlite.file.fair_file_lock import FairFileLock
from engine.journal.sqlite.journal import SqliteJournal
from engine.machine.model.inputs import Pause
from tests.engine.journal.run_script import (
    ALL,
    LATER,
    NOW,
    a_run,
    approve,
    assert_counters_agree,
    hold,
    step_started,
    wait_for_approval,
)
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.journal.changes import ChangeSet

ROOT = Path(__file__).parents[4]

WRITER = """
import asyncio, sys
from pathlib import Path
from engine.contracts.status import RunStatus
from engine.errors import VasiniError
from engine.journal.records import Commit, RunHead
from engine.journal.sqlite.journal import SqliteJournal
from engine.machine.events.event import Event
from engine.machine.events.step_facts import StepSkipped
from tests.engine.journal.run_script import NOW, LATER, a_run

async def main(path, name, runs):
    journal = await SqliteJournal.open(Path(path))
    await journal.heartbeat(name, "host", 1, NOW, LATER)
    for number in range(runs):
        await journal.create_run(a_run(number, run_id=f"run_{name}{number:03}"))
        for claim in await journal.claim(name, NOW, 3):
            seq, run_id = claim.run.row["run_seq"], claim.run.row["run_id"]
            for last in (False, True):
                event = Event(StepSkipped("tool"), NOW, name, f"s{seq}")
                status = RunStatus.COMPLETED if last else RunStatus.RUNNING
                await journal.append(Commit(run_id, seq, claim.epoch, [event], RunHead(status), NOW,
                                            release=last, ready=False))
                seq += 1
    await journal.close()

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


@pytest.fixture
async def other(sqlite_journal: SqliteJournal) -> AsyncIterator[SqliteJournal]:
    """A second handle on the journal's file."""
    opened = await SqliteJournal.open(sqlite_journal.path, poll_seconds=0.02)
    try:
        yield opened
    finally:
        await opened.close()


async def test_one_handle_hears_of_the_other_s_writes(
    sqlite_journal: SqliteJournal, other: SqliteJournal
) -> None:
    foreign = asyncio.Event()

    def listen(change: ChangeSet) -> None:
        if change.foreign and change.work:
            foreign.set()

    other.on_change(listen)
    async with asyncio.timeout(PATIENCE):
        number = 0
        while not foreign.is_set():  # a write before the watcher's first look is no news to it
            number += 1
            await sqlite_journal.create_run(a_run(number))
            await asyncio.sleep(0.01)
    assert await other.last_seq() >= 1


async def test_a_second_handle_sees_what_the_first_wrote_at_once(
    sqlite_journal: SqliteJournal, other: SqliteJournal
) -> None:
    await wait_for_approval(sqlite_journal)
    await other.decide(approve("appr_0001"))
    row = await sqlite_journal.request_row("appr_0001")
    assert row is not None
    assert row["status"] == "APPROVED"
    assert await sqlite_journal.any_ready(NOW)


async def test_two_handles_cannot_both_hold_a_run(
    sqlite_journal: SqliteJournal, other: SqliteJournal
) -> None:
    await asyncio.gather(*(sqlite_journal.create_run(a_run(number)) for number in range(40)))
    for worker in ("w1", "w2"):
        await sqlite_journal.heartbeat(worker, "host", 1, NOW, LATER)

    async def claim_all(journal: SqliteJournal, worker: str) -> list[str]:
        found: list[str] = []
        while claims := await journal.claim(worker, NOW, 3):
            found += [claim.run.row["run_id"] for claim in claims]
        return found

    first, second = await asyncio.gather(claim_all(sqlite_journal, "w1"), claim_all(other, "w2"))
    assert len(first) + len(second) == 40
    assert not set(first) & set(second)


async def test_a_run_taken_over_by_another_handle_is_lost_to_the_first(
    sqlite_journal: SqliteJournal, other: SqliteJournal
) -> None:
    held = await hold(sqlite_journal)
    await other.retire("worker-1")
    assert [claim.lost for claim in await other.claim("w2", NOW, 1)] == [True]
    with pytest.raises(LeaseLost):
        await held.append(step_started("a"))


async def test_verbs_of_two_handles_count_once(sqlite_journal: SqliteJournal, other: SqliteJournal) -> None:
    await sqlite_journal.create_run(a_run(1))
    verb = Pause(now=NOW)
    results = await asyncio.gather(
        *(journal.steer("run_0001", verb) for journal in (sqlite_journal, other) for _ in range(5))
    )
    assert [changed for _, changed in results].count(True) == 1


@pytest.mark.system
async def test_processes_that_write_at_once_never_interleave_a_run(sqlite_journal: SqliteJournal) -> None:
    runs = 25
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            WRITER,
            str(sqlite_journal.path),
            name,
            str(runs),
            cwd=ROOT,
            stderr=asyncio.subprocess.PIPE,
        )
        for name in ("a", "b", "c")
    ]
    results = [await process.communicate() for process in processes]
    assert [
        (process.returncode, errors) for process, (_, errors) in zip(processes, results, strict=True)
    ] == [(0, b"")] * 3
    events = await sqlite_journal.feed_events(0, ALL)
    assert [stored.seq for stored in events] == list(range(1, len(events) + 1))
    histories: dict[str, list[tuple[int, str]]] = {}
    for stored in events:
        histories.setdefault(stored.run_id, []).append((stored.run_seq, stored.event.actor))
    assert len(histories) == 3 * runs
    for history in histories.values():
        assert [run_seq for run_seq, _ in history] == list(range(1, len(history) + 1))
        assert len({actor for _, actor in history[1:]}) <= 1
    await assert_counters_agree(sqlite_journal)
    assert sum((await sqlite_journal.lists.by_status(None)).values()) == 3 * runs


def test_whoever_waits_for_the_turnstile_is_next(tmp_path: Path) -> None:
    """A writer that comes back at once must queue behind the one that was already waiting."""
    database = tmp_path / "journal.db"
    first, second = FairFileLock(database), FairFileLock(database)
    order: list[str] = []

    def pass_once(lock: FairFileLock, name: str) -> None:
        with lock:
            order.append(name)

    waiting = threading.Thread(target=pass_once, args=(second, "second"))
    with first:
        order.append("first")
        waiting.start()
        end = time.monotonic() + 20
        while not turn_is_taken(database):
            assert time.monotonic() < end
            time.sleep(0.001)
    pass_once(first, "first again")
    waiting.join()
    first.close()
    second.close()
    assert order == ["first", "second", "first again"]


def turn_is_taken(database: Path) -> bool:
    """Whether somebody stands in the lock."""
    with Path(f"{database}-turn").open("r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
