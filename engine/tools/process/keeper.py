"""Stands over one call: `start_keeper.py SETTINGS COMMAND ...`, or `confine` in a program of ours.

The keeper is a subreaper: what the work leaves behind, also a process that called setsid, becomes the
keeper's child and is killed before the keeper ends. It counts what lives below it where no cgroup does,
and when its worker dies it ends everything at once.

A process of its own, because Python code between fork and exec (`preexec_fn`) is not safe in a process
with threads. It starts with every call, so it imports the interpreter's own C modules alone: what `signal`
and `ctypes` put around them costs as much as the rest of its start.
"""

from __future__ import annotations

import _ctypes
import os
import resource
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Iterator, Mapping
    from typing import NoReturn
else:
    import _signal as signal

REPORT_VARIABLE = "KEEPER_REPORT_FD"
"""Names the descriptor where the keeper says at which limit it ended the work."""
END_NOW = signal.SIGUSR1
"""What tells a keeper to kill everything; the kernel sends it when the worker dies."""

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_KEYCTL = {"x86_64": 250, "aarch64": 219}
_JOIN_SESSION_KEYRING = 1
_CANNOT_EXECUTE = 126
_WAITED_FOR = (signal.SIGCHLD, signal.SIGTERM, END_NOW)
_COUNT_SECONDS = (0.05, 0.2)  # while their number changes; while it rests
_GONE_SECONDS = 30.0
_KERNEL_LISTS_CHILDREN = os.path.exists(f"/proc/self/task/{os.getpid()}/children")


def confine(settings: Mapping[str, str]) -> None:
    """Go on in a process below a keeper, limited with all it will start; the caller's process keeps it.

    `settings`: parent (the worker's process id), processes and threads at once, memory_bytes,
    cpu_seconds, open_files, processors (numbers of those it keeps to, or "" for all), cgroup (a directory
    whose limits take the place of processes and memory, or ""), spare_first (1: the first process only stands
    around the work, and is not asked to end: the work would have no time to).
    Without a cgroup the writable memory of each process is limited (RLIMIT_DATA): RLIMIT_AS would count
    what is only reserved, and programs that reserve much, as java does, could not start. The keeper
    ends as the work ended. Raises OSError, ValueError.
    """
    report = int(os.environ.pop(REPORT_VARIABLE))
    os.set_inheritable(report, False)
    signal.pthread_sigmask(signal.SIG_BLOCK, _WAITED_FOR)
    _set(_PR_SET_CHILD_SUBREAPER, 1)
    _die_with(int(settings["parent"]), END_NOW)
    keeper = os.getpid()
    child = os.fork()
    if child != 0:
        spared = child if settings["spare_first"] == "1" else 0
        _stand_over(child, 0 if settings["cgroup"] else int(settings["processes"]), report, spared)
    os.close(report)
    _die_with(keeper, signal.SIGKILL)
    os.setsid()  # a `kill 0` of the work does not reach the keeper
    _limit(settings)
    _leave_keyring()
    _set(_PR_SET_NO_NEW_PRIVS, 1)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _WAITED_FOR)


def read_settings(text: str) -> dict[str, str]:
    """The settings as they stand in an argument: one `name=value` a line."""
    return dict(line.split("=", 1) for line in text.splitlines())


def _limit(settings: Mapping[str, str]) -> None:
    cpu_seconds, open_files = int(settings["cpu_seconds"]), int(settings["open_files"])
    limits = [
        # the signal of the soft limit tells what was met; the hard one kills who goes on
        (resource.RLIMIT_CPU, cpu_seconds, cpu_seconds + 1),
        (resource.RLIMIT_NOFILE, open_files, open_files),
        (resource.RLIMIT_CORE, 0, 0),
    ]
    if settings["processors"]:
        os.sched_setaffinity(0, map(int, settings["processors"].split(",")))
    if settings["cgroup"]:
        with open(os.path.join(settings["cgroup"], "cgroup.procs"), "w", encoding="ascii") as members:
            members.write(str(os.getpid()))
    else:
        memory_bytes = int(settings["memory_bytes"])
        limits.append((resource.RLIMIT_DATA, memory_bytes, memory_bytes))
    for kind, soft, hard in limits:
        _, ceiling = resource.getrlimit(kind)
        most = hard if ceiling == resource.RLIM_INFINITY else min(hard, ceiling)
        resource.setrlimit(kind, (min(soft, most), most))


