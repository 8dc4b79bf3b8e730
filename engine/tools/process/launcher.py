"""Sets a new process' limits, then becomes the command: `python -I -S launcher.py SETTINGS COMMAND ...`.

A program of its own, because Python code between fork and exec (`preexec_fn`) is not safe in a process
with threads. The session (and so the process group) is made by the caller's fork. Imports the standard
library only.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CANNOT_EXECUTE = 126


def confine(settings: dict[str, int]) -> None:
    """Limit this process and all it will start.

    `settings`: parent (process id), memory_bytes, cpu_seconds, open_files. RLIMIT_NPROC is left alone:
    it counts all processes of the user, not those of this call. Raises OSError, ValueError.
    """
    _die_with(settings["parent"])
    for kind, value in (
        (resource.RLIMIT_AS, settings["memory_bytes"]),
        (resource.RLIMIT_CPU, settings["cpu_seconds"]),
        (resource.RLIMIT_NOFILE, settings["open_files"]),
        (resource.RLIMIT_CORE, 0),
    ):
        _, ceiling = resource.getrlimit(kind)
        limit = value if ceiling == resource.RLIM_INFINITY else min(value, ceiling)
        resource.setrlimit(kind, (limit, limit))


def _die_with(parent: int) -> None:
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    for option, value in ((_PR_SET_PDEATHSIG, signal.SIGKILL), (_PR_SET_NO_NEW_PRIVS, 1)):
        if prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl failed")
    if os.getppid() != parent:  # it died before the signal was set
        os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Confine this process and replace it with the command."""
    command = sys.argv[2:]
    try:
        confine(json.loads(sys.argv[1]))
        os.execv(command[0], command)  # noqa: S606 - no shell on purpose
    except (OSError, ValueError) as error:
        sys.stderr.write(f"cannot start {command[0]}: {error}\n")
        sys.exit(_CANNOT_EXECUTE)


if __name__ == "__main__":
    main()
