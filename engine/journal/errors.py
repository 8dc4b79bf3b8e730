"""What a journal refuses, and SQLite's own errors in our words.

VasiniError
├── SeqConflict     somebody appended to the run first: read on and decide again
├── LeaseLost       another worker holds the run now: let go of it
└── Unavailable     locked, corrupt, newer, read-only, full
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import ErrorCode, Refused, Unavailable, VasiniError

if TYPE_CHECKING:
    import sqlite3

    from engine.journal.records import NewRun
    from engine.journal.rows import KeyRow


class SeqConflict(VasiniError):
    """The run moved on since the transition was computed."""

    def __init__(self, run_id: str) -> None:
        super().__init__(ErrorCode.INVALID_TRANSITION, f"run {run_id} has moved on", {"run_id": run_id})


class LeaseLost(VasiniError):
    """The lease epoch is not ours any more."""

    def __init__(self, run_id: str) -> None:
        super().__init__(
            ErrorCode.LEASE_LOST, f"run {run_id} is held by another worker now", {"run_id": run_id}
        )


def refuse_other_request(run: NewRun, found: KeyRow) -> None:
    """Raise Refused(idempotency_conflict) when the key's row `found` stands for another request."""
    if found["request_digest"] != run.request_digest:
        raise Refused(
            ErrorCode.IDEMPOTENCY_CONFLICT,
            f"the idempotency key {run.idempotency_key!r} belongs to run {found['run_id']}, "
            "which was started with another flow or payload",
            {"run_id": found["run_id"], "idempotency_key": run.idempotency_key},
        )


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
    name = getattr(error, "sqlite_errorname", "") or ""
    base = "_".join(name.split("_")[:2])
    if base in {"SQLITE_IOERR", "SQLITE_CANTOPEN"}:
        base = _disk_state(path) or base
    code, words = _BY_NAME.get(base, (ErrorCode.JOURNAL_UNAVAILABLE, f"failed: {error}"))
    return Unavailable(code, f"the journal {path} {words}", {"path": str(path), "sqlite": name or str(error)})


def _disk_state(path: Path | str) -> str | None:
    """SQLite says only "I/O error" when it cannot make its own files beside the database."""
    try:
        disk = os.statvfs(Path(path).parent)
    except OSError:
        return None
    if disk.f_flag & os.ST_RDONLY:
        return "SQLITE_READONLY"
    return "SQLITE_FULL" if disk.f_bavail == 0 else None
