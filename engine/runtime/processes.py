"""Which process a worker is, and whether that process is still there.

A process is named by the boot of the machine, the space of process numbers (containers have their
own), its number, and the tick it was started in: so a number that was given again is another one.
Small files of the kernel are read: a few microseconds each.
"""

from __future__ import annotations

import asyncio
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.journal.records import WorkerRow

_PROC = Path("/proc")
_STARTED = 19
"""Place of the start time in /proc/PID/stat, counted after the name."""


@cache
def boot_id() -> str:
    """The boot of the machine, empty where the system does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""


def this_process() -> str:
    """The name of this process."""
    return process_name(os.getpid())


def process_name(pid: int) -> str:
    """The name of a process; without its start where that cannot be read."""
    return f"{boot_id()}/{_number_space()}/{pid}/{_started(pid) or ''}"


def is_gone(process: str, proc: Path = _PROC) -> bool:
    """Whether the process of that name is certainly not there any more, as the files below `proc` say.

    One of another boot is gone; of one whose numbers we do not see, or that cannot be looked at now, nothing
    is known.
    """
    boot, _, rest = process.partition("/")
    if boot != boot_id():
        return True
    space, _, rest = rest.partition("/")
    pid, _, started = rest.partition("/")
    if space != _number_space() or not started or not pid.isdecimal():
        return False
    found = _started(int(pid), proc)
    return found is not None and found != started


async def gone_workers(workers: Sequence[WorkerRow]) -> tuple[str, ...]:
    """Ids of the workers whose process is not there any more."""
    if not workers:
        return ()
    gone = await asyncio.to_thread(lambda: [is_gone(row.process) for row in workers])
    return tuple(row.worker_id for row, is_dead in zip(workers, gone, strict=True) if is_dead)


@cache
def _number_space() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _started(pid: int, proc: Path = _PROC) -> str | None:
    """The tick a process was started in; empty when it is not there, or only its exit status is left. None
    where the system does not say, such as to a process that has too many files open, or of another account's
    process where /proc is mounted with `hidepid`."""
    try:
        stat = (proc / str(pid) / "stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None if _is_there(pid) else ""
    except OSError:
        return None
    state, *fields = stat.rpartition(b")")[2].split()
    return "" if state in (b"Z", b"X") else fields[_STARTED - 1].decode()


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):  # no number of a process is so large
        return False
    except PermissionError:  # it is, and another account's
        return True
    return True
