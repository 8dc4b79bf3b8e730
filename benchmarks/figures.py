"""Figures of this process and of a database file: memory, CPU time, percentiles, bytes on disk."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

CHECKPOINT_SECONDS = 30.0


def percentile(values: list[float], part: float) -> float:
    """The value that `part` (0 to 1) of the values lie below."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def memory_mb(key: str) -> float:
    """A memory line of this process: `VmRSS` is now, `VmHWM` the most there was."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) / 1024
    raise LookupError(f"/proc/self/status has no {key}")


def cpu_seconds() -> float:
    """CPU time of this process so far, user and system, all threads."""
    return time.process_time()


def database_bytes(path: Path) -> int:
    """Size of an SQLite file with its WAL folded in; 0 when there is none.

    Raises TimeoutError when a reader keeps the WAL from being folded in.
    """
    if not path.exists():
        return 0
    connection = sqlite3.connect(path, timeout=CHECKPOINT_SECONDS)
    try:
        deadline = time.monotonic() + CHECKPOINT_SECONDS
        while connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] != 0:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the WAL of {path} could not be folded in")
    finally:
        connection.close()
    return path.stat().st_size


class Meter:
    """Wall and CPU seconds from when it was made until `read`."""

    def __init__(self) -> None:
        self._cpu = cpu_seconds()
        self._wall = time.perf_counter()

    def read(self) -> tuple[float, float]:
        """(wall seconds, CPU seconds)."""
        return time.perf_counter() - self._wall, cpu_seconds() - self._cpu
