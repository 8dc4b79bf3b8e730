"""`vasini` without its start-up time: each command is a process of its own, forked from a warm one.

Reads orders from stdin, one JSON object a line (`argv`, `cwd`, `env`, and files for `stdin`, `stdout`,
`stderr`), and answers each with the exit status of its process.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from tests.permissions import bind_permissions
from tests.system.loaded import load_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LONGEST_SECONDS = 60
_PERFORMED = (("run", "hello/hello", "--wait"), ("runs",), ("packs",), ("approvals",))
_ROOMS = ("engine", "vasini_tui.cli")
_ROOT = Path(__file__).parents[2]


class WarmCommand:
    """The client's end."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

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
        order = {"argv": argv, "cwd": str(cwd), "env": env, "permissions_bind": permissions_bind}
        order |= {key: str(file) for key, file in files.items()}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@contextmanager
def warm_command() -> Iterator[WarmCommand]:
    """A warm process; it is gone afterwards."""
    command = [sys.executable, "-m", "tests.system.warm_command"]
    with subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield WarmCommand(process)


def _serve() -> None:
    main = import_module("vasini_tui.__main__").main
    for room in _ROOMS:
        load_all(room)
    _learn(main)
    gc.freeze()  # what is shared with every command is not looked through, and so not copied
    for line in sys.stdin.buffer:
        pid = os.fork()
        if pid == 0:
            os._exit(_perform(main, json.loads(line)))
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _learn(main: Any) -> None:
    """Perform commands: models are built and shipped templates compiled, once for all."""
    before = dict(os.environ)
    with TemporaryDirectory() as home, redirect_stdout(StringIO()):
        os.environ["VASINI_HOME"] = home
        for words in _PERFORMED:
            main([*words, "--json"])
    os.environ.clear()
    os.environ.update(before)
    assert threading.active_count() == 1, "a process with threads must not be forked"


def _perform(main: Any, order: dict[str, Any]) -> int:
    signal.alarm(_LONGEST_SECONDS)  # a command that hangs ends its test, not the test run
    if order["permissions_bind"]:
        bind_permissions()
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        file = os.open(order[name], flags, 0o600)
        os.dup2(file, number)
        os.close(file)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - nothing read before counts
    try:
        status = int(main(order["argv"]))
    except BaseException:  # noqa: BLE001 - the edge of a forked process, which must not go on
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return status


if __name__ == "__main__":
    _serve()
