"""Opening the database: pragmas, schema version, migrations."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Self

from engine.errors import ErrorCode, Unavailable
from engine.journal.sqlite.file.failures import unavailable
from engine.journal.sqlite.queries import migrations, read_all
from engine.journal.sqlite.words import make_index
from engine.safe_files.sharing import mode_in

if TYPE_CHECKING:
    from collections.abc import Iterable

    import aiosqlite

CHECKPOINT_PAGES = 4_000
"""Pages in the WAL before it is folded in (16 MB): each time every writer waits for two syncs."""
APPLICATION_ID = 0x7661736E  # "vasn"
_BROKEN_TEXT = "Could not decode to UTF-8"
BUSY_SECONDS = 5.0
"""How long another program's lock is waited for."""


@cache
def schema_version() -> int:
    """The newest schema this program knows."""
    return max(migrations())


def read_only(path: Path, *, immutable: bool) -> str:
    """The URI of a connection that only reads; any character may stand in the path.

    `immutable`: nobody can write the file, so it is read without locks and without a WAL beside it.
    """
    return f"{path.absolute().as_uri()}?{'immutable=1' if immutable else 'mode=ro'}"


def takes_broken_texts(connection: sqlite3.Connection | aiosqlite.Connection, error: Exception) -> bool:
    """Whether a statement failed at a text that is no UTF-8: from now on such texts come as bytes.

    So whoever reads its row finds that no text is there, and the other rows can be read. It is not so from
    the beginning, because a call for each text takes a tenth of the writer's time.
    """
    broken = isinstance(error, sqlite3.OperationalError) and str(error).startswith(_BROKEN_TEXT)
    if broken:
        connection.text_factory = _text_or_bytes
    return broken


def _text_or_bytes(data: bytes) -> str | bytes:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def is_whole(values: Iterable[object]) -> bool:
    """Whether every text of a row is one; for rows that hold no bytes otherwise."""
    return not any(isinstance(value, bytes) for value in values)


def open_reader(path: Path, *, immutable: bool = False) -> sqlite3.Connection:
    """A connection that only reads. Raises Unavailable."""
    _require_file(path)
    try:
        uri = read_only(path, immutable=immutable)
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise unavailable(error, path) from error
    connection.row_factory = sqlite3.Row
    return connection


def open_anywhere(path: Path) -> sqlite3.Connection:
    """A connection that only reads, also where nobody can write. Raises Unavailable."""
    return open_reader(path, immutable=_only_immutable(path))


def read_only_journal(path: Path) -> bool:
    """For a journal that cannot be written: whether it has to be read as `immutable`.

    Raises Unavailable when it cannot be read either: it is of another schema, or what was written last
    stands in a WAL that can be read only where it can be written.
    """
    immutable = _only_immutable(path)
    with closing(open_reader(path, immutable=immutable)) as connection:
        _refuse_other(connection, path)
        found = _version(connection)
    if found < schema_version():
        words = f"the journal {path} has schema {found} and cannot be brought to {schema_version()}"
        raise Unavailable(ErrorCode.READ_ONLY, f"{words}: the file or its disk is read-only; copy it")
    return immutable


def _only_immutable(path: Path) -> bool:
    """Whether a reader has to take the file as `immutable`. Raises Unavailable where it cannot be read."""
    for immutable in (False, True):
        try:
            with closing(open_reader(path, immutable=immutable)) as connection:
                _version(connection)
        except sqlite3.Error as error:
            if immutable:
                raise unavailable(error, path) from error
            continue
        wal = Path(f"{path}-wal")
        if immutable and wal.exists() and wal.stat().st_size:
            words = (
                f"the newest entries of {path} stand in {wal}, which can be read only where it can be written"
            )
            raise Unavailable(ErrorCode.READ_ONLY, f"{words}; copy both to a disk that can be written")
        return immutable
    return False