def _die_with(parent: int, number: signal.Signals) -> None:
    """Have the kernel send `number` to this process when its parent ends."""
    _set(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:  # it died before the signal was set
        os.kill(os.getpid(), signal.SIGKILL)


def _leave_keyring() -> None:
    """Have no part in the kernel's keys of the worker's session, where the kernel keeps any."""
    number = _KEYCTL.get(os.uname().machine)
    if number is not None:
        _call("syscall", number, _JOIN_SESSION_KEYRING, 0)


def _set(option: int, value: int) -> None:
    if _call("prctl", option, value, 0, 0, 0) != 0:
        raise OSError(f"the kernel refused prctl {option}")


def _call(name: str, *numbers: int) -> int:
    """A function of the C library, with small whole numbers."""
    loaded = _ctypes.dlopen(None, 0)  # type: ignore[arg-type]  # None: what the interpreter has loaded
    return int(_ctypes.call_function(_ctypes.dlsym(loaded, name), numbers))


def _stand_over(child: int, most: int, report: int, spared: int) -> NoReturn:
    """Wait for the work, then end what is left, then end as the work did. `most` 0: a cgroup counts.

    `spared` is not asked to end, only told.
    """
    status: int | None = None
    living, pause = 0, _COUNT_SECONDS[0]
    while status is None:
        received = signal.sigtimedwait(_WAITED_FOR, pause if most else 3600)
        if received is not None and received.si_signo == END_NOW:
            break
        if received is not None and received.si_signo == signal.SIGTERM:
            for pid, _ in _below(os.getpid()):
                if pid != spared:
                    _send(pid, signal.SIGTERM)
        status = _reap(child)
        if status is None and most:
            before, living = living, _count(most)
            pause = _COUNT_SECONDS[living == before]
            if living > most:
                os.write(report, b"processes")
                break
    _end_all()
    _end_as(status)


def _count(most: int) -> int:
    """Processes and threads below this one; no further than just above `most`."""
    living = 0
    for _, threads in _below(os.getpid()):
        living += threads
        if living > most:
            break
    return living


def _reap(child: int) -> int | None:
    """Take in every process that ended; the status of `child` when it is among them."""
    found = None
    try:
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return found
            if pid == child:
                found = status
    except ChildProcessError:
        return found


def _end_all() -> None:
    """Kill until nothing is left: each orphan becomes a child of ours, so the last wait tells it.

    Whole groups: the kernel kills one at once, also while its members multiply faster than they are counted.
    """
    _be_urgent()
    end = time.monotonic() + _GONE_SECONDS
    while time.monotonic() < end:
        for number in (signal.SIGSTOP, signal.SIGKILL):  # stopped first: what is stopped cannot fork
            for pid, _ in _below(os.getpid()):
                _kill_group_of(pid)
                _send(pid, number)
        try:
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
        except ChildProcessError:
            return
        time.sleep(0.002)


def _be_urgent() -> None:
    """Before all that is to be killed, where that is allowed: thousands of processes leave no time else."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except OSError:
        return


def _kill_group_of(pid: int) -> None:
    """Kill the group of a process below, which is of its session and so of the work, if it is not our own."""
    try:
        group = os.getpgid(pid)
        if group != os.getpgrp():
            os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def _end_as(status: int | None) -> NoReturn:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if status is not None and os.WIFEXITED(status):
        os._exit(os.WEXITSTATUS(status))
    number = signal.SIGKILL if status is None else os.WTERMSIG(status)
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.kill(os.getpid(), number)
    os._exit(1)


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def _below(root: int) -> Iterator[tuple[int, int]]:
    """Process id and number of threads of everything below `root`, parents first."""
    waiting = [*_children(root)]
    while waiting:
        pid = waiting.pop()
        children = [*_children(pid)]
        try:
            threads = len(os.listdir(f"/proc/{pid}/task"))
        except OSError:  # it ended meanwhile
            continue
        yield pid, threads
        waiting += children


def _children(pid: int) -> Iterator[int]:
    try:
        if not _KERNEL_LISTS_CHILDREN:
            yield from _children_by_parent(pid)
            return
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as children:
                yield from map(int, children.read().split())
    except OSError:
        return


def _children_by_parent(parent: int) -> Iterator[int]:
    """For kernels without CONFIG_PROC_CHILDREN: looks at every process."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", "rb") as stat:
                # after the name in parentheses, which may hold anything: state, parent
                found = stat.read().rpartition(b")")[2].split()[1]
        except (OSError, IndexError):
            continue
        if int(found) == parent:
            yield int(name)


def main() -> None:
    """Confine this process and replace it with the command."""
    command = sys.argv[2:]
    try:
        confine(read_settings(sys.argv[1]))
        os.execv(command[0], command)  # noqa: S606 - no shell on purpose
    except (OSError, ValueError) as error:
        sys.stderr.write(f"cannot start {command[0]}: {error}\n")
        sys.exit(_CANNOT_EXECUTE)
