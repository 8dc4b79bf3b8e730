"""Which of the operator's limits ended a process, or may have, in words that name the setting."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

from engine.tools.process import cgroup

if TYPE_CHECKING:
    from engine.tools.context import ToolLimits

_MIB = 1024 * 1024
_NO_MEMORY = re.compile(
    r"MemoryError|OutOfMemory|out of memory|cannot allocate memory|could not (?:reserve|allocate)|bad_alloc|"
    r"insufficient memory|failed to (?:allocate|reserve|map)|allocation failed|memory exhausted",
    re.IGNORECASE,
)
_NO_FILES = re.compile(r"too many open files|EMFILE", re.IGNORECASE)
_NO_PROCESSES = re.compile(
    r"\bfork\b.*temporarily unavailable|unable to create (?:native )?thread", re.IGNORECASE
)


def met_limit(returncode: int, ended_by: str | None, words: str, limits: ToolLimits) -> str | None:
    """`ended_by` is what the keeper or the cgroup said, `words` what the process printed at its end."""
    if returncode == 0 and ended_by is None:
        return None
    together = cgroup.place() is not None
    memory = (
        f"{limits.memory_from}: {limits.memory_bytes // _MIB} MiB {'a call' if together else 'a process'}"
    )
    processes = f"tools.processes: {limits.processes} processes and threads at once"
    if ended_by == "processes" and returncode != 0:
        return f"it met the limit {processes}"
    if ended_by == "memory" and returncode != 0:
        return f"it met the limit {memory}"
    if returncode in {-signal.SIGXCPU, 128 + signal.SIGXCPU}:  # the latter from inside a sandbox
        return f"it met the limit {limits.cpu_from}: {limits.cpu_seconds} s of processor time"
    for pattern, limit in (
        (_NO_MEMORY, memory),
        (_NO_PROCESSES, processes),
        (_NO_FILES, f"tools.open_files: {limits.open_files}"),
    ):
        if returncode != 0 and pattern.search(words):
            return f"it may have met the limit {limit}"
    return None
