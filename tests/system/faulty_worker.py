"""Worker processes for tests, forked from one warm process: a real process in milliseconds.

Reads orders from a line, one JSON object each: `{"start": 1, "home": ..., "fault": [point, step type, nth]}`
(or `"fault": null`), and writes `{"start": 1, "pid": ...}` and, when that process ended, `{"pid", "status"}`.
After `{"end": true}` no worker is left, which it tells with `{"end": true}` in its turn.
A worker with a fault kills itself, as `kill -9` does, when it reaches the point for the nth time; with
`stop:` before the point it stands still there until somebody continues it.
Without one it writes down every point it reaches. With a `role` it is one of tests.system.chaos.chaos_roles.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import select
import signal
import sys
import traceback
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from engine.runtime.embedded.engine import open_engine
from tests.system.chaos import chaos_roles
from tests.system.drill import config, make_home, registry
from tests.system.kills.spenders import spend
from tests.system.terminals.person import person_at

if TYPE_CHECKING:
    from engine.runtime.worker.sessions.faults import Faults


class KillAt:
    """Kills or stops this process when a point is reached for the nth time with a step type."""

    def __init__(self, point: str, step_type: str, nth: int) -> None:
        self._wanted = (point.removeprefix("stop:"), step_type)
        self._signal = signal.SIGSTOP if point.startswith("stop:") else signal.SIGKILL
        self._left = nth

    def reach(self, point: str, step_type: str) -> None:
        """See `engine.runtime.worker.sessions.faults`."""
        if (point, step_type) == self._wanted:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), self._signal)


class Record:
    """Writes down what is reached."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def reach(self, point: str, step_type: str) -> None:
        """See `engine.runtime.worker.sessions.faults`."""
        with self._file.open("a") as stream:
            stream.write(f"{point} {step_type}\n")


def reached(home: Path) -> list[tuple[str, str]]:
    """The points and step types that a worker without a fault went through."""
    lines = (home / "reached.txt").read_text().splitlines()
    return [(point, step_type) for point, step_type in map(str.split, lines)]


async def _work(home: Path, faults: Faults) -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    async with (
        open_engine(config(home), registry=registry(home), faults=faults) as engine,
        engine.work(slots=16),
    ):
        await stopped.wait()


def _worker(order: dict[str, Any]) -> int:
    """The forked process; its exit status."""
    home = Path(order["home"])
    log = os.open(home / "worker.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream, file in ((0, nothing), (1, nothing), (2, log)):
        os.dup2(file, stream)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(process)d %(message)s", force=True)
    faults: Faults = KillAt(*order["fault"]) if order["fault"] else Record(home / "reached.txt")
    roles = {
        "worker": chaos_roles.work,
        "decider": chaos_roles.decide,
        "steerer": chaos_roles.steer,
        "spender": spend,
    }
    try:
        asyncio.run(roles[order["role"]](home) if order["role"] else _work(home, faults))
    except BaseException:  # noqa: BLE001 - the edge of a forked process, which must not go on
        traceback.print_exc()
        return 1
    return 0


def learn() -> None:
    """Work one run: what the engine loads and makes when it first needs it is there, once for all."""
    with TemporaryDirectory() as home:
        asyncio.run(_work_a_run(make_home(Path(home))))


async def _work_a_run(home: Path) -> None:
    async with (
        open_engine(config(home), registry=registry(home)) as engine,
        engine.work(),
        person_at(home) as person,
    ):
        await person.start("outside")  # more is loaded for it than for any other
        await person.operate()


def serve() -> None:
    """Fork workers on order until stdin ends; then none of them is left."""
    ended, wake = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(ended, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    running: set[int] = set()
    pending = b""
    while True:
        readable, _, _ = select.select([0, ended], [], [])
        if ended in readable:
            os.read(ended, 512)
        if 0 in readable:
            chunk = os.read(0, 65_536)
            if not chunk:
                break
            *lines, pending = (pending + chunk).split(b"\n")
            for order in map(json.loads, lines):
                if "end" in order:
                    _end(running)
                else:
                    running.add(_fork(order, ended, wake))
        while running and (gone := os.waitpid(-1, os.WNOHANG))[0]:
            running.discard(gone[0])
            _tell({"pid": gone[0], "status": os.waitstatus_to_exitcode(gone[1])})
    _kill(running)  # nobody listens any more


def _end(running: set[int]) -> None:
    for pid, status in _kill(running):
        _tell({"pid": pid, "status": status})
    _tell({"end": True})


def _kill(running: set[int]) -> list[tuple[int, int]]:
    """Kill what is left: process ids and how they ended."""
    ended = []
    for pid in running:
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        ended.append((pid, os.waitstatus_to_exitcode(status)))
    running.clear()
    return ended


def _fork(order: dict[str, Any], *inherited: int) -> int:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # a worker told to stop too early stops later
    pid = os.fork()
    if pid == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for file in inherited:
            os.close(file)
        os._exit(_worker(order))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    _tell({"start": order["start"], "pid": pid})
    return pid


def _tell(news: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(news) + "\n")
    sys.stdout.flush()
