"""Starts worker processes (tests.system.faulty_worker) and tells how they ended."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import count
from typing import IO, TYPE_CHECKING, Any

from tests.system.warm_process import connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

Fault = tuple[str, str, int]
KILLED = -signal.SIGKILL


@dataclass(frozen=True)
class WorkerProcess:
    """A worker; `ended` holds its exit status (negative: the signal it died of)."""

    pid: int
    ended: asyncio.Future[int]

    async def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        self._signal(signal.SIGKILL)
        await self.ended

    async def drain(self) -> int:
        """Stop in good order; the exit status."""
        self._signal(signal.SIGTERM)
        return await self.ended

    def _signal(self, number: signal.Signals) -> None:
        if not self.ended.done():
            with suppress(ProcessLookupError):  # it has ended, and the news of that are on their way
                os.kill(self.pid, number)


class Nursery:
    """Orders workers of the warm process from which they are forked, for one test."""

    def __init__(self, orders: IO[bytes]) -> None:
        self._orders = orders
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
        self.order({"start": number, "home": str(home), "fault": fault, "role": role})
        return await started

    def order(self, order: dict[str, Any]) -> None:
        """Write one order; the pipe holds more than a test ever gives."""
        self._orders.write(json.dumps(order).encode() + b"\n")
        self._orders.flush()

    async def listen(self, told: asyncio.StreamReader) -> None:
        """Take in what the warm process tells, until no worker is left."""
        async for line in told:
            news = json.loads(line)
            if "end" in news:
                return
            if "start" in news:
                ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
                self._working[news["pid"]] = ended
                self._starting.pop(news["start"]).set_result(WorkerProcess(news["pid"], ended))
            else:
                self._working.pop(news["pid"]).set_result(news["status"])
        gone = EOFError("the process that workers are forked from has ended")
        for worker in self._starting.values():
            worker.set_exception(gone)
        for end in self._working.values():
            end.set_exception(gone)


@asynccontextmanager
async def open_nursery() -> AsyncIterator[Nursery]:
    """A nursery; leaving it kills every worker that is left."""
    told = asyncio.StreamReader()
    with connect("workers") as line, line.makefile("wb") as orders:
        reading, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(told), os.fdopen(os.dup(line.fileno()), "rb", 0)
        )
        nursery = Nursery(orders)
        listening = asyncio.create_task(nursery.listen(told))
        try:
            yield nursery
        finally:
            nursery.order({"end": True})
            await listening
            reading.close()
