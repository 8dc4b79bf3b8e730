"""Processes above this one, as the system tells them (proc(5)); everything here blocks for a moment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROC = Path("/proc")
_STARTED = 19
"""Place of the start time in /proc/PID/stat, counted after the name."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process, while it was looked at."""

    pid: int
    name: str
    parent: int
    session: int
    started: str = ""
    """The tick it was started in."""

    def began_with(self, variable: str) -> bool:
        """Whether it was started with the variable in its environment; False when that is not told."""
        try:
            environment = (_PROC / str(self.pid) / "environ").read_bytes()
        except OSError:
            return False
        return any(entry.startswith(f"{variable}=".encode()) for entry in environment.split(b"\0"))


def ancestors() -> Iterator[Process]:
    """The parent of this process, the parent's parent and so on; the first process of all is left out."""
    pid = os.getppid()
    while pid > 1:
        found = _process(pid)
        if found is None:
            return
        yield found
        pid = found.parent


def _process(pid: int) -> Process | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text("utf-8", errors="replace")
    except OSError:
        return None
    before, _, after = text.rpartition(")")
    fields = after.split()
    _, parent, _, session = fields[:4]
    return Process(pid, before.partition("(")[2], int(parent), int(session), fields[_STARTED])
