"""The file under the program: deleted, replaced, written over or changed by a later program while it runs."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.errors import ErrorCode, Unavailable
from engine.journal.sqlite.file.connection import schema_version
from engine.journal.sqlite.journal import SqliteJournal
from tests.engine.journal.run_script import a_run, approve, wait_for_approval
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

ROOT = Path(__file__).parents[4]
DECISIONS = 20

DECIDER = """
import asyncio, json, sys
from pathlib import Path
from engine.errors import VasiniError
from engine.journal.sqlite.journal import SqliteJournal
from tests.engine.journal.run_script import approve

async def main(path, first, last):
    journal = await SqliteJournal.open(Path(path))
    print("open", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    answers = []
    for number in range(first, last):
        try:
            await journal.decide(approve(f"appr_{number:04}"))
            answers.append("decided")
        except VasiniError as error:
            answers.append(error.code.value)
    print(json.dumps(answers))
    await journal.close()

asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
"""


def delete(path: Path) -> None:
    path.unlink()


def delete_all(path: Path) -> None:
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


def delete_wal(path: Path) -> None:
    Path(f"{path}-wal").unlink()


def replace(path: Path) -> None:
    copy = path.with_name("copy.db")
    shutil.copy(path, copy)
    copy.replace(path)


def replace_wal(path: Path) -> None:
    copy = path.with_name("copy.wal")
    shutil.copy(f"{path}-wal", copy)
    copy.replace(f"{path}-wal")


def write_over(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(4096)


def link_to_itself(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


ACCIDENTS = [delete, delete_all, delete_wal, replace, replace_wal, write_over, link_to_itself]


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[SqliteJournal]:
    opened = await SqliteJournal.open(tmp_path / "journal.db", poll_seconds=0.02)
    yield opened
    await opened.close()


async def wait_for_requests(journal: SqliteJournal, count: int) -> None:
    for number in range(count):
        await wait_for_approval(journal, number)


def fold_wal(path: Path) -> None:
    """So that the file holds something, as that of a journal in use."""
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA wal_checkpoint(PASSIVE)")


@pytest.mark.parametrize("accident", ACCIDENTS)
async def test_nothing_is_acknowledged_when_the_file_is_not_that_of_its_path_any_more(
    journal: SqliteJournal, accident: Callable[[Path], None]
) -> None:
    await wait_for_requests(journal, 2)
    await asyncio.to_thread(fold_wal, journal.path)
    await journal.decide(approve("appr_0000"))
    await asyncio.to_thread(accident, journal.path)
    with pytest.raises(Unavailable) as caught:
        await journal.decide(approve("appr_0001"))
    assert caught.value.code is ErrorCode.JOURNAL_UNAVAILABLE
    assert str(journal.path) in caught.value.message
    with pytest.raises(Unavailable):
        await journal.run_row("run_0000")
    with pytest.raises(Unavailable):
        await journal.lists.by_status(None)


@pytest.mark.parametrize("accident", [delete, link_to_itself])
async def test_readers_are_told_without_a_write(
    journal: SqliteJournal, accident: Callable[[Path], None]
) -> None:
    await wait_for_requests(journal, 1)
    told = asyncio.Event()
    journal.on_change(lambda _: told.set())
    await asyncio.to_thread(accident, journal.path)
    await asyncio.wait_for(told.wait(), PATIENCE)
    with pytest.raises(Unavailable) as caught:
        await journal.feed_events(0, 10)
    assert caught.value.code is ErrorCode.JOURNAL_UNAVAILABLE


async def test_a_file_that_is_put_back_is_used_again(journal: SqliteJournal) -> None:
    await wait_for_requests(journal, 1)
    aside = journal.path.with_name("aside.db")
    journal.path.rename(aside)
    with pytest.raises(Unavailable):
        await journal.decide(approve("appr_0000"))
    aside.rename(journal.path)
    assert (await journal.decide(approve("appr_0000"))).run_id == "run_0000"
    assert await journal.run_row("run_0000") is not None


async def test_a_schema_that_a_later_program_makes_is_refused_while_running(journal: SqliteJournal) -> None:
    await journal.create_run(a_run(1))
    with closing(sqlite3.connect(journal.path)) as later:
        later.execute(f"PRAGMA user_version = {schema_version() + 1}")
    with pytest.raises(Unavailable) as caught:
        await journal.create_run(a_run(2))
    assert caught.value.code is ErrorCode.JOURNAL_NEWER
    with pytest.raises(Unavailable):
        await journal.run_row("run_0001")


@pytest.mark.parametrize("accident", [delete, replace])
async def test_processes_refuse_every_decision_after_the_file_is_gone(
    journal: SqliteJournal, accident: Callable[[Path], None]
) -> None:
    await wait_for_requests(journal, DECISIONS)
    half = DECISIONS // 2
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", DECIDER, str(journal.path), str(first), str(first + half)),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for first in (0, half)
    ]
    for process in processes:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"open\n"
    await asyncio.to_thread(accident, journal.path)
    answers: list[str] = []
    for process in processes:
        output, _ = await process.communicate(b"go\n")
        answers += json.loads(output)
    assert answers == ["journal_unavailable"] * DECISIONS
