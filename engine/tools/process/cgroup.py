"""One cgroup (version 2) for each call, where the system has delegated a place for them to this process.

A cgroup holds what nothing else does: memory of all processes of a call together, their number, and those
that left on purpose. Nobody but the owner of a tree of cgroups may change it, so only a place that was
delegated is used: below a service with `Delegate=yes` and `DelegateSubgroup=`, or a directory that was
given to this user.
"""

from __future__ import annotations

import contextlib
import os
import time
from functools import cache
from pathlib import Path

_MOUNT = Path("/sys/fs/cgroup")
_NEEDED = ("memory", "pids")
_DELEGATED = ("user.delegate", "trusted.delegate")
_GONE_SECONDS = 2.0
_CPU_PERIOD = 100_000
"""Microseconds over which the share of the processors is counted."""


@cache
def place() -> Path | None:
    """Where cgroups of calls can be made, found by making one; None when nothing was delegated."""
    own = _own(_MOUNT)
    if own is None or own == _MOUNT:
        return None
    return next((parent for parent in (own.parent, own) if _is_ours(parent) and _can_be_used(parent)), None)


def _own(mount: Path) -> Path | None:
    if not (mount / "cgroup.controllers").exists():
        return None
    try:
        lines = Path("/proc/self/cgroup").read_text("utf-8").splitlines()
    except OSError:
        return None
    paths = [line.removeprefix("0::/") for line in lines if line.startswith("0::/")]
    return mount / paths[0] if paths else None


def _is_ours(directory: Path) -> bool:
    for name in _DELEGATED:
        with contextlib.suppress(OSError):
            if os.getxattr(directory, name) == b"1":
                return True
    return os.geteuid() != 0 and os.access(directory, os.W_OK)


def _can_be_used(directory: Path) -> bool:
    control = directory / "cgroup.subtree_control"
    try:
        control.write_text(" ".join(f"+{name}" for name in _NEEDED))
        with contextlib.suppress(OSError):  # not delegated: each call keeps to as many whole processors
            control.write_text("+cpu")
        remove(make(directory, 1 << 30, 16))
    except OSError:
        return False
    return True


def make(parent: Path, memory_bytes: int, processes: int, processors: float | None = None) -> Path:
    """A new cgroup with its limits: bytes of memory, processes and threads, processors. Raises OSError."""
    made = parent / f"vasini-call-{os.urandom(8).hex()}"
    made.mkdir()
    try:
        (made / "memory.max").write_text(str(memory_bytes))
        (made / "pids.max").write_text(str(processes))
        if (made / "memory.swap.max").exists():
            (made / "memory.swap.max").write_text("0")
        if processors is not None and (made / "cpu.max").exists():
            (made / "cpu.max").write_text(f"{max(1_000, round(processors * _CPU_PERIOD))} {_CPU_PERIOD}")
    except OSError:
        remove(made)
        raise
    return made


def met_limit(cgroup: Path) -> str | None:
    """`memory` or `processes` when the kernel refused or killed something at that limit."""
    for file, key, word in (
        ("memory.events", "oom_kill", "memory"),
        ("pids.events", "max", "processes"),
    ):
        with contextlib.suppress(OSError, ValueError):
            counts = dict(line.split() for line in (cgroup / file).read_text("utf-8").splitlines())
            if int(counts.get(key, "0")) > 0:
                return word
    return None


def remove(cgroup: Path) -> None:
    """Kill what is left in the cgroup and remove it; one that does not get empty in 2 s stays."""
    end = time.monotonic() + _GONE_SECONDS
    with contextlib.suppress(OSError):
        (cgroup / "cgroup.kill").write_text("1")
    while time.monotonic() < end:
        try:
            cgroup.rmdir()
        except FileNotFoundError:
            return
        except OSError:  # not empty yet
            time.sleep(0.005)
        else:
            return
