"""One process for a whole test run, from which those that tests start often are forked: it loads once.

tests/conftest.py has it started where the run begins, and every worker of pytest-xdist finds it by an
environment variable; without pytest whoever asks first starts it. It loads nothing until somebody asks.
Each connection is served by a fork of it, by one of the modules of `SERVED`.
"""

from __future__ import annotations

import atexit
import gc
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import TYPE_CHECKING

from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable

SERVED = {
    "commands": "tests.system.warm_command",
    "own disk": "tests.system.own_disk",
    "workers": "tests.system.faulty_worker",
}
"""What is asked for -> a module with `learn`, once for all, and `serve`, which takes orders from stdin and
answers on stdout until stdin ends."""
_ADDRESS = "WARM_PROCESS"
_ROOMS = ("engine", "screens", "vasini_tui")
_ROOT = Path(__file__).parents[2]


def start() -> Callable[[], None]:
    """Start it, for this process and all that it starts from now on; the result ends it."""
    place = tempfile.TemporaryDirectory()
    address = str(Path(place.name, "socket"))
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        number = listening.fileno()
        command = [sys.executable, "-m", "tests.system.warm_process", str(number)]
        process = subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, pass_fds=(number,))
    os.environ[_ADDRESS] = address

    def end() -> None:
        os.environ.pop(_ADDRESS, None)
        with process, place:
            assert process.stdin is not None
            process.stdin.close()

    return end


def connect(served: str) -> socket.socket:
    """A line to a process that serves one of `SERVED`; it ends with the line."""
    if _ADDRESS not in os.environ:
        atexit.register(start())
    line = socket.socket(socket.AF_UNIX)
    line.connect(os.environ[_ADDRESS])
    line.sendall(f"{served}\n".encode())
    return line


def _load() -> None:
    for room in _ROOMS:
        for found in walk_packages(import_module(room).__path__, f"{room}."):
            if not found.name.endswith("__main__"):
                import_module(found.name)
    for module in SERVED.values():
        import_module(module).learn()
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(PATIENCE)  # it has been told to end, and may not have come to it yet
    assert threading.active_count() == 1, threading.enumerate()  # one with threads must not be forked
    gc.freeze()  # what is shared with every fork is not looked through, and so not copied


def _main(listening: socket.socket) -> None:
    """Serve every connection until stdin ends, which whoever started this does at the latest by ending."""
    loaded = False
    while 0 not in select.select([0, listening.fileno()], [], [])[0]:
        line, _ = listening.accept()
        if not loaded:
            _load()
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that serve
            loaded = True
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listening.close()
            _serve(line)
            os._exit(0)
        line.close()


def _serve(line: socket.socket) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # below nohup it is ignored, which programs take over
    for number in (0, 1):
        os.dup2(line.fileno(), number)
    line.close()
    served = b""
    while not served.endswith(b"\n"):  # and not a letter more: the orders come behind it
        served += os.read(0, 1)
    import_module(SERVED[served.decode().strip()]).serve()


if __name__ == "__main__":
    _main(socket.socket(fileno=int(sys.argv[1])))
