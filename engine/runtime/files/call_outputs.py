"""What calls wrote while they ran: one file for a run, `<root>/<pack>/<run_id>/runtime/output.jsonl`.

A line is JSON: `{"ts", "step_id", "attempt", "stream", "text"}`. Lines are masked before they come here. All
methods block on the disk: call them in a thread.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from engine.runtime.files.folder_access import open_directory, storage_errors
from engine.safe_files import walking
from engine.safe_files.sharing import mode_in

if TYPE_CHECKING:
    from pathlib import Path

MOST_BYTES = 64 * 1024 * 1024
"""Of one run; later lines are not kept."""
READ_AT_ONCE = 1024 * 1024
_FILE = "output.jsonl"
_FOLDER = "runtime"
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""Nobody is waited for: a call of the run may have put a pipe there."""


class CallOutputs:
    """The files below the runs' folders."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, pack: str, run_id: str) -> Path:
        """Where a run's file is or would be."""
        return self._root / pack / run_id / _FOLDER / _FILE

    def append(self, pack: str, run_id: str, lines: bytes) -> bool:
        """Add whole lines; False when the file has reached its size. Raises Unavailable."""
        parts = (pack, run_id, _FOLDER)
        with storage_errors(self._root, parts), open_directory(self._root, parts) as directory:
            descriptor = os.open(_FILE, _APPEND, mode_in(directory, 0o600), dir_fd=directory)
            try:
                found = os.fstat(descriptor)
                if not stat.S_ISREG(found.st_mode):
                    raise OSError(errno.ENXIO, os.strerror(errno.ENXIO))
                if found.st_size + len(lines) > MOST_BYTES:
                    return False
                rest = memoryview(lines)
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
            finally:
                os.close(descriptor)
        return True

    def read(self, pack: str, run_id: str, after: int) -> tuple[bytes, int, int]:
        """(whole lines, the place of the first, the size of the file) from a place on; a negative one counts
        from the end, and begins with the next line. Raises Unavailable."""
        parts = (pack, run_id, _FOLDER)
        with storage_errors(self._root, parts):
            try:
                with open_directory(self._root, parts, create=False) as directory:
                    descriptor = walking.open_to_read(_FILE, directory)
            except FileNotFoundError:
                return b"", 0, 0
            with os.fdopen(descriptor, "rb") as file:
                size = os.fstat(descriptor).st_size
                start = after if after >= 0 else max(0, size + after)
                file.seek(start)
                raw = file.read(READ_AT_ONCE)
        if after < 0 < start:
            skipped = raw.find(b"\n") + 1
            start, raw = start + skipped, raw[skipped:]
        return raw[: raw.rfind(b"\n") + 1], start, size
