"""A copy of a journal while others work on it, and what its file is full of. Blocks: call in a thread."""

from __future__ import annotations

import errno
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import ErrorCode, InvalidInput, Unavailable
from engine.journal.sqlite.file.connection import open_anywhere
from engine.journal.sqlite.file.failures import unavailable
from engine.journal.sqlite.queries import query
from engine.safe_files.new_file import NotNewError, new_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_FULL = (errno.ENOSPC, errno.EDQUOT)
_PAGES = 2_000
"""Pages that are copied before it is looked whether somebody still waits for the copy."""
_STEPS = 100_000
"""The same in steps of SQLite's machine."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy that was made and read again."""

    path: Path
    size: int
    schema_version: int
    runs: int


def back_up(journal: Path, target: Path, check: Callable[[], None] = lambda: None) -> Backup:
    """Copy the journal as it is at one moment to a new file; nobody who works on it waits.

    The copy is one file, checked page by page, and is there whole or not at all. Raises InvalidInput when
    `target` is there already, cannot be or its directory is not there, Unavailable, and what `check` raises,
    which is called between pieces.
    """
    try:
        with new_file(target) as file, closing(open_anywhere(journal)) as source:
            schema, runs = _copy(source, file, check)
    except sqlite3.Error as error:
        raise unavailable(error, target) from error
    except NotNewError as error:
        raise InvalidInput(str(error), {"path": str(target)}) from None
    except OSError as error:
        code = ErrorCode.DISK_FULL if error.errno in _FULL else ErrorCode.READ_ONLY
        raise Unavailable(
            code, f"{target} cannot be written: {error.strerror}", {"path": str(target)}
        ) from error
    return Backup(target, target.stat().st_size, schema, runs)


def _copy(source: sqlite3.Connection, file: Path, check: Callable[[], None]) -> tuple[int, int]:
    """All pages in one reading; (schema version, runs) of the copy."""
    with closing(sqlite3.connect(file, isolation_level=None)) as copy:
        source.execute("BEGIN")
        source.execute("PRAGMA user_version").fetchone()  # from here on it stands still for this reading
        source.backup(copy, pages=_PAGES, progress=lambda *_: check())
        copy.set_progress_handler(check, _STEPS)
        copy.execute("PRAGMA journal_mode = DELETE")  # no second file beside it
        (words,) = copy.execute("PRAGMA quick_check(1)").fetchone()
        if words != "ok":
            raise Unavailable(ErrorCode.JOURNAL_CORRUPT, f"the copy is damaged, as the journal is: {words}")
        schema = int(copy.execute("PRAGMA user_version").fetchone()[0])
        runs = int(copy.execute(query("count_runs")).fetchone()[0])
    return schema, runs


def contents(journal: Path) -> dict[str, int]:
    """Bytes in the journal by what they are; `free` is used again before the file grows.

    Raises Unavailable.
    """
    with closing(open_anywhere(journal)) as connection:
        try:
            row = connection.execute(query("contents")).fetchone()
            (pages,) = connection.execute("PRAGMA freelist_count").fetchone()
            (size,) = connection.execute("PRAGMA page_size").fetchone()
        except sqlite3.Error as error:
            raise unavailable(error, journal) from error
    return {**dict(row), "free": pages * size}
