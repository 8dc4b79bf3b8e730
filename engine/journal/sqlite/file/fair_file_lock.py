"""Fair turns between writing processes.

SQLite's own lock is a free-for-all: a saturated writer can starve the others for seconds. Whoever
wants to write first takes the turn lock, then the write lock, and gives the turn back: the one who
waits next is already in line when the writer is done.
"""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class FairFileLock:
    """Two advisory file locks beside the database: within the context the right to write is held.

    Used from the writer thread only."""

    def __init__(self, database: Path) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        self._turn = os.open(f"{database}-turn", flags, 0o660)
        self._write = os.open(f"{database}-write", flags, 0o660)

    def __enter__(self) -> None:
        """Take the right to write."""
        fcntl.flock(self._turn, fcntl.LOCK_EX)
        try:
            fcntl.flock(self._write, fcntl.LOCK_EX)
        finally:
            fcntl.flock(self._turn, fcntl.LOCK_UN)

    def __exit__(self, *_: object) -> None:
        """Give it back."""
        fcntl.flock(self._write, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the lock files."""
        os.close(self._turn)
        os.close(self._write)
