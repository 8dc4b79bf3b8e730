"""Starts worker processes (tests.system.faulty_worker) and tells how they ended."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Fault = tuple[str, str, int]
KILLED = -signal.SIGKILL
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class WorkerProcess:
    """A worker; `ended` holds its exit status (negative: the signal it died of)."""

    pid: int
    ended: asyncio.Future[int]

    async def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        if not self.ended.done():
            os.kill(self.pid, signal.SIGKILL)
        await self.ended

    async def drain(self) -> int:
        """Stop in good order; the exit status."""
        if not self.ended.done():
            os.kill(self.pid, signal.SIGTERM)
        return await self.ended


class Nursery:
    """One warm process from which workers are forked."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._numbers = count()
        self._starting: dict[int, asyncio.Future[WorkerProcess]] = {}
        self._working: dict[int, asyncio.Future[int]] = {}

    async def start(
        self, home: Path, fault: Fault | None = None, *, role: str | None = None
    ) -> WorkerProcess:
        """A new worker on `home`."""
        number = next(self._numbers)
        started: asyncio.Future[WorkerProcess] = asyncio.get_running_loop().create_future()
        self._starting[number] = started
        order = {"start": number, "home": str(home), "fault": fault, "role": role}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        return await started

    async def listen(self) -> None:
        """Take in what the warm process tells, until it ends."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            news = json.loads(line)
            if "start" in news:
                ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
                self._working[news["pid"]] = ended
                self._starting.pop(news["start"]).set_result(WorkerProcess(news["pid"], ended))
            else:
                self._working.pop(news["pid"]).set_result(news["status"])


@asynccontextmanager
async def open_nursery() -> AsyncIterator[Nursery]:
    """A nursery; leaving it kills every worker that is left."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.system.faulty_worker",
        cwd=_ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    nursery = Nursery(process)
    listening = asyncio.create_task(nursery.listen())
    try:
        yield nursery
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await listening
        await process.wait()
