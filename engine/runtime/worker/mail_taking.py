"""Letting a run that no worker holds take in its mail at once, such as an operator's verb."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from engine.errors import PackInvalid, Unavailable
from engine.journal.errors import LeaseLost
from engine.runtime.clock import new_id
from engine.runtime.worker.heartbeat import Heartbeat
from engine.runtime.worker.sessions.documents import DocumentQueue
from engine.runtime.worker.sessions.session import SessionHost

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from engine.journal.port import Journal
    from engine.runtime.clock import Clock
    from engine.runtime.worker.sessions.opening import Sessions

AT_ONCE = 50
"""Runs below one that take in their mail together: what they write is written together."""


class MailTaker:
    """A worker for one moment: it claims a run, takes in its mail, gives it back; likewise those below it."""

    def __init__(self, journal: Journal, clock: Clock, sessions: Sessions, lease_seconds: float) -> None:
        self._journal = journal
        self._clock = clock
        self._sessions = sessions
        self._lease_seconds = lease_seconds

    async def take_mail(self, run_id: str) -> None:
        """Let the run take in its mail without starting anything, and so the runs that it passes verbs on to,
        then those above these what came of it: what they ask is nobody's to decide any more when the run was
        cancelled, and it has ended when they have.

        A run held by a live worker is left to it: the verb is already in the run's mailbox. Raises
        Unavailable when it could not be taken in, not when one below could not.
        """
        worker_id, unavailable = new_id("wrk"), dict[str, Unavailable]()
        await Heartbeat(self._journal, self._clock, worker_id, self._lease_seconds).beat()
        try:
            async with asyncio.TaskGroup() as group:
                host, told, above = self._host(worker_id, group), [run_id], list[str]()
                while told:
                    now, told = told[:AT_ONCE], told[AT_ONCE:]
                    for one, below in zip(now, await self._all_taken(host, now, unavailable), strict=True):
                        told += below
                        above += [one] if below else []
                for one in reversed(above):
                    await self._taken(host, one, unavailable)
        finally:
            await self._journal.retire(worker_id)
        if run_id in unavailable:
            raise unavailable[run_id]

    async def _all_taken(
        self, host: SessionHost, run_ids: Sequence[str], unavailable: dict[str, Unavailable]
    ) -> list[list[str]]:
        return await asyncio.gather(*(self._taken(host, one, unavailable) for one in run_ids))

    async def _taken(self, host: SessionHost, run_id: str, unavailable: dict[str, Unavailable]) -> list[str]:
        """Let one run take in its mail; the runs to which it passed it on."""
        told: list[str] = []
        try:
            for claim in await self._journal.claim(host.worker_id, self._clock.uptime(), 1, run_id):
                with suppress(LeaseLost, PackInvalid):  # a worker took it, or will say what is wrong
                    session = await self._sessions.open(
                        host, claim.run, claim.epoch, lost=claim.lost, calls=False
                    )
                    told += await session.take_mail()
        except Unavailable as error:
            unavailable[run_id] = error
        return told

    def _host(self, worker_id: str, group: asyncio.TaskGroup) -> SessionHost:
        def spawn(work: Callable[..., Coroutine[Any, Any, None]], *arguments: Any) -> asyncio.Task[None]:
            return group.create_task(work(*arguments))

        documents = self._sessions.documents(DocumentQueue(self._journal, spawn, busy=lambda: False))
        return SessionHost(
            worker_id,
            self._sessions.call_scheduler(worker_id),
            spawn,
            lambda _run_id: None,
            _no_calls,
            documents,
        )


async def _no_calls() -> None:
    """Nothing is called here, so there is no lease to look after."""
