"""A copy of the journal while it is written."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from engine.errors import InvalidInput, Unavailable
from engine.journal.sqlite.file.backup import back_up, contents
from engine.journal.sqlite.file.connection import schema_version
from engine.journal.sqlite.journal import SqliteJournal
from tests.engine.journal.run_script import a_run

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


def test_nothing_is_written_over_and_nothing_is_left(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("mine")
    with pytest.raises(InvalidInput, match="there already"):
        back_up(tmp_path / "none.db", there)
    with pytest.raises(InvalidInput, match="no directory"):
        back_up(tmp_path / "none.db", tmp_path / "no" / "copy")
    with pytest.raises(Unavailable):
        back_up(tmp_path / "none.db", tmp_path / "copy")
    assert there.read_text() == "mine"
    assert [entry.name for entry in tmp_path.iterdir()] == ["there"]


async def test_contents_are_told_by_kind(sqlite_journal: SqliteJournal) -> None:
    await sqlite_journal.create_run(a_run(1, blobs={"b": b"12345"}))
    found = await asyncio.to_thread(contents, sqlite_journal.path)
    assert found["kept_values"] == 5
    assert found["events"] > 0
    assert set(found) == {"events", "kept_values", "snapshots", "pack_contents", "free"}
