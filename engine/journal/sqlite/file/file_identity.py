"""Whether the open journal is still the file under its path.

SQLite goes on writing into a file that was deleted or replaced: what is acknowledged then is lost. So
the files are compared before every group of writes, and again before it is acknowledged.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from engine.errors import ErrorCode, Unavailable

if TYPE_CHECKING:
    from pathlib import Path


class FileIdentity:
    """The journal, its WAL and its shared memory as they were opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._size = 0
        names = [f"{path}{suffix}" for suffix in ("", "-wal", "-shm")]
        self._opened = {name: _identity(_stat(name)) for name in names}

    def check(self) -> None:
        """Raise Unavailable(`journal_unavailable`) when one of the files is another one now, or cannot be
        looked at.

        A copy that was written over the journal is noticed when it is smaller: a journal only grows.
        """
        for name, opened in self._opened.items():
            try:
                found = _stat(name)
            except OSError as error:
                raise self._changed(name, f"cannot be looked at any more ({error.strerror})") from error
            if _identity(found) != opened:
                raise self._changed(name, "was deleted or replaced")
            if name == str(self._path) and found is not None:
                if found.st_size < self._size:
                    raise self._changed(name, "was written over by a smaller file")
                self._size = found.st_size

    def _changed(self, name: str, what: str) -> Unavailable:
        return Unavailable(
            ErrorCode.JOURNAL_UNAVAILABLE,
            f"{name} {what} while this program had it open: nothing is written or shown any more. "
            "Put it back as it was, or stop every vasini of this workspace and start anew",
            {"path": str(self._path), "file": name},
        )


def _stat(name: str) -> os.stat_result | None:
    try:
        return os.stat(name)  # noqa: PTH116 - in the way of every commit
    except FileNotFoundError:
        return None


def _identity(found: os.stat_result | None) -> tuple[int, int] | None:
    return None if found is None else (found.st_dev, found.st_ino)
