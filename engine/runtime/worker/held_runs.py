"""The runs a worker holds: sessions, slots, and what happens when the work on one ends badly."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from engine.errors import PackInvalid, Unavailable
from engine.journal.errors import LeaseLost
from engine.journal.rules.rows.run_rows import stored_run
from engine.runtime.worker.run_endings import RunEndings
from engine.runtime.worker.sessions.documents import DocumentQueue
from engine.runtime.worker.sessions.session import SessionHost

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from engine.journal.port import Journal
    from engine.journal.records import Claim, Decided, Decision, NewRun
    from engine.machine.model.inputs import Input
    from engine.runtime.clock import Clock
    from engine.runtime.worker.sessions.opening import Sessions
    from engine.runtime.worker.sessions.session import Session

logger = logging.getLogger(__name__)

T = TypeVar("T")
_GoingOn = Coroutine[Any, Any, None]

MAX_FAILED_WORKS = 5
ENDING_PER_SLOT = 64
"""Runs whose documents may be outstanding, per slot."""


def retry_seconds(lease_seconds: float) -> float:
    """How long a worker waits before it tries again what the journal could not do."""
    return min(1.0, lease_seconds / 10)


@dataclass(frozen=True, slots=True)
class _Work:
    """The work on one run under one lease; `over` when all of it has stopped."""

    epoch: int
    over: asyncio.Event


class HeldRuns:
    """Works the runs that a worker has claimed or started. `changed` is called when one is let go."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        sessions: Sessions,
        worker_id: str,
        slots: int,
        *,
        lease_seconds: float,
        renew: Callable[[], Awaitable[None]],
        changed: Callable[[], None],
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._opener = sessions
        self._lease_seconds = lease_seconds
        self._worker_id = worker_id
        self._slots = slots
        self._changed = changed
        self._in_slots: set[str] = set()
        self._sessions: dict[str, Session] = {}
        self._works: dict[str, _Work] = {}
        self._unreleased: dict[str, int] = {}
        self._stopped = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None
        documents = sessions.documents(DocumentQueue(journal, self._spawn, self._is_busy))
        self._calls = sessions.call_scheduler(worker_id)
        self._endings = RunEndings(journal, clock, worker_id)
        self._host = SessionHost(worker_id, self._calls, self._spawn, self._free_slot, renew, documents)

    @property
    def free(self) -> int:
        """Slots that are free."""
        return self._slots - len(self._in_slots)

    @property
    def empty(self) -> bool:
        """True when nothing is held any more."""
        return not (self._in_slots or self._sessions)

    @property
    def any_session(self) -> bool:
        """True when mail may come for a run that is held."""
        return bool(self._sessions)

    async def open(self, group: asyncio.TaskGroup) -> None:
        """Run sessions and calls as tasks of `group` from now on."""
        workers = await self._journal.workers()
        await self._calls.open({row.worker_id for row in workers})
        self._group = group

    async def close(self) -> None:
        """Nothing is held any more."""
        await self._calls.close()

    def stop(self) -> None:
        """Begin to drain: what is mid-step is released."""
        self._stopped.set()
        for session in self._sessions.values():
            session.stop()

    def deliver(self, mail: Sequence[tuple[int, str, Input]]) -> None:
        """Hand mail to the sessions it is for."""
        for mail_id, run_id, given in mail:
            if run_id in self._sessions:
                self._sessions[run_id].deliver(mail_id, given)

    async def drop_lost(self) -> None:
        """End the sessions of runs that others took while the lease of this worker had ended."""
        for run_id, session in list(self._sessions.items()):
            row = await self._journal.run_row(run_id)
            if row is None or (row["lease_worker"], row["lease_epoch"]) != (self._worker_id, session.epoch):
                session.lose()

    def take(self, claims: Sequence[Claim]) -> None:
        """Work claimed runs."""
        for claim in claims:
            self._in_slots.add(claim.run.row["run_id"])
            self._spawn(self._claimed, claim)

    @property
    def takes_more(self) -> bool:
        """Whether one more run can be taken at once, without a turn of the claim."""
        return self._group is not None and not self._stopped.is_set() and self.free > 0

    def accepts(self, run: NewRun) -> bool:
        """Whether a new run can be taken at once: one with attachments waits until they are copied."""
        return self.takes_more and run.slot_limit is None and not run.attachments

    async def start(self, run: NewRun) -> str:
        """Queue a new run and work it from its first commit on; its id. Raises as `create_run`.

        It goes on when the caller is cancelled: what is in the journal under our lease is ours.
        """
        self._in_slots.add(run.run_id)
        return await self._for_caller(self._start(run))

    async def decide(self, decision: Decision) -> Decided:
        """Record a decision and go on with its run at once when nobody works it. Raises as `decide`.

        It goes on when the caller is cancelled: what is in the journal under our lease is ours.
        """
        self._in_slots.add(decision.request_id)
        ours = replace(decision, worker_id=self._worker_id, uptime=self._clock.uptime())
        return await self._for_caller(self._decide(ours))

    async def release_failed(self) -> bool:
        """Give back what could not be given back before; True when there was something."""
        waiting = dict(self._unreleased)
        for run_id, epoch in waiting.items():
            await self._journal.release(run_id, epoch, ready=True)
            self._unreleased.pop(run_id, None)
        return bool(waiting)

    async def _for_caller(self, work: Coroutine[Any, Any, tuple[T, _GoingOn | None]]) -> T:
        """The outcome of work that goes on when its caller is cancelled; a failure is the caller's alone.

        With the outcome comes what goes on after it, in the same task.
        """
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        async def answered() -> None:
            try:
                outcome, going_on = await work
            except Exception as error:  # noqa: BLE001 - whatever it is, the caller raises it
                if not answer.done():
                    answer.set_exception(error)
                return
            if not answer.done():
                answer.set_result(outcome)
            if going_on is not None:
                await going_on

        self._spawn(answered)
        return await answer

    async def _start(self, run: NewRun) -> tuple[str, _GoingOn | None]:
        started = None
        try:
            session = await self._opener.open(self._host, stored_run(run), 1)
            run_id, started = await session.start(run, self._worker_id)
        finally:
            if started is None:
                self._unreleased[run.run_id] = 1  # it may be in the journal under our lease
            if not started:
                self._ended(run.run_id)
        if not started:
            return run_id, None
        self._hold(session)
        return run_id, self._guard(run.run_id, session.epoch, session.work())

    async def _decide(self, decision: Decision) -> tuple[Decided, _GoingOn | None]:
        try:
            decided = await self._journal.decide(decision)
            if decided.claim is None:
                return decided, None
            self._in_slots.add(decided.run_id)
        finally:
            self._ended(decision.request_id)
        return decided, self._claimed(decided.claim)

    async def _claimed(self, claim: Claim) -> None:
        await self._guard(claim.run.row["run_id"], claim.epoch, self._open_and_work(claim))

    async def _open_and_work(self, claim: Claim) -> None:
        try:
            session = await self._opener.open(self._host, claim.run, claim.epoch, lost=claim.lost)
        except PackInvalid as error:
            await self._endings.fail(claim, error)
        else:
            self._hold(session)
            await session.work()

    def _hold(self, session: Session) -> None:
        """From now on mail for its run is for the session."""
        self._sessions[session.run_id] = session
        newest = self._works.get(session.run_id)
        if newest is not None and newest.epoch > session.epoch:
            session.lose()
        if self._stopped.is_set():
            session.stop()

    async def _guard(self, run_id: str, epoch: int, work: Coroutine[Any, Any, None]) -> None:
        """The edge around the work on one run: a failure is recorded and the run given back.

        A run that was lost to another worker and came back is worked again once its calls here have stopped.
        """
        before, this = self._works.get(run_id), _Work(epoch, asyncio.Event())
        self._works[run_id] = this
        try:
            if before is not None:
                if run_id in self._sessions:
                    self._sessions[run_id].lose()
                await before.over.wait()
            await work
        except LeaseLost:
            logger.warning("run %s was taken over by another worker", run_id)
        except Unavailable as error:
            logger.warning("run %s waits: %s", run_id, error.message)
            if error.may_pass:
                await self._let_go(run_id, epoch, retry_seconds(self._lease_seconds))
            else:
                await self._failed_work(run_id, epoch, error)
        except Exception as defect:
            logger.exception("work on run %s ended unexpectedly", run_id)
            await self._failed_work(run_id, epoch, defect)
        finally:
            work.close()  # where it never began
            this.over.set()
            self._sessions.pop(run_id, None)
            if self._works.get(run_id) is this:  # else a later one has it, or has had it
                del self._works[run_id]
                self._ended(run_id)

    async def _failed_work(self, run_id: str, epoch: int, defect: Exception) -> None:
        """Try again later, unless it has failed too often: then the run ends."""
        try:
            if await self._journal.work_failed(run_id, epoch) >= MAX_FAILED_WORKS:
                await self._endings.give_up(run_id, epoch, defect)
                return
        except (Unavailable, LeaseLost):
            pass  # it is tried again, and found to fail, by whoever claims it
        except Exception:
            logger.exception("run %s could not be ended", run_id)
        await self._let_go(run_id, epoch, self._lease_seconds)

    async def _let_go(self, run_id: str, epoch: int, after: float) -> None:
        """Give a run back that could not be worked, after a breath, so that no worker spins on it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(after):
                await self._stopped.wait()
        self._unreleased[run_id] = epoch

    def _spawn(self, work: Callable[..., Coroutine[Any, Any, None]], *arguments: Any) -> asyncio.Task[None]:
        if self._group is None:
            raise RuntimeError("the worker does not run")
        return self._group.create_task(_recorded(work, *arguments))

    def _is_busy(self) -> bool:
        return bool(self._in_slots) and not self._stopped.is_set()

    def _free_slot(self, run_id: str) -> None:
        """A run that has ended takes no slot while its documents are written."""
        if run_id in self._in_slots and len(self._sessions) < self._slots * ENDING_PER_SLOT:
            self._in_slots.discard(run_id)
            self._changed()

    def _ended(self, run_id: str) -> None:
        self._sessions.pop(run_id, None)
        self._in_slots.discard(run_id)
        self._changed()


async def _recorded(work: Callable[..., Coroutine[Any, Any, None]], *arguments: Any) -> None:
    """The edge of the worker's tasks: a defect in one of them must not stop the others."""
    try:
        await work(*arguments)
    except Exception:
        logger.exception("a task of the worker ended unexpectedly")
