"""`vasini` without its start-up time: each command is a process of its own, forked from a warm one.

Reads orders from a line, one JSON object each (`argv`, `cwd`, `env`, and files for `stdin`, `stdout`,
`stderr`), and answers each with the exit status of its process. With a pipe `ended` it answers with the
process id at once, and writes the exit status there later; a `terminal` takes the place of the files.
"""

from __future__ import annotations

import fcntl
import gc
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import termios
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, redirect_stdout, suppress
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from tests.permissions import bind_permissions
from tests.system.warm_process import connect

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Mapping, Sequence

_LONGEST_SECONDS = 60
_PERFORMED = (("run", "hello/hello", "--wait"), ("runs",), ("packs",), ("approvals",))


class WarmCommand:
    """The client's end."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line.makefile("rwb")
        self._one_at_a_time = threading.Lock()

    def run(
        self,
        argv: tuple[str, ...],
        cwd: Path,
        env: Mapping[str, str],
        files: Mapping[str, Path],
        *,
        permissions_bind: bool,
    ) -> int:
        """Perform one command line; its exit status."""
        order: dict[str, Any] = {"argv": argv, "cwd": str(cwd), "env": env}
        order |= {key: str(file) for key, file in files.items()}
        return self._answer({**order, "permissions_bind": permissions_bind})

    def on_terminal(
        self, argv: Sequence[str | Path], terminal: int, cwd: Path, env: Mapping[str, str]
    ) -> WarmConsole:
        """`vasini` with the rest of `argv`, on a terminal that becomes its controlling one."""
        order = {"argv": tuple(map(str, argv[1:])), "cwd": str(cwd), "env": dict(env)}
        return WarmConsole(*self._watched({**order, "terminal": os.ttyname(terminal)}))

    def beside(self, argv: Sequence[str], cwd: Path, env: Mapping[str, str]) -> WarmProcess:
        """`vasini` that goes on beside the test, which reads what it writes and has to end it."""
        with tempfile.TemporaryDirectory() as place:
            written = {name: Path(place, name) for name in ("stdout", "stderr")}
            for pipe in written.values():
                os.mkfifo(pipe)
            out, err = (os.open(pipe, os.O_RDONLY | os.O_NONBLOCK) for pipe in written.values())
            files = {"stdin": os.devnull, **{name: str(pipe) for name, pipe in written.items()}}
            pid, status = self._watched({"argv": argv, "cwd": str(cwd), "env": dict(env), **files})
        for end in (out, err):
            os.set_blocking(end, True)
        return WarmProcess(pid, status, os.fdopen(out, "rb"), os.fdopen(err, "rb"))

    def _watched(self, order: dict[str, Any]) -> tuple[int, int]:
        """The process, and where its exit status will be told."""
        with tempfile.TemporaryDirectory() as place:
            ended = Path(place, "ended")
            os.mkfifo(ended)
            status = os.open(ended, os.O_RDONLY | os.O_NONBLOCK)
            return self._answer({**order, "ended": str(ended)}), status

    def _answer(self, order: dict[str, Any]) -> int:
        with self._one_at_a_time:
            self._line.write(json.dumps(order).encode() + b"\n")
            self._line.flush()
            return int(self._line.readline())

    def close(self) -> None:
        """The process ends."""
        self._line.close()


class WarmConsole:
    """A process that is the child of another one: what `subprocess.Popen` is to our own."""

    def __init__(self, pid: int, status: int) -> None:
        self.pid = pid
        self._status = status
        self._ended: int | None = None

    def poll(self) -> int | None:
        """The exit status (negative: the signal it died of), None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self._ended

    def wait(self, timeout: float | None = None) -> int:
        """The exit status. Raises TimeoutExpired."""
        if self._ended is None:
            if not select.select([self._status], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("vasini", timeout or 0)
            self._ended = int(os.read(self._status, 16))
            os.close(self._status)
        return self._ended

    def send_signal(self, number: int) -> None:
        """To a process that runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


class WarmProcess(WarmConsole):
    """One without a terminal, whose output is read through pipes."""

    def __init__(self, pid: int, status: int, out: BinaryIO, err: BinaryIO) -> None:
        super().__init__(pid, status)
        self.stdout = out
        self._stderr = err

    @property
    def returncode(self) -> int | None:
        """As `subprocess.Popen` has it."""
        return self.poll()

    def communicate(self, timeout: float | None = None) -> tuple[bytes, bytes]:
        """What it still wrote, once it has ended. Raises TimeoutExpired."""
        if self.stdout.closed:
            return b"", b""
        with self.stdout, self._stderr, ThreadPoolExecutor() as reading:
            texts = [reading.submit(file.read) for file in (self.stdout, self._stderr)]
            try:
                self.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
            out, err = (text.result() for text in texts)
            return out, err


@contextmanager
def warm_command() -> Iterator[WarmCommand]:
    """A warm process; it is gone afterwards."""
    with connect("commands") as line, closing(WarmCommand(line)) as command:
        yield command


def serve() -> None:
    """Perform commands on order until stdin ends."""
    main = import_module("vasini_tui.__main__").main
    for order in map(json.loads, sys.stdin.buffer):
        answer = _watched(main, order) if "ended" in order else _awaited(main, order)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


def _awaited(main: Any, order: dict[str, Any]) -> int:
    """The exit status of a command."""
    pid = os.fork()
    if pid == 0:
        signal.alarm(_LONGEST_SECONDS)  # a command that hangs ends its test, not the test run
        if order["permissions_bind"]:
            bind_permissions()
        _open_files(order)
        os._exit(_perform(main, order))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _watched(main: Any, order: dict[str, Any]) -> int:
    """The id of a process that goes on; one between it and this one tells how it ended."""
    told, tell = os.pipe()
    ended = os.open(order["ended"], os.O_WRONLY)
    watching = os.fork()
    if watching == 0:
        if os.fork() != 0:
            os._exit(0)  # so nobody has to reap the one that watches
        if "terminal" not in order:
            _open_files(order)  # before anybody is told, who takes their names away then
        pid = os.fork()
        if pid == 0:
            for file in (told, tell, ended):
                os.close(file)
            if "terminal" in order:
                _take_terminal(order["terminal"])
            os._exit(_perform(main, order))
        os.write(tell, str(pid).encode())
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with suppress(BrokenPipeError):  # whoever asked has ended before it
            os.write(ended, str(status).encode())
        os._exit(0)
    os.waitpid(watching, 0)
    for file in (tell, ended):
        os.close(file)
    pid = int(os.read(told, 16))
    os.close(told)
    return pid


def _take_terminal(name: str) -> None:
    os.setsid()
    terminal = os.open(name, os.O_RDWR)
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    for number in range(3):
        _become(number, os.dup(terminal))
    os.close(terminal)
    gc.disable()  # as the way in leaves it for the console


def _open_files(order: dict[str, Any]) -> None:
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        _become(number, os.open(order[name], flags, 0o600))


def _become(number: int, file: int) -> None:
    os.dup2(file, number)
    os.close(file)


def learn() -> None:
    """Perform commands: models are built and shipped templates compiled, once for all."""
    main = import_module("vasini_tui.__main__").main
    before = dict(os.environ)
    with tempfile.TemporaryDirectory() as home, redirect_stdout(StringIO()):
        os.environ["VASINI_HOME"] = home
        for words in _PERFORMED:
            main([*words, "--json"])
    os.environ.clear()
    os.environ.update(before)


def _perform(main: Any, order: dict[str, Any]) -> int:
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    tempfile.tempdir = None  # by the environment
    for number, name in enumerate(("stdin", "stdout", "stderr")):  # as they are where a command begins
        tty = os.isatty(number)
        stream = open(number, "w" if number else "r", 1 if tty or number == 2 else -1, "utf-8", closefd=False)  # noqa: SIM115
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    try:
        status = int(main(order["argv"]))
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:  # noqa: BLE001 - the edge of a forked process, which must not go on
        traceback.print_exc()
        status = 1
    return status
