"""What stands at the journal's path, and what is done about it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest

from engine.contracts.runs.listed import RunFilter, RunSort
from engine.errors import ErrorCode, Unavailable
from engine.journal.sqlite.file.check import find_damage
from engine.journal.sqlite.file.connection import APPLICATION_ID, migrate, open_writer, schema_version
from engine.journal.sqlite.journal import SqliteJournal
from engine.journal.sqlite.queries import migrations
from tests.engine.journal.run_script import a_run, hold
from tests.patience import PATIENCE
from tests.permissions import permissions_bind

if TYPE_CHECKING:
    from pathlib import Path

    from engine.journal.sqlite.transaction import Transaction


async def refused(path: Path, *, busy_seconds: float = 5) -> Unavailable:
    with pytest.raises(Unavailable) as caught:
        await SqliteJournal.open(path, busy_seconds=busy_seconds)
    assert str(path) in caught.value.message
    return caught.value


def schema(path: Path) -> list[tuple[str, str]]:
    connection = sqlite3.connect(path)
    try:
        found = connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
        return [(str(name), str(sql)) for name, sql in found]
    finally:
        connection.close()


async def test_a_journal_is_made_with_its_directory_and_opens_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "home" / "journal.db"
    journal = await SqliteJournal.open(path)
    await journal.create_run(a_run(1))
    await journal.close()
    assert path.parent.stat().st_mode & 0o077 == 0
    again = await SqliteJournal.open(path)
    assert await again.run_row("run_0001") is not None
    await again.close()


async def test_a_pipe_in_the_place_of_a_journal_keeps_nobody_waiting(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    os.mkfifo(path)
    assert "is no file" in (await refused(path)).message
    with pytest.raises(Unavailable, match="is no file"):
        await asyncio.to_thread(find_damage, path, deep=False)


async def test_a_journal_that_was_closed_or_refused_leaves_no_descriptor_open(tmp_path: Path) -> None:
    (tmp_path / "diary").write_text("dear diary\n" * 500)
    left: list[int] = []
    for _ in range(2):  # the first one loads what stays open
        await refused(tmp_path / "diary")
        journal = await SqliteJournal.open(tmp_path / "journal.db")
        await journal.create_run(a_run(len(left)))
        assert await journal.lists.page(RunFilter(), RunSort.NEWEST, 5)
        await journal.close()
        left.append(len(os.listdir("/dev/fd")))  # noqa: PTH208 - as many as there are
    assert left[1] <= left[0]


@pytest.mark.parametrize("name", ["a b%20c?x=1#y.db", "журнал-é.db"])
async def test_any_character_may_stand_in_the_path(tmp_path: Path, name: str) -> None:
    journal = await SqliteJournal.open(tmp_path / name)
    await journal.create_run(a_run(1))
    assert await journal.run_row("run_0001") is not None
    await journal.close()
    assert (tmp_path / name).exists()


async def test_what_was_acknowledged_survives_a_power_loss(sqlite_journal: SqliteJournal) -> None:
    names = ("journal_mode", "synchronous", "application_id", "user_version")

    def settings(transaction: Transaction) -> list[object]:
        return [transaction.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    synchronous_full = 2
    assert await sqlite_journal._writer.run(settings) == [
        "wal",
        synchronous_full,
        APPLICATION_ID,
        schema_version(),
    ]


async def test_readers_cannot_write(sqlite_journal: SqliteJournal) -> None:
    with pytest.raises(Unavailable) as caught:
        await sqlite_journal._read("DELETE FROM events")
    assert caught.value.code is ErrorCode.READ_ONLY


@pytest.mark.parametrize("version", range(schema_version() + 1))
async def test_a_journal_of_every_earlier_version_is_brought_forward(tmp_path: Path, version: int) -> None:
    fresh, old = tmp_path / "fresh.db", tmp_path / "old.db"
    open_writer(fresh).close()
    connection = sqlite3.connect(old, isolation_level=None)
    migrate(connection, old, to=version)
    assert connection.execute("PRAGMA user_version").fetchone()[0] == version
    connection.close()
    journal = await SqliteJournal.open(old)
    await hold(journal)
    await journal.close()
    assert schema(old) == schema(fresh)


def test_no_migration_brings_rows_to_a_new_journal(tmp_path: Path) -> None:
    """A new file gets the schema alone."""
    connection = sqlite3.connect(tmp_path / "journal.db", isolation_level=None)
    migrate(connection, tmp_path, to=schema_version())
    tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    rows = {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for (table,) in tables}
    connection.close()
    assert rows
    assert not any(rows.values()), rows


def test_migrations_are_numbered_without_gaps() -> None:
    assert sorted(migrations()) == list(range(1, schema_version() + 1))
    scripts = [entry.name for entry in files("engine.journal.sqlite").joinpath("migrations").iterdir()]
    assert len([name for name in scripts if name.endswith(".sql")]) == schema_version(), (
        "a number is given twice"
    )


async def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    connection = sqlite3.connect(path, isolation_level=None)
    with pytest.raises(KeyError):
        migrate(connection, path, to=schema_version() + 1)
    assert connection.execute("PRAGMA user_version").fetchone()[0] == schema_version()
    assert not connection.in_transaction
    connection.close()


def entries(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def made(path: Path, *statements: str) -> bytes:
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()
    return path.read_bytes()


async def test_a_newer_schema_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    open_writer(path).close()
    newer = schema_version() + 1
    before = made(path, f"PRAGMA user_version = {newer}")
    error = await refused(path)
    assert error.code is ErrorCode.JOURNAL_NEWER
    assert (error.details["found"], error.details["known"]) == (newer, schema_version())
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "statements",
    [
        ("CREATE TABLE notes (x)", "PRAGMA application_id = 4711"),
        ("CREATE TABLE notes (x)",),
        ("CREATE TABLE runs (x)", "PRAGMA user_version = 1"),
        ("PRAGMA application_id = 4711",),
    ],
)
async def test_another_program_s_database_is_refused_and_not_touched(
    tmp_path: Path, statements: tuple[str, ...]
) -> None:
    path = tmp_path / "journal.db"
    before = made(path, *statements)
    error = await refused(path)
    assert error.code is ErrorCode.JOURNAL_CORRUPT
    assert "another program" in error.message
    assert path.read_bytes() == before
    assert entries(tmp_path) == ["journal.db"]


async def test_a_file_that_is_no_database_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_text("dear diary\n" * 500)
    error = await refused(path)
    assert (error.code, error.details["sqlite"]) == (ErrorCode.JOURNAL_CORRUPT, "SQLITE_NOTADB")
    assert path.read_text() == "dear diary\n" * 500


async def test_an_empty_file_becomes_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.touch()
    journal = await SqliteJournal.open(path)
    await journal.create_run(a_run(1))
    await journal.close()


def damage(path: Path, table: str) -> None:
    """Overwrite the first page of a table."""
    connection = sqlite3.connect(path)
    size = connection.execute("PRAGMA page_size").fetchone()[0]
    find = "SELECT rootpage FROM sqlite_schema WHERE name = ?"
    page = connection.execute(find, (table,)).fetchone()[0]
    connection.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)


async def test_a_damaged_file_is_named_as_such(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = await SqliteJournal.open(path)
    for number in range(200):
        await journal.create_run(a_run(number))
    await journal.close()
    damage(path, "runs")
    damaged = await SqliteJournal.open(path)
    try:
        with pytest.raises(Unavailable) as reading:
            await damaged.run_row("run_0001")
        with pytest.raises(Unavailable) as writing:
            await damaged.create_run(a_run(300))
    finally:
        await damaged.close()
    assert {reading.value.code, writing.value.code} == {ErrorCode.JOURNAL_CORRUPT}


async def test_a_file_whose_schema_is_damaged_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    open_writer(path).close()
    with path.open("r+b") as file:
        file.seek(100)  # what follows the file's header is the schema's first page
        file.write(b"\xff" * 900)
    assert (await refused(path)).code is ErrorCode.JOURNAL_CORRUPT


async def test_a_directory_is_not_a_journal(tmp_path: Path) -> None:
    (tmp_path / "journal.db").mkdir()
    assert (await refused(tmp_path / "journal.db")).code is ErrorCode.JOURNAL_UNAVAILABLE


async def test_a_home_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable) as caught:
        await SqliteJournal.open(tmp_path / "file" / "home" / "journal.db")
    assert caught.value.code is ErrorCode.JOURNAL_UNAVAILABLE


async def test_a_journal_locked_by_another_program_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        error = await refused(path, busy_seconds=0.01)
        assert error.code is ErrorCode.JOURNAL_LOCKED
    finally:
        other.close()
    journal = await SqliteJournal.open(path)
    await journal.close()


def threads_of_journals() -> list[threading.Thread]:
    """Those that hold a connection."""
    return [
        thread for thread in threading.enumerate() if thread.name.startswith(("journal-writer", "Thread-"))
    ]


@pytest.mark.parametrize("locked", [False, True])
async def test_a_journal_whose_opening_is_cancelled_leaves_no_thread_behind(
    tmp_path: Path, *, locked: bool
) -> None:
    path, before = tmp_path / "journal.db", threads_of_journals()
    await (await SqliteJournal.open(path)).close()
    other = sqlite3.connect(path, isolation_level=None)
    if locked:
        other.execute("BEGIN EXCLUSIVE")
    for turns in range(12):
        opening = asyncio.create_task(SqliteJournal.open(path, busy_seconds=0.01))
        for _ in range(turns):
            await asyncio.sleep(0)
        opening.cancel()
        (ended,) = await asyncio.gather(opening, return_exceptions=True)
        if isinstance(ended, SqliteJournal):  # it was quicker
            await ended.close()
        for thread in set(threads_of_journals()) - set(before):  # it may be about to end
            await asyncio.to_thread(thread.join, PATIENCE)
        assert threads_of_journals() == before
    other.close()


async def test_a_directory_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o500)
    with permissions_bind():
        assert (await refused(home / "journal.db")).code is ErrorCode.JOURNAL_UNAVAILABLE


async def test_a_file_that_may_not_be_written_is_read_only(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = await SqliteJournal.open(path)
    await journal.create_run(a_run(1))
    await journal.close()
    path.chmod(0o400)
    with permissions_bind():
        opened = await SqliteJournal.open(path)
        try:
            assert await opened.run_row("run_0001") is not None
            with pytest.raises(Unavailable) as caught:
                await opened.create_run(a_run(2))
        finally:
            await opened.close()
    assert caught.value.code is ErrorCode.READ_ONLY
