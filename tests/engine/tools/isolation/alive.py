"""Whether a process lives."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[4]


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def ended(pid: int) -> None:
    """Return once the process is gone."""
    end = time.monotonic() + 20
    while alive(pid):
        assert time.monotonic() < end, f"process {pid} lives on"
        time.sleep(0.01)


def working_in(directory: Path) -> list[int]:
    """The processes whose working directory it is."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.cwd() == str(directory):
                found.append(process.pid)
    return found
