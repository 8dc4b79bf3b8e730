"""Workers of pytest-xdist are forked from one process that has loaded pytest and the tests, once for all.

pytest-xdist starts a program for each worker; that is `stand_in.py` here, which hands its streams to a fork
and ends when that does.
"""

from __future__ import annotations

import gc
import os
import select
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import warnings
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from _pytest.config import _prepareconfig

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_ROOT = Path(__file__).parents[1]
_STAND_IN = Path(__file__).with_name("stand_in.py")


def start(arguments: Sequence[str], specs: Sequence[Any]) -> Callable[[], None]:
    """Have the workers of these execnet specs forked; `arguments` are pytest's. The result ends it."""
    place = tempfile.TemporaryDirectory()
    address = str(Path(place.name, "socket"))
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        number = listening.fileno()
        command = [sys.executable, "-m", "tests.forked_workers", str(number), *arguments]
        process = subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, pass_fds=(number,))
    for spec in specs:
        spec.python = shlex.join([sys.executable, "-I", "-S", str(_STAND_IN), address])

    def end() -> None:
        with process, place:
            assert process.stdin is not None
            process.stdin.close()

    return end


def _load(arguments: Sequence[str]) -> None:
    """Everything that a worker would load to gather its tests, as pytest loads it."""
    config = _prepareconfig(["--capture=no", *arguments])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for place in (Path(name.partition("::")[0]).absolute() for name in config.args):
            for file in sorted(place.rglob("test_*.py")) if place.is_dir() else (place,):
                with suppress(Exception):  # what is wrong with it is told where its tests are gathered
                    import_module(".".join(file.relative_to(config.rootpath).with_suffix("").parts))
    with warnings.catch_warnings(action="ignore"):  # it is early on purpose
        # Hypothesis reads what numbers and texts stand in our sources.
        import_module("hypothesis.internal.conjecture.providers")._get_local_constants()
    assert threading.active_count() == 1, threading.enumerate()  # one with threads must not be forked
    gc.freeze()  # what is shared with every fork is not looked through, and so not copied


def _main(listening: socket.socket, arguments: Sequence[str]) -> None:
    """Fork a worker for every connection until stdin ends, which whoever started this does by ending."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal, meant for the workers
    gc.disable()
    _load(arguments)
    gc.enable()
    workers: list[int] = []
    while 0 not in select.select([0, listening.fileno()], [], [])[0]:
        line, _ = listening.accept()
        workers.append(os.fork())
        if workers[-1] == 0:
            listening.close()
            _work(line)
            return
        line.close()
    for worker in workers:
        os.kill(worker, signal.SIGKILL)  # one that has not ended by now does not
        os.waitpid(worker, 0)


def _work(line: socket.socket) -> None:
    """Be what the program on the other end stands in for; the line ends with this process."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, stream in enumerate(socket.recv_fds(line, 1, 3)[1]):
        os.dup2(stream, number)
        os.close(stream)
    sys.argv = ["-c"]
    sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)  # noqa: SIM115
    exec(eval(sys.stdin.readline()), {})  # as execnet lets a program of its own begin


if __name__ == "__main__":
    _main(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:])
