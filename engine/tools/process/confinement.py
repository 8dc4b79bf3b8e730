"""The limits of a call, set in its own process below its keeper. Imports the standard library only."""

from __future__ import annotations

import resource
import signal
from typing import Any

from engine.tools.process.keeper import die_with, keep, set_process_option

_PR_SET_NO_NEW_PRIVS = 38


def confine(settings: dict[str, Any]) -> None:
    """Go on in a process below a keeper, limited with all it will start.

    `settings`: those of `keep`, and memory_bytes, cpu_seconds, open_files. Memory is limited by the
    cgroup when there is one, else the writable memory of each process is (RLIMIT_DATA; RLIMIT_AS would
    count what is only reserved, and programs that reserve much, as java does, could not start).
    Raises OSError, ValueError.
    """
    keeper = keep(settings)
    die_with(keeper, signal.SIGKILL)
    set_process_option(_PR_SET_NO_NEW_PRIVS, 1)
    limits = [
        (resource.RLIMIT_CPU, settings["cpu_seconds"], 1),
        (resource.RLIMIT_NOFILE, settings["open_files"], 0),
        (resource.RLIMIT_CORE, 0, 0),
    ]
    if not settings["cgroup"]:
        limits.append((resource.RLIMIT_DATA, settings["memory_bytes"], 0))
    for kind, value, beyond in limits:
        _, ceiling = resource.getrlimit(kind)
        soft, hard = value, value + beyond
        if ceiling != resource.RLIM_INFINITY:
            soft, hard = min(soft, ceiling), min(hard, ceiling)
        resource.setrlimit(kind, (soft, hard))
