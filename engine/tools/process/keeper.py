"""Stands over one call: a process that starts the work below itself and ends all of it.

The keeper is a subreaper: what the work leaves behind, also a process that called setsid, becomes the
keeper's child and is killed before the keeper ends. It counts what lives below it where no cgroup does,
and when its worker dies it ends everything at once. Imports the standard library only.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from engine.tools.process import cgroup

if TYPE_CHECKING:
    from collections.abc import Iterator

REPORT_VARIABLE = "KEEPER_REPORT_FD"
END_NOW = signal.SIGUSR1
"""What tells a keeper to kill everything; the kernel sends it when the worker dies."""

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_WAITED_FOR = (signal.SIGCHLD, signal.SIGTERM, END_NOW)
_COUNT_SECONDS = 0.05
_GONE_SECONDS = 3.0
_PROC = Path("/proc")
_KERNEL_LISTS_CHILDREN = (_PROC / "self" / "task" / str(os.getpid()) / "children").exists()


def keep(settings: dict[str, Any]) -> int:
    """Fork: the child gets the keeper's process id and goes on with the work; the parent never returns.

    `settings`: parent (the worker's process id), processes (how many processes and threads may live at
    once), cgroup (a directory that holds the work and counts for us, or ""). The keeper ends as the work
    ended. Raises OSError.
    """
    report = int(os.environ.pop(REPORT_VARIABLE))
    os.set_inheritable(report, False)
    signal.pthread_sigmask(signal.SIG_BLOCK, _WAITED_FOR)
    set_process_option(_PR_SET_CHILD_SUBREAPER, 1)
    die_with(settings["parent"], END_NOW)
    keeper = os.getpid()
    child = os.fork()
    if child != 0:
        _stand_over(child, 0 if settings["cgroup"] else settings["processes"], report)
    os.close(report)
    if settings["cgroup"]:
        cgroup.join(Path(settings["cgroup"]))
    os.setsid()  # a `kill 0` of the work does not reach the keeper
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _WAITED_FOR)
    return keeper


def die_with(parent: int, number: signal.Signals) -> None:
    """Have the kernel send `number` to this process when its parent ends. Raises OSError."""
    set_process_option(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:  # it died before the signal was set
        os.kill(os.getpid(), signal.SIGKILL)


def set_process_option(option: int, value: int) -> None:
    """prctl. Raises OSError."""
    if ctypes.CDLL(None, use_errno=True).prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl failed")


def _stand_over(child: int, most: int, report: int) -> NoReturn:
    status: int | None = None
    while status is None:
        received = signal.sigtimedwait(_WAITED_FOR, _COUNT_SECONDS if most else 3600)
        if received is not None and received.si_signo == END_NOW:
            break
        if received is not None and received.si_signo == signal.SIGTERM:
            for pid, _ in _below(os.getpid()):
                _send(pid, signal.SIGTERM)
        status = _reaped(child)
        if status is None and most:
            living = sum(threads for _, threads in _below(os.getpid()))
            if living > most:
                os.write(report, json.dumps({"ended_by": "processes"}).encode())
                break
    _end_all()
    _end_as(status)


def _reaped(child: int) -> int | None:
    """Take in every process that ended; the status of `child` when it is among them."""
    found = None
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            if pid == child:
                found = status
    return found


def _end_all() -> None:
    """Kill until nothing is left: each orphan becomes a child of ours, so the last wait tells it."""
    end = time.monotonic() + _GONE_SECONDS
    while time.monotonic() < end:
        for number in (signal.SIGSTOP, signal.SIGKILL):  # stopped first: what is stopped cannot fork
            for pid, _ in _below(os.getpid()):
                _send(pid, number)
        try:
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
        except ChildProcessError:
            return
        time.sleep(0.002)


def _end_as(status: int | None) -> NoReturn:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    number = signal.SIGKILL if status is None else os.WTERMSIG(status)
    if status is None or os.WIFSIGNALED(status):
        with contextlib.suppress(OSError, ValueError):  # SIGKILL and SIGSTOP cannot be handled
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signal.valid_signals())
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(status) if status is not None else 1)


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _below(root: int) -> Iterator[tuple[int, int]]:
    """Process id and number of threads of everything below `root`, parents first."""
    waiting = [*_children(root)]
    while waiting:
        pid = waiting.pop()
        children = [*_children(pid)]
        try:
            threads = len(os.listdir(_PROC / str(pid) / "task"))  # noqa: PTH208 - names only, many times a second
        except OSError:
            continue
        yield pid, threads
        waiting += children


def _children(pid: int) -> Iterator[int]:
    try:
        if not _KERNEL_LISTS_CHILDREN:
            yield from _children_by_parent(pid)
            return
        tasks = os.listdir(_PROC / str(pid) / "task")  # noqa: PTH208
        for task in tasks:
            yield from map(int, (_PROC / str(pid) / "task" / task / "children").read_bytes().split())
    except OSError:  # it ended meanwhile
        return


def _children_by_parent(pid: int) -> Iterator[int]:
    """For kernels without CONFIG_PROC_CHILDREN: looks at every process."""
    for name in os.listdir(_PROC):  # noqa: PTH208
        with contextlib.suppress(OSError, ValueError, IndexError):
            # after the name in parentheses, which may hold anything: state, parent
            parent = (_PROC / name / "stat").read_bytes().rpartition(b")")[2].split()[1]
            if int(parent) == pid:
                yield int(name)
