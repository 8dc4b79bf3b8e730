"""Telling people what waits or failed: each notice at least once by each way, by one process at a time.

The place in the journal up to which a way has told everything is kept there; a file lock chooses who tells.
No way waits for another one.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
from collections import Counter
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from engine.contracts.governing.budget import CapWindow
from engine.contracts.governing.money import dollars
from engine.contracts.notice import Notice, NoticeKind
from engine.contracts.status import RequestStatus, StepErrorCode
from engine.contracts.times import from_micros
from engine.errors import ErrorCode, NotFound, Unavailable
from engine.journal.spend_rows import SOFT_REACHED
from engine.machine.events.request_facts import OutcomeUnknown, PendingHuman, UserInputRequested
from engine.machine.events.run_facts import RunDeadLettered, RunFailed
from engine.runtime.background import in_background
from engine.runtime.failing import Failing
from engine.runtime.files.folder_access import storage_errors

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from engine.facade.requests import Requests
    from engine.facade.runs import Runs
    from engine.journal.alert_rows import AlertRow
    from engine.journal.changes import ChangeSet
    from engine.journal.port import Journal
    from engine.journal.records import StoredEvent
    from engine.journal.spend_rows import ActRow

TOLD, TOLD_ACTS, TOLD_ALERTS = "told", "told_acts", "told_alerts"
"""The counters that hold the places of a way: of events, of what happened to caps, and of alerts."""
AT_ONCE = 200
NOTED_AFTER = 1_000
"""Events of which none is told, after which the place is noted: whoever goes on does not read them again."""
OTHERS_TURN_SECONDS = 5.0
OLDEST_SECONDS = 86_400.0
"""A notice that could not be sent for so long is given up, and logged."""
DEFECTS = 5
"""How often the notice of an event is tried to be made that fails by a fault of this program."""
_OPEN = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
logger = logging.getLogger(__name__)
_REQUESTS = {
    PendingHuman.kind: NoticeKind.APPROVAL,
    UserInputRequested.kind: NoticeKind.FORM,
    OutcomeUnknown.kind: NoticeKind.OUTCOME,
}
_FAILURES = frozenset({RunFailed.kind, RunDeadLettered.kind})


class NoticeSender:
    """Reads the journal and tells people by one `way`: `send` raises when it could not."""

    def __init__(
        self,
        journal: Journal,
        runs: Runs,
        requests: Callable[[], Requests],
        way: str,
        send: Callable[[Notice], Awaitable[None]],
        lock: Path,
        retry_seconds: tuple[float, float],
    ) -> None:
        self._journal = journal
        self._runs = runs
        self._requests = requests
        self._way = way
        self._send = send
        self._lock = lock
        self._retry_seconds = retry_seconds
        self._news = asyncio.Event()
        self._failing = Failing(f"telling people by {way}")
        self._defects = Counter[int]()
        """By event: how often its notice could not be made."""

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """Tell while the context is open. Raises Unavailable where the lock cannot be made."""
        with storage_errors(self._lock):
            descriptor = await asyncio.to_thread(os.open, self._lock, _OPEN, 0o660)
        try:
            held = _taken(descriptor)
            if held:
                await self._place_of_events()  # from here on everything is told
                await self._place_of_acts()
                await self._place_of_alerts()
            undo = self._journal.on_change(self._heard)
            async with in_background(self._run(descriptor, held=held)):
                try:
                    yield
                finally:
                    undo()
        finally:
            os.close(descriptor)

    def _heard(self, change: ChangeSet) -> None:
        if change.events or change.foreign or change.statuses or change.alerts:
            self._news.set()

    async def _run(self, descriptor: int, *, held: bool) -> None:
        while True:
            try:
                held = held or _taken(descriptor)
                if held:
                    await self._tell_all()
            except Exception as error:  # noqa: BLE001 - the edge: else nobody would be told any more, unnoticed
                self._failing.failed(error)
                await asyncio.sleep(self._retry_seconds[0])
            else:
                await asyncio.sleep(OTHERS_TURN_SECONDS)

    async def _place_of_events(self) -> int:
        return await self._place(TOLD, self._journal.last_seq)

    async def _place_of_acts(self) -> int:
        return await self._place(TOLD_ACTS, self._newest_act)

    async def _place_of_alerts(self) -> int:
        return await self._place(TOLD_ALERTS, self._journal.levels.last_alert)

    async def _place(self, counter: str, newest: Callable[[], Awaitable[int]]) -> int:
        """Up to where everything was told; the first time up to here: nobody is told what was before."""
        place = (await self._journal.counters()).get(f"{counter}:{self._way}")
        if place is None:
            place = await newest()
            await self._move(counter, place)
        return place

    async def _move(self, counter: str, change: int) -> None:
        await self._journal.move_counter(f"{counter}:{self._way}", change)

    async def _newest_act(self) -> int:
        newest = await self._journal.spending.newest_acts(None, 1)
        return newest[0]["act"] if newest else 0

    async def _tell_all(self) -> None:
        place = await self._place_of_events()
        kept = place
        while True:
            self._news.clear()
            for stored in await self._journal.feed_events(place, AT_ONCE):
                place = stored.seq
                notice = await self._notice(stored)
                if notice is not None:
                    await self._send_until_done(notice, partial(self._notice, stored))
                    await self._move(TOLD, place - kept)
                    kept = place
            if place - kept >= NOTED_AFTER:
                await self._move(TOLD, place - kept)
                kept = place
            await self._tell_acts()
            await self._tell_alerts()
            self._failing.worked()
            if not await self._journal.feed_events(place, 1):
                await self._news.wait()

    async def _tell_acts(self) -> None:
        place = await self._place_of_acts()
        for act in await self._journal.spending.acts_after(place, AT_ONCE):
            if act["kind"] == SOFT_REACHED:
                await self._send_until_done(_soft_reached(act))
            await self._move(TOLD_ACTS, act["act"] - place)
            place = act["act"]

    async def _tell_alerts(self) -> None:
        """Of those of a pack that begin at once the most urgent one: it was recorded first."""
        place, before = await self._place_of_alerts(), None
        for row in await self._journal.levels.alerts_after(place, AT_ONCE):
            if row["ends"] is None and not row["quiet"]:
                of = row["ts"], row["tenant"], row["pack"]
                if of != before:
                    await self._send_until_done(_alert(row))
                before = of
            await self._move(TOLD_ALERTS, row["alert"] - place)
            place = row["alert"]

    async def _send_until_done(
        self, notice: Notice, as_it_stands: Callable[[], Awaitable[Notice | None]] | None = None
    ) -> None:
        """Try until it is sent, for a day at the most, or does not hold any more."""
        (seconds, longest), waited = self._retry_seconds, 0.0
        while waited < OLDEST_SECONDS:
            try:
                await self._send(notice)
            except Exception as error:  # noqa: BLE001 - the edge: whatever a channel raises is tried again
                told = notice.id, self._way, seconds, error
                logger.warning("notice %s was not sent by %s, again in %g s: %s", *told)
            else:
                return
            await asyncio.sleep(seconds)
            waited += seconds
            seconds = min(2 * seconds, longest)
            if as_it_stands is not None:
                if (holds := await as_it_stands()) is None:
                    return
                notice = holds
        logger.error("notice %s is given up by %s: %s", notice.id, self._way, notice.title)

    async def _notice(self, stored: StoredEvent) -> Notice | None:
        """What is to be told of an event, if it still holds."""
        try:
            if stored.event.kind in _REQUESTS:
                return await self._of_request(stored, _REQUESTS[stored.event.kind])
            return await self._of_failure(stored) if stored.event.kind in _FAILURES else None
        except NotFound:  # removed meanwhile
            return None
        except Unavailable as error:
            if error.code is not ErrorCode.JOURNAL_CORRUPT:
                raise
            logger.warning("an event of run %s cannot be told: %s", stored.run_id, error.message)
            return None
        except Exception:  # what stands behind it is told all the same
            self._defects[stored.seq] += 1
            if self._defects[stored.seq] < DEFECTS:
                raise
            logger.exception("an event of run %s cannot be told", stored.run_id)
            return None

    async def _of_request(self, stored: StoredEvent, kind: NoticeKind) -> Notice | None:
        requests, payload = self._requests(), stored.event.payload
        run = await self._runs.summary(stored.run_id)
        risk = None
        if kind is NoticeKind.APPROVAL:
            approval = await requests.approval(payload["approval_id"])
            view_id, status = approval.approval_id, approval.status
            title, text, risk = approval.title, approval.message, approval.risk
        elif kind is NoticeKind.FORM:
            form = await requests.form(payload["request_id"])
            view_id, status, title, text = form.request_id, form.status, form.title, form.prompt
        else:
            outcome = await requests.outcome(payload["request_id"])
            view_id, status = outcome.request_id, outcome.status
            title, text = f"What became of {outcome.action.target or outcome.action.kind}?", ""
        if status is not RequestStatus.PENDING:
            return None
        return Notice(
            id=f"msg_{stored.seq}",
            kind=kind,
            ts=from_micros(stored.event.ts),
            title=title,
            text=text,
            risk=risk,
            run_id=run.run_id,
            request_id=view_id,
            pack=run.pack,
            flow=run.flow,
            subject=run.subject,
            tenant=run.tenant,
        )

    async def _of_failure(self, stored: StoredEvent) -> Notice | None:
        """Of the run that somebody started: what failed below it is its own reason."""
        run = await self._runs.summary(stored.run_id)
        error = stored.event.payload["error"]
        if run.parent_run_id is not None or error["code"] == StepErrorCode.APPROVAL_REJECTED:
            return None
        return Notice(
            id=f"msg_{stored.seq}",
            kind=NoticeKind.FAILURE,
            ts=from_micros(stored.event.ts),
            title=f"{run.pack}/{run.flow} failed",
            text=f"{error['code']}: {error['message']}",
            run_id=run.run_id,
            pack=run.pack,
            flow=run.flow,
            subject=run.subject,
            tenant=run.tenant,
        )


def _soft_reached(act: ActRow) -> Notice:
    spent, soft, hard = (dollars(act[name] or 0) for name in ("amount", "soft", "hard"))
    of = "" if act["cap_window"] == CapWindow.TOTAL else f" of this {act['cap_window']}"
    rest = f"; the hard one is {hard}" if act["hard"] else ""
    return Notice(
        id=f"cap_{act['act']}",
        kind=NoticeKind.BUDGET,
        ts=from_micros(act["ts"]),
        title=f"The soft cap of {act['scope']} {act['name']}{of} is reached",
        text=f"{spent} spent, the soft cap is {soft}{rest}; vasini budget show",
        tenant=act["tenant"],
    )


def _alert(row: AlertRow) -> Notice:
    return Notice(
        id=f"slo_{row['alert']}",
        kind=NoticeKind.SLO,
        ts=from_micros(row["ts"]),
        title=row["title"],
        text=row["told"],
        pack=row["pack"],
        tenant=row["tenant"],
    )


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
