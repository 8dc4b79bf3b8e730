"""SQLite's own errors in our words."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import ErrorCode, InvalidInput, Unavailable

if TYPE_CHECKING:
    import sqlite3

_BY_NAME = {
    "SQLITE_BUSY": (ErrorCode.JOURNAL_LOCKED, "is locked by another program; close it and try again"),
    "SQLITE_LOCKED": (ErrorCode.JOURNAL_LOCKED, "is locked by another program; close it and try again"),
    "SQLITE_FULL": (ErrorCode.DISK_FULL, "cannot grow: the disk is full; free some space and try again"),
    "SQLITE_READONLY": (ErrorCode.READ_ONLY, "cannot be written: the file or its disk is read-only"),
    "SQLITE_CORRUPT": (ErrorCode.JOURNAL_CORRUPT, "is damaged; restore it from a copy"),
    "SQLITE_NOTADB": (ErrorCode.JOURNAL_CORRUPT, "is not a database; restore it from a copy"),
    "SQLITE_CANTOPEN": (
        ErrorCode.JOURNAL_UNAVAILABLE,
        "cannot be opened; check that its directory exists and may be written",
    ),
    "SQLITE_IOERR": (ErrorCode.JOURNAL_UNAVAILABLE, "cannot be read or written: the disk reports an error"),
}


def unavailable(error: sqlite3.Error, path: Path | str) -> Unavailable:
    """An SQLite failure as a typed error that names the file and what to do."""
    name, base = _names(error)
    if base in {"SQLITE_IOERR", "SQLITE_CANTOPEN"}:
        base = _disk_state(path) or base
    code, words = _BY_NAME.get(base, (ErrorCode.JOURNAL_UNAVAILABLE, f"failed: {error}"))
    return Unavailable(code, f"the journal {path} {words}", {"path": str(path), "sqlite": name or str(error)})


def is_damage(error: sqlite3.Error) -> bool:
    """Whether what the file holds is wrong, and not that it cannot be read or written now."""
    known = _BY_NAME.get(_names(error)[1])
    return known is None or known[0] is ErrorCode.JOURNAL_CORRUPT


def _names(error: sqlite3.Error) -> tuple[str, str]:
    """SQLite's name of the error, and that of its family."""
    name = getattr(error, "sqlite_errorname", "") or ""
    return name, "_".join(name.split("_")[:2])


def no_text(error: UnicodeEncodeError) -> InvalidInput:
    """What was asked or told holds half a character (a lone surrogate), so SQLite cannot take it as text."""
    shown = (
        error.object[max(error.start - 20, 0) : error.end + 20].encode("ascii", "backslashreplace").decode()
    )
    return InvalidInput(f"{shown} holds half a character, which is no text: leave it out", {"text": shown})


def _disk_state(path: Path | str) -> str | None:
    """SQLite says only "I/O error" when it cannot make its own files beside the database."""
    try:
        disk = os.statvfs(Path(path).parent)
    except OSError:
        return None
    if disk.f_flag & os.ST_RDONLY:
        return "SQLITE_READONLY"
    return "SQLITE_FULL" if disk.f_bavail == 0 else None
