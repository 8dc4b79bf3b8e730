"""Damage is found, named with its run, and holds up nobody else."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from engine.contracts.status import RunStatus
from engine.errors import ErrorCode, Unavailable
from engine.journal.sqlite.file.check import find_damage
from engine.journal.sqlite.journal import SqliteJournal
from engine.machine.events.run_facts import RunFailed
from engine.machine.events.step_facts import StepSkipped
from engine.machine.model.inputs import Pause, TimerFired
from tests.engine.empty_journal import lay_journal
from tests.engine.journal.run_script import ALL, LATER, NOW, a_run, approve, event, hold, wait_for_approval

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


async def make(path: Path) -> None:
    """run_0001 waits for a person, run_0002 is queued, run_0003 is over."""
    journal = await SqliteJournal.open(lay_journal(path))
    await wait_for_approval(journal, 1)
    await journal.create_run(a_run(2))
    ended = await hold(journal, 3)
    from_there = event(RunFailed.kind, error={"code": "unknown", "message": "no"})
    await ended.append(from_there, status=RunStatus.FAILED, release=True, ready=False)
    await journal.close()


def change(statement: str) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute(statement)

    return damage


def overwrite_a_page(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'events_run'"
        ).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)


def drop_index_entries(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_schema SET rootpage ="
            " (SELECT rootpage FROM sqlite_schema WHERE name = 'timers_due') WHERE name = 'runs_bucket'"
        )


DAMAGES: dict[str, tuple[Callable[[Path], None], str, bool]] = {
    "an event that is no JSON": (
        change("UPDATE events SET payload = '{' WHERE run_id = 'run_0001' AND run_seq = 2"),
        "run_0001",
        False,
    ),
    "an event of an unknown kind": (
        change("UPDATE events SET kind = 'run_teleported' WHERE run_id = 'run_0002' AND run_seq = 1"),
        "run_0002",
        False,
    ),
    "an event that is missing": (
        change("DELETE FROM events WHERE run_id = 'run_0001' AND run_seq = 2"),
        "run_0001",
        False,
    ),
    "a row that its events do not give": (
        change("UPDATE runs SET status = 'RUNNING' WHERE run_id = 'run_0001'"),
        "run_0001",
        False,
    ),
    "mail of an unknown kind": (
        change("INSERT INTO mailbox (run_id, input) VALUES ('run_0002', '{\"type\": \"Teleport\"}')"),
        "run_0002",
        False,
    ),
    "a timer whose name is no text": (
        change("INSERT INTO timers VALUES ('run_0002', CAST(x'ff' AS TEXT), 1)"),
        "run_0002",
        False,
    ),
    "a question that cannot be shown": (
        change("UPDATE events SET payload = '{}' WHERE run_id = 'run_0001' AND kind = 'pending_human'"),
        "run_0001",
        False,
    ),
    "a run that is over": (
        change("UPDATE events SET payload = 'x' WHERE run_id = 'run_0003' AND kind = 'run_failed'"),
        "run_0003",
        True,
    ),
    "an overwritten page": (overwrite_a_page, "", False),
    "an index of other entries": (drop_index_entries, "", False),
}


@pytest.mark.parametrize("kind", DAMAGES)
async def test_damage_is_found_and_its_run_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "journal.db"
    damage, run_id, only_deep = DAMAGES[kind]
    await make(path)
    assert await asyncio.to_thread(find_damage, path, deep=True) == []
    await asyncio.to_thread(damage, path)
    shallow = await asyncio.to_thread(find_damage, path, deep=False)
    deep = await asyncio.to_thread(find_damage, path, deep=True)
    assert (shallow == []) is only_deep
    assert deep
    assert run_id in " ".join(item.message for item in deep)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (
            change("UPDATE events SET payload = '{}' WHERE kind = 'pending_human'"),
            "approval appr_0001 of run run_0001 cannot be shown",
        ),
        (
            change("UPDATE events SET step_id = 'ghost' WHERE kind = 'pending_human'"),
            "run run_0001: pending_human: there is no execution ghost",
        ),
        (overwrite_a_page, "not everything could be read"),
    ],
)
async def test_damage_is_told_in_words(tmp_path: Path, damage: Callable[[Path], None], words: str) -> None:
    path = tmp_path / "journal.db"
    await make(path)
    damage(path)
    assert words in "\n".join(item.message for item in find_damage(path, deep=False))


async def claimed(journal: SqliteJournal) -> list[str]:
    await journal.heartbeat("w", "host", 1, NOW, LATER)
    return [claim.run.row["run_id"] for claim in await journal.claim("w", NOW, 9)]


async def test_a_run_that_cannot_be_read_is_left_alone_and_the_others_are_worked(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = await SqliteJournal.open(path)
    for number in (1, 2, 3):
        await journal.create_run(a_run(number))
    await asyncio.to_thread(change("UPDATE events SET payload = '{' WHERE run_id = 'run_0001'"), path)
    before = await journal.run_row("run_0001")
    assert await claimed(journal) == ["run_0002", "run_0003"]
    assert await claimed(journal) == []
    assert not await journal.any_ready(NOW)
    assert await journal.run_row("run_0001") == before
    with pytest.raises(Unavailable) as caught:
        await journal.claim("w", NOW, 1, "run_0001")
    assert (caught.value.code, caught.value.details["run_id"]) == (ErrorCode.JOURNAL_CORRUPT, "run_0001")
    assert [stored.run_id for stored in await journal.feed_events(0, ALL)] == ["run_0002", "run_0003"]
    await journal.close()


@pytest.mark.parametrize("missing", [1, 2, 4])
async def test_a_run_with_a_missing_event_is_left_alone(
    sqlite_journal: SqliteJournal, tmp_path: Path, missing: int
) -> None:
    journal, path = sqlite_journal, tmp_path / "journal.db"
    await wait_for_approval(journal, 1)
    await journal.create_run(a_run(2))
    await asyncio.to_thread(
        change(f"DELETE FROM events WHERE run_id = 'run_0001' AND run_seq = {missing}"), path
    )
    decided = await journal.decide(approve("appr_0001", worker_id="worker-1", uptime=NOW))
    assert decided.claim is None
    assert await claimed(journal) == ["run_0002"]
    assert "run_0001" in journal.damaged


async def test_mail_that_cannot_be_read_holds_nobody_up(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = await SqliteJournal.open(path)
    held = await hold(journal, 1)
    teleport = "INSERT INTO mailbox (run_id, input) VALUES ('run_0001', '{\"type\": \"Teleport\"}')"
    await asyncio.to_thread(change(teleport), path)
    assert await journal.mail_for("worker-1") == []
    await held.append(event(StepSkipped.kind, "a", type="tool"), mail_seen=0)
    await asyncio.to_thread(change(teleport), path)
    await journal.steer("run_0001", Pause(now=NOW))
    ((mail_id, _, given),) = await journal.mail_for("worker-1")
    assert isinstance(given, Pause)
    await held.append(mail_seen=mail_id, consumed=[mail_id], release=True, ready=False)
    assert not await journal.any_ready(NOW)
    await journal.close()
    damage = await asyncio.to_thread(find_damage, path, deep=False)
    assert [item.run_id for item in damage] == ["run_0001", "run_0001"]


@pytest.mark.parametrize("status", [RunStatus.RUNNING, RunStatus.RETRYING])
async def test_a_damaged_run_of_a_dead_worker_keeps_nobody_waiting(
    sqlite_journal: SqliteJournal, tmp_path: Path, status: RunStatus
) -> None:
    held = await hold(sqlite_journal, 1)
    await held.append(event(StepSkipped.kind, "a", type="tool"), status=status)
    statement = "UPDATE events SET payload = '{' WHERE run_id = 'run_0001'"
    await asyncio.to_thread(change(statement), tmp_path / "journal.db")
    assert await sqlite_journal.any_busy(LATER + 1)
    assert await sqlite_journal.claim("worker-2", LATER + 1, 9) == []
    assert not await sqlite_journal.any_busy(LATER + 1)


NO_TEXT = "CAST(x'ff' AS TEXT)"


@pytest.mark.parametrize(
    "statement",
    [
        f"INSERT INTO timers VALUES ('run_0002', {NO_TEXT}, 1)",
        f"INSERT INTO timers VALUES ({NO_TEXT}, 'retry:a', 1)",
        "INSERT INTO timers VALUES ('run_gone', 'retry:a', 1)",
        "INSERT INTO timers VALUES ('run_0002', 'teleport', 1)",
    ],
)
async def test_a_timer_that_cannot_be_read_holds_no_other_up(
    sqlite_journal: SqliteJournal, tmp_path: Path, statement: str
) -> None:
    held = await hold(sqlite_journal, 1)
    await held.append(timers={"retry:b": NOW})
    await sqlite_journal.create_run(a_run(2))
    await asyncio.to_thread(change(statement), tmp_path / "journal.db")
    for _ in range(2):
        await sqlite_journal.fire_timers(NOW)
    ((_, run_id, given),) = await sqlite_journal.mail_for("worker-1")
    assert (run_id, given) == ("run_0001", TimerFired(now=NOW, actor="timer", timer="retry:b"))
    assert await sqlite_journal.next_timer() is None
    await sqlite_journal.claim("worker-1", NOW, 9)
    await sqlite_journal.mail_for("worker-1")
