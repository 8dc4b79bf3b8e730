"""A worker's lease on the runs it holds, and the end of the leases of workers that have died."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import TYPE_CHECKING

from engine.runtime.clock import offset_of
from engine.runtime.processes import boot_id, gone_workers, this_process

if TYPE_CHECKING:
    from engine.journal.port import Journal
    from engine.journal.records import ClockOffset, WorkerRow
    from engine.runtime.clock import Clock


class Heartbeat:
    """Keeps one worker registered. `lease_seconds` after its last beat others may take its runs."""

    def __init__(self, journal: Journal, clock: Clock, worker_id: str, lease_seconds: float) -> None:
        self._journal = journal
        self._clock = clock
        self._worker_id = worker_id
        self._lease_micros = round(lease_seconds * 1_000_000)
        self._process = self._boot_id = ""
        self._expires_at = 0
        self.lapses = 0
        """How often the lease had ended when it was prolonged: others may have taken runs each time."""
        self._others: list[WorkerRow] | None = None
        self._changes = 0

    async def beat(self) -> None:
        """Prolong the lease, and let those of dead processes end. Raises Unavailable."""
        if not self._process:
            self._process, self._boot_id = await asyncio.to_thread(lambda: (this_process(), boot_id()))
        uptime, lapsed = self._clock.uptime(), self.lapsed
        dead = await gone_workers(await self.others())
        await self._journal.heartbeat(
            self._worker_id,
            socket.gethostname(),
            os.getpid(),
            uptime,
            uptime + self._lease_micros,
            process=self._process,
            dead=dead,
            clock=self.clock_offset(),
        )
        if dead:
            self.look_again()
        self._expires_at = uptime + self._lease_micros
        self.lapses += lapsed

    async def renew(self) -> None:
        """Prolong a lease that has ended: others may have taken runs. Raises Unavailable."""
        if self.lapsed:
            await self.beat()

    @property
    def lapsed(self) -> bool:
        """Whether the lease has ended: the process was held up for longer than it lasts."""
        return self._clock.uptime() > self._expires_at

    def clock_offset(self) -> ClockOffset:
        """How the wall clock stands, once there was a beat."""
        return offset_of(self._clock, self._boot_id)

    async def others(self) -> list[WorkerRow]:
        """Other workers whose leases were not ended, as the journal had it when it was looked at last."""
        if self._others is not None:
            return self._others
        changes = self._changes
        rows = await self._journal.workers()
        others = [row for row in rows if row.expires_at >= 0 and row.worker_id != self._worker_id]
        if changes == self._changes:
            self._others = others
        return others

    def look_again(self) -> None:
        """The journal has changed: there may be other workers now."""
        self._others = None
        self._changes += 1
