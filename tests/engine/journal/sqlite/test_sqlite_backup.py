"""A copy of the journal while it is written."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from engine.errors import ErrorCode, InvalidInput, Unavailable
from engine.journal.sqlite.file.backup import back_up, contents
from engine.journal.sqlite.file.check import find_damage
from engine.journal.sqlite.file.connection import schema_version
from engine.journal.sqlite.journal import SqliteJournal
from engine.threads import StopFlag, StopRequested
from tests.engine.journal.run_script import a_run
from tests.engine.journal.sqlite.test_damaged_journals import make, overwrite_a_page
from tests.engine.journal.sqlite.test_sqlite_opening import entries

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_copy_is_one_file_that_opens_as_a_journal(
    sqlite_journal: SqliteJournal, tmp_path: Path
) -> None:
    for number in range(1, 4):
        await sqlite_journal.create_run(a_run(number))
    target = tmp_path / "copies" / "copy.db"
    target.parent.mkdir()
    copy = await asyncio.to_thread(back_up, sqlite_journal.path, target)
    assert (copy.path, copy.runs, copy.schema_version) == (target, 3, schema_version())
    assert [entry.name for entry in target.parent.iterdir()] == ["copy.db"]
    assert target.stat().st_mode & 0o777 == 0o600
    assert target.read_bytes()[18:20] == b"\1\1", "it is read without a file beside it"
    await sqlite_journal.create_run(a_run(4))
    again = await SqliteJournal.open(target)
    try:
        assert await again.run_row("run_0003") is not None
        assert await again.run_row("run_0004") is None
    finally:
        await again.close()


async def test_writing_goes_on_during_copies(sqlite_journal: SqliteJournal, tmp_path: Path) -> None:
    async with asyncio.TaskGroup() as group:
        writing = [group.create_task(sqlite_journal.create_run(a_run(number))) for number in range(1, 60)]
        copies = [
            group.create_task(asyncio.to_thread(back_up, sqlite_journal.path, tmp_path / f"{number}.db"))
            for number in range(3)
        ]
    assert all(created for _, created in (task.result() for task in writing))
    assert all(0 <= task.result().runs < 60 for task in copies)


def two_pieces(path: Path) -> sqlite3.Connection:
    """A connection to a journal that is copied in more than one piece."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("INSERT INTO blobs VALUES ('large', zeroblob(10000000))")
    return connection


async def test_a_copy_is_of_one_moment_though_it_comes_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    await make(path)
    with closing(two_pieces(path)) as writer:
        written = itertools.count()

        def write() -> None:
            writer.execute("INSERT INTO blobs VALUES (?, zeroblob(9))", (str(next(written)),))

        back_up(path, tmp_path / "copy.db", write)
    assert next(written) > 1
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("SELECT digest FROM blobs WHERE digest IN ('large', '0')").fetchall() == [
            ("large",)
        ]


async def test_a_copy_that_nobody_waits_for_any_more_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    await make(path)
    two_pieces(path).close()
    flag = StopFlag()
    flag.set()
    with pytest.raises(StopRequested):
        back_up(path, tmp_path / "copy.db", flag.check)
    assert [name for name in entries(tmp_path) if "copy" in name] == []
    for deep in (False, True):
        with pytest.raises(StopRequested):
            find_damage(path, deep=deep, check=flag.check)


def test_nothing_is_written_over_and_nothing_is_left(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("mine")
    with pytest.raises(InvalidInput, match="there already"):
        back_up(tmp_path / "none.db", there)
    with pytest.raises(InvalidInput, match="cannot be a file: File name too long"):
        back_up(tmp_path / "none.db", tmp_path / ("x" * 300))
    with pytest.raises(InvalidInput, match="no directory"):
        back_up(tmp_path / "none.db", tmp_path / "no" / "copy")
    with pytest.raises(Unavailable):
        back_up(tmp_path / "none.db", tmp_path / "copy")
    assert there.read_text() == "mine"
    assert [entry.name for entry in tmp_path.iterdir()] == ["there"]


async def test_of_a_damaged_journal_no_copy_is_made(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    await make(path)
    overwrite_a_page(path)
    with pytest.raises(Unavailable, match="the copy is damaged, as the journal is") as caught:
        back_up(path, tmp_path / "copy.db")
    assert caught.value.code is ErrorCode.JOURNAL_CORRUPT
    assert [name for name in entries(tmp_path) if "copy" in name] == []


def test_what_is_no_journal_has_no_contents(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_text("dear diary\n" * 500)
    with pytest.raises(Unavailable, match="is not a database"):
        contents(path)


async def test_contents_are_told_by_kind(sqlite_journal: SqliteJournal) -> None:
    await sqlite_journal.create_run(a_run(1, blobs={"b": b"12345"}))
    found = await asyncio.to_thread(contents, sqlite_journal.path)
    assert found["kept_values"] == 5
    assert found["events"] > 0
    assert set(found) == {"events", "kept_values", "snapshots", "pack_contents", "free"}