def open_writer(path: Path, busy_seconds: float = BUSY_SECONDS) -> sqlite3.Connection:
    """The writing connection, migrated to the newest schema.

    WAL with synchronous=FULL: what was acknowledged survives power loss. Raises Unavailable.
    """
    read_all()
    _require_file(path)
    _make_file(path)
    try:
        connection = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None)
    except sqlite3.Error as error:
        raise unavailable(error, path) from error
    try:
        connection.row_factory = sqlite3.Row
        _refuse_other(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("PRAGMA temp_store = MEMORY")
        migrate(connection, path)
        make_index(connection)
    except sqlite3.Error as error:
        connection.close()
        raise unavailable(error, path) from error
    except Unavailable:
        connection.close()
        raise
    return connection


def _require_file(path: Path) -> None:
    """Raise Unavailable for a pipe or a device: to open one may wait for ever, or read without end."""
    with suppress(OSError):  # SQLite says what is wrong with the place
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            words = f"the journal {path} is no file; move it away, or check VASINI_HOME"
            raise Unavailable(ErrorCode.JOURNAL_UNAVAILABLE, words, {"path": str(path)})


def _make_file(path: Path) -> None:
    """An empty file where there is none, which the group may write in a shared home: its WAL is as it is."""
    with suppress(OSError):  # SQLite says what is wrong with the place
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        os.close(os.open(path, flags, mode_in(path.parent, 0o644)))


def migrate(connection: sqlite3.Connection, path: Path, to: int | None = None) -> None:
    """Bring the schema forward, one numbered script at a time, each in one transaction.

    A file with nothing in it gets the schema that these scripts lead to, at once.
    """
    target = to if to is not None else schema_version()
    if to is None and not _version(connection):
        _make_newest(connection)
    while (current := _version(connection)) < target:
        with ImmediateTransaction(connection):
            current = _version(connection)  # another process may have been first
            if current < target:
                for statement in _statements(migrations()[current + 1]):
                    connection.execute(statement)
                _mark(connection, current + 1)
    _refuse_other(connection, path)


def _make_newest(connection: sqlite3.Connection) -> None:
    """Fill an empty database; one that has become another's or another process's meanwhile is left alone."""
    with ImmediateTransaction(connection):
        if not _has_tables(connection) and not _version(connection):
            for statement in _newest_schema():
                connection.execute(statement)
            _mark(connection, schema_version())


class ImmediateTransaction:
    """One transaction: all that is written within the context, or nothing when it raises."""

    __slots__ = ("connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def __enter__(self) -> Self:
        self.connection.execute("BEGIN IMMEDIATE")
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self.complete()
                self.connection.execute("COMMIT")
        except BaseException:
            self._undo()
            raise
        if kind is not None:
            self._undo()

    def complete(self) -> None:
        """Write what is still to be written before the commit."""

    def _undo(self) -> None:
        with suppress(sqlite3.Error):  # the transaction may be gone already
            self.connection.execute("ROLLBACK")


@cache
def _newest_schema() -> tuple[str, ...]:
    """What all scripts lead to, as statements; they bring no rows to an empty database."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for version in sorted(migrations()):
            for statement in _statements(migrations()[version]):
                connection.execute(statement)
        made = connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid")
        return tuple(sql for name, sql in made if not name.startswith("sqlite_"))


def _mark(connection: sqlite3.Connection, version: int) -> None:
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {version}")


def _statements(script: str) -> list[str]:
    found, buffer = [], ""
    for line in script.splitlines(keepends=True):
        buffer += line
        if sqlite3.complete_statement(buffer):
            found.append(buffer)
            buffer = ""
    return found


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _has_tables(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("SELECT EXISTS (SELECT 1 FROM sqlite_schema)").fetchone()[0])


def _refuse_other(connection: sqlite3.Connection, path: Path) -> None:
    # tables first: another process may be making the journal, and sets its id in the same transaction
    tables = _has_tables(connection)
    application = int(connection.execute("PRAGMA application_id").fetchone()[0])
    if application != APPLICATION_ID and (application or tables):
        raise Unavailable(
            ErrorCode.JOURNAL_CORRUPT,
            f"{path} is the database of another program; point VASINI_HOME elsewhere",
            {"path": str(path), "application_id": application},
        )
    refuse_newer(connection, path)


def refuse_newer(connection: sqlite3.Connection, path: Path) -> None:
    """Raise Unavailable(`journal_newer`) when a later program has changed the schema."""
    found = _version(connection)
    if found > schema_version():
        raise Unavailable(
            ErrorCode.JOURNAL_NEWER,
            f"the journal {path} has schema {found}, this program knows {schema_version()}; update vasini",
            {"path": str(path), "found": found, "known": schema_version()},
        )
