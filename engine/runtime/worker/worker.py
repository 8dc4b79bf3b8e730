"""A process as a worker: heartbeat, claims, mail for held runs, timers, draining."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from engine.errors import Unavailable
from engine.runtime.clock import new_id
from engine.runtime.failing import Failing
from engine.runtime.processes import gone_workers
from engine.runtime.rounds import NEXT_ROUND, SET_BY
from engine.runtime.worker.heartbeat import Heartbeat
from engine.runtime.worker.held_runs import HeldRuns, retry_seconds

if TYPE_CHECKING:
    from engine.journal.changes import ChangeSet
    from engine.journal.port import Journal
    from engine.runtime.clock import Clock
    from engine.runtime.rounds import Rounds
    from engine.runtime.worker.sessions.opening import Sessions

GIVES_UP_AFTER = 60
"""Times the wait before a new try for which rounds may fail until whoever waits for the worker is told."""


class Worker:
    """Works runs until it is stopped. `slots` bounds the runs held at once."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        sessions: Sessions,
        rounds: Rounds,
        *,
        slots: int,
        lease_seconds: float,
    ) -> None:
        self.worker_id = new_id("wrk")
        self._journal = journal
        self._clock = clock
        self._rounds = rounds
        self._lease_seconds = lease_seconds
        self._retry_seconds = retry_seconds(lease_seconds)
        self._failing = Failing("a round of the worker")
        self._heartbeat = Heartbeat(journal, clock, self.worker_id, lease_seconds)
        self._held = HeldRuns(
            journal,
            clock,
            sessions,
            self.worker_id,
            slots,
            lease_seconds=lease_seconds,
            renew=self._heartbeat.renew,
            changed=self._wake_up,
        )
        self._wake = asyncio.Event()
        self._quiet = asyncio.Event()
        self._ready = asyncio.Event()
        self._hindered = asyncio.Event()
        """The journal could not be used in this round of the loop."""
        self._beat_now = asyncio.Event()
        """The process of another worker is gone, or the clock was set."""
        self._stirred = True
        """Something changed since the last heartbeat, or others may have to be taken over from."""
        self._dropped_after = 0
        """The lapses of the lease after which what others took was let go of."""
        self._stopping = asyncio.Event()
        self._look = True  # something may have come that is worth a look at the journal
        self._next_timer: int | None = 0
        self._timers_moved = False
        """Others may have set timers since they were read."""
        self._offset = clock.now() - clock.uptime()

    async def running_or(self, task: asyncio.Task[None]) -> None:
        """Return when the worker is ready; raise what kept its `task` from getting there."""
        ready = asyncio.create_task(self._ready.wait())
        try:
            await asyncio.wait((ready, task), return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
        if task.done():
            await task

    async def run(self) -> None:
        """Work until `stop`; then drain: what still is mid-step after a while is released."""
        await self._heartbeat.beat()
        undo = self._journal.on_change(self._on_change)
        try:
            async with (
                self._rounds.at("other workers", self._look_for_dead),
                asyncio.TaskGroup() as group,
            ):
                await self._held.open(group)
                heart = group.create_task(self._keep_heartbeat())
                self._ready.set()
                await self._loop()
                while not self._held.empty:
                    self._wake.clear()
                    await self._wake.wait()
                heart.cancel()
        finally:
            undo()
            await self._leave()

    def stop(self) -> None:
        """Begin to drain: nothing new is started from now on."""
        self._stopping.set()
        self._held.stop()
        self._wake.set()

    @property
    def held(self) -> HeldRuns:
        """The runs in its hands, which new ones and decisions may be given to."""
        return self._held

    async def idle(self) -> None:
        """See facade."""
        self._look = True
        self._wake.set()
        # each round of the loop says so when it found nothing to do; between two of them it rests
        while True:
            await self._quiet.wait()
            self._quiet.clear()
            self._refuse_lost_journal()
            if self._failing.last is not None and self._has_given_up:
                raise self._failing.last
            if self._held.empty and not await self._journal.any_busy(self._clock.uptime()):
                return

    async def journal_lost(self) -> NoReturn:
        """See facade."""
        while True:
            self._refuse_lost_journal()
            await self._hindered.wait()
            self._hindered.clear()

    def _refuse_lost_journal(self) -> None:
        if self._journal.failure is not None:
            raise self._journal.failure

    async def _loop(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                more = await self._round()
            except Unavailable as error:
                self._failing.failed(error)
                self._hindered.set()
                await self._hold_back()
                continue
            except Exception as defect:  # noqa: BLE001 - the edge: such as no thread to be had for a moment
                self._failing.failed(defect)
                await self._hold_back(self._failing.times)
                continue
            self._failing.worked()
            if not more and not self._wake.is_set():
                self._quiet.set()
                await self._nap(self._until_timer())

    async def _hold_back(self, times: int = 1) -> None:
        """A breath before what failed is tried again, whatever comes meanwhile."""
        if self._journal.failure is not None or self._has_given_up:
            self._quiet.set()  # whoever waits hears of it
        with suppress(TimeoutError):
            async with asyncio.timeout(self._retry_seconds * min(times, GIVES_UP_AFTER)):
                await self._stopping.wait()

    @property
    def _has_given_up(self) -> bool:
        return self._failing.seconds >= GIVES_UP_AFTER * self._retry_seconds

    async def _round(self) -> bool:
        """One look at everything; True when there may be more to do at once."""
        now = self._clock.now()
        if self._timers_moved:
            await self._read_timers()
        if self._next_timer is not None and self._next_timer <= now:
            await self._journal.fire_timers(now, self._heartbeat.clock_offset())
            self._look = True
            await self._read_timers()
        self._look = await self._held.release_failed() or self._look
        if not self._look:
            return False
        self._look = False
        try:
            return await self._poll()
        except Exception:
            self._look = True
            raise

    async def _poll(self) -> bool:
        if self._held.any_session:
            self._held.deliver(await self._journal.mail_for(self.worker_id))
        free = self._held.free
        if free <= 0:
            self._look = True  # as soon as a slot is free
            return False
        await self._heartbeat.renew()  # or it would take its own runs for those of a dead worker
        await self._drop_lost()
        uptime = self._clock.uptime()
        if not await self._journal.any_ready(uptime):
            return False
        claims = await self._journal.claim(self.worker_id, uptime, free)
        if claims:
            self._quiet.clear()
            self._held.take(claims)
        self._look = self._look or len(claims) == free
        return self._look

    def _on_change(self, change: ChangeSet) -> None:
        self._heartbeat.look_again()
        self._timers_moved |= change.foreign
        if change.due is not None:
            self._timer_set(change.due)
        if change.work or change.foreign:
            self._look = True
            self._wake.set()
        elif change.rested:  # it may have been the last one that another worker of this process held
            self._quiet.set()

    def _wake_up(self) -> None:
        self._wake.set()

    def _timer_set(self, due: int) -> None:
        if self._next_timer is None or due < self._next_timer:
            self._next_timer = due
            self._wake.set()

    async def _read_timers(self) -> None:
        """What is read may be from before a timer that is set meanwhile."""
        known, self._next_timer = self._next_timer, None
        self._timers_moved = False
        try:
            known = await self._journal.next_timer()
        except BaseException:
            self._timers_moved = True
            raise
        finally:
            due = [one for one in (known, self._next_timer) if one is not None]
            self._next_timer = min(due, default=None)

    def _until_timer(self) -> float | None:
        if self._next_timer is None:
            return None
        return max(0.0, (self._next_timer - self._clock.now()) / 1_000_000)

    async def _nap(self, seconds: float | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()

    async def _keep_heartbeat(self) -> None:
        """Beat three times a lease, and at once when the process of another worker has died, or the clock was
        set."""
        failing = Failing("the worker's heartbeat")
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._lease_seconds / 3):
                    await self._beat_now.wait()
            self._beat_now.clear()
            try:
                await self._heartbeat.beat()
                await self._drop_lost()
                if not self._stirred:
                    continue  # nobody wrote, and nobody's lease can have ended
                self._stirred = False
                await self._read_timers()  # they move with the clock
                failing.worked()
            except Exception as error:  # noqa: BLE001 - the edge: else the worker would end, unnoticed
                failing.failed(error)
                self._stirred = True
            self._look = True
            self._wake.set()

    async def _drop_lost(self) -> None:
        lapses = self._heartbeat.lapses
        if lapses != self._dropped_after:
            await self._held.drop_lost()
            self._dropped_after = lapses

    async def _look_for_dead(self) -> float | None:
        """The heartbeat takes over from those that died. Alone on the journal there is nobody to look for:
        that another one comes is a change."""
        self._stirred = True
        offset = self._clock.now() - self._clock.uptime()
        if abs(offset - self._offset) >= SET_BY:
            self._offset = offset
            self._beat_now.set()
        others = await self._heartbeat.others()
        if await gone_workers(others):
            self._beat_now.set()
        return NEXT_ROUND if others else None

    async def _leave(self) -> None:
        """What cannot be written is left: the leases expire by themselves."""
        with suppress(Unavailable):
            await self._held.release_failed()
        with suppress(Unavailable):
            await self._journal.retire(self.worker_id)
        await self._held.close()
