"""`engine.runs` on a journal."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from engine.contracts.run import (
    EventView,
    Page,
    RunCounts,
    RunDetail,
    RunFile,
    RunFilter,
    RunSummary,
    RunView,
    StepView,
    VerbResult,
)
from engine.contracts.status import (
    RUN_TERMINAL,
    RUN_WAITING,
    CancelMode,
    RequestKind,
    RequestStatus,
    RunStatus,
)
from engine.errors import InvalidInput, NotFound
from engine.machine.inputs import Cancel, Input, Pause, Resume, Retry
from engine.runtime.starting import StartRequest, start_run
from engine.runtime.views import (
    approval_view,
    created_row,
    event_view,
    form_view,
    run_summary,
    run_view,
    step_view,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from engine.contracts.run import Actor
    from engine.journal.news import Change
    from engine.runtime.toolbox import Toolbox

MAX_PAGE = 1_000


class Runs:
    """Implements `engine.facade.Runs`."""

    def __init__(self, box: Toolbox) -> None:
        self._box = box

    async def start(
        self,
        pack: str,
        flow: str,
        payload: Mapping[str, Any],
        *,
        actor: Actor,
        tenant: str = "default",
        idempotency_key: str | None = None,
        base_dir: Path | None = None,
    ) -> RunView:
        """See facade."""
        request = StartRequest(pack, flow, payload, actor.name, tenant, idempotency_key, base_dir)
        run_id, run = await start_run(self._box, request)
        if run_id != run.run_id:
            return await self.summary(run_id)
        return await run_view(self._box, created_row(run))

    async def get(self, run_id: str) -> RunDetail:
        """See facade."""
        row = await self._view_row(run_id)
        box = self._box
        requests = {
            kind: await box.journal.request_rows(kind, None, MAX_PAGE, None, run_id) for kind in RequestKind
        }
        return RunDetail(
            run=await run_view(box, row),
            steps=await self.steps(run_id),
            approvals=tuple([await approval_view(box, item) for item in requests[RequestKind.APPROVAL]]),
            forms=tuple([await form_view(box, item) for item in requests[RequestKind.FORM]]),
            files=tuple(
                RunFile(**entry)
                for entry in await asyncio.to_thread(box.folders.list_files, row["pack"], run_id)
            ),
        )

    async def summary(self, run_id: str) -> RunView:
        """See facade."""
        return await run_view(self._box, await self._view_row(run_id))

    async def list(
        self, filters: RunFilter | None = None, *, limit: int = 50, after: str | None = None
    ) -> Page[RunSummary]:
        """See facade."""
        size = page_size(limit)
        rows = await self._box.journal.run_rows(filters or RunFilter(), size + 1, cursor(after, "run_"))
        items = tuple(run_summary(row) for row in rows[:size])
        return Page[RunSummary](items=items, next=items[-1].run_id if len(rows) > size else None)

    async def counts(self) -> RunCounts:
        """See facade."""
        counters = await self._box.journal.counters()
        return RunCounts(
            runs={status: counters.get(f"status:{status.value}", 0) for status in RunStatus},
            approvals_pending=counters.get(f"approval:{RequestStatus.PENDING.value}", 0),
            forms_pending=counters.get(f"form:{RequestStatus.PENDING.value}", 0),
        )

    async def events(self, run_id: str, *, after_run_seq: int = 0, limit: int = 500) -> tuple[EventView, ...]:
        """See facade."""
        await self._row(run_id)
        stored = await self._box.journal.page_events(run_id, after_run_seq, page_size(limit))
        return tuple(event_view(item) for item in stored)

    async def steps(self, run_id: str) -> tuple[StepView, ...]:
        """See facade."""
        rows = await self._box.journal.step_rows(run_id)
        if not rows:
            await self._row(run_id)
        return tuple([await step_view(self._box, row, full=False) for row in rows])

    async def step(self, run_id: str, step_id: str) -> StepView:
        """See facade."""
        rows = await self._box.journal.step_rows(run_id, step_id)
        if not rows:
            raise NotFound(f"run {run_id} has no step {step_id}", {"run_id": run_id, "step_id": step_id})
        return await step_view(self._box, rows[0], full=True)

    async def pause(self, run_id: str, *, actor: Actor) -> VerbResult:
        """See facade."""
        return await self._steer(run_id, Pause(now=self._box.clock.now(), actor=actor.name))

    async def resume(self, run_id: str, *, actor: Actor) -> VerbResult:
        """See facade."""
        return await self._steer(run_id, Resume(now=self._box.clock.now(), actor=actor.name))

    async def cancel(
        self, run_id: str, *, actor: Actor, mode: CancelMode = CancelMode.BOUNDARY
    ) -> VerbResult:
        """See facade."""
        return await self._steer(run_id, Cancel(now=self._box.clock.now(), actor=actor.name, mode=mode))

    async def retry(self, run_id: str, *, actor: Actor) -> VerbResult:
        """See facade."""
        return await self._steer(run_id, Retry(now=self._box.clock.now(), actor=actor.name))

    async def _steer(self, run_id: str, verb: Input) -> VerbResult:
        _, changed = await self._box.journal.steer(run_id, verb)
        if changed:
            from engine.runtime.settling import settle  # noqa: PLC0415 - see embedded.work

            await settle(self._box, run_id)
        row = await self._row(run_id)
        return VerbResult(run_id=run_id, status=RunStatus(row["status"]), changed=changed)

    async def wait(self, run_id: str, *, timeout: float | None = None) -> RunView:
        """See facade."""
        news = asyncio.Event()

        watched = {run_id}

        def listen(change: Change) -> None:
            ended = any(change.statuses.get(watched_id) in RUN_TERMINAL for watched_id in watched)
            if change.foreign or ended or not watched.isdisjoint(change.rested):
                news.set()

        undo = self._box.journal.on_news(listen)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    while not await self._rests(row := await self._view_row(run_id), watched):
                        await news.wait()
                        news.clear()
                    return await run_view(self._box, row)
        finally:
            undo()
        return await self.summary(run_id)

    async def _rests(self, row: Mapping[str, Any], watched: set[str]) -> bool:
        """Whether the run is terminal, or only a person can move it (or the child it waits for) on.

        Children it waits for are added to `watched`: their news is news of it.
        """
        status = RunStatus(row["status"])
        if status in RUN_TERMINAL:  # a retry may lie in its mailbox, or only its documents are missing
            return not row["ready"] or not await self._box.journal.has_mail(row["run_id"])
        if row["ready"]:
            return False
        child = (row["waiting_for"] or "").removeprefix("child ")
        if status is RunStatus.RUNNING and child.startswith("run_"):
            watched.add(child)
            below = await self._box.journal.run_row(child)
            ended = below is None or below["status"] in RUN_TERMINAL
            return not ended and below is not None and await self._rests(below, watched)
        return status in RUN_WAITING

    async def _view_row(self, run_id: str) -> Mapping[str, Any]:
        row = await self._box.journal.run_view_row(run_id)
        if row is None:
            raise NotFound(f"there is no run {run_id}", {"run_id": run_id})
        return row

    async def _row(self, run_id: str) -> Mapping[str, Any]:
        row = await self._box.journal.run_row(run_id)
        if row is None:
            raise NotFound(f"there is no run {run_id}", {"run_id": run_id})
        return row


def page_size(limit: int) -> int:
    """A page's size within its bounds. Raises InvalidInput."""
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidInput(f"limit must be between 1 and {MAX_PAGE}, not {limit}", {"limit": limit})
    return limit


def cursor(after: str | None, prefix: str) -> str | None:
    """A cursor as handed out. Raises InvalidInput for anything else."""
    if after is not None and not (after.startswith(prefix) and len(after) < 64 and after.isascii()):
        raise InvalidInput(
            f"after={after!r} is no cursor; use the `next` of the page before", {"after": after}
        )
    return after
