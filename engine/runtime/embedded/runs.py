"""`engine.runs` on a journal."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from engine.contracts.run import EventMatches, Page, RunCounts, RunFilter, RunSort, RunSummary, VerbResult
from engine.contracts.status import (
    RUN_TERMINAL,
    RUN_WAITING,
    CancelMode,
    RequestKind,
    RequestStatus,
    RunStatus,
)
from engine.errors import NotFound
from engine.journal.rules.run_filter import place_of
from engine.machine.model.inputs import Cancel, Input, Pause, Resume, Retry
from engine.runtime.embedded.starting import StartRequest, start_run
from engine.runtime.views.paging import page_offset, page_size, run_cursor, run_place
from engine.runtime.views.row_views import created_row, event_view, run_summary, run_view, step_view
from engine.runtime.views.run_detail import file_text, row_of, run_detail, run_detail_then, steps_of, view_row
from engine.runtime.views.time_travel import RunHistory
from engine.runtime.views.timeline import SeenRuns, timeline_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from engine.contracts.actor import Actor
    from engine.contracts.handoff import HandoffView
    from engine.contracts.run import (
        EventFilter,
        EventView,
        FileText,
        RunDetail,
        RunView,
        StepView,
    )
    from engine.contracts.timeline import Timeline
    from engine.journal.changes import ChangeSet
    from engine.journal.records import NewRun
    from engine.runtime.toolbox import Toolbox

MAX_LOOKED_AT = 10_000
"""Events one search looks at."""


class Runs:
    """Implements `engine.facade.runs.Runs`."""

    def __init__(self, box: Toolbox) -> None:
        self._box = box
        self._pasts = RunHistory()
        self._seen = SeenRuns()

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
        return await self._begun(*await start_run(self._box, request))

    async def handoffs(self, run_id: str) -> tuple[HandoffView, ...]:
        """See facade."""
        from engine.runtime.embedded.handoffs import handoffs_of  # noqa: PLC0415 - reading packs is slow to import

        return await handoffs_of(self._box, run_id)

    async def hand_off(
        self,
        run_id: str,
        target: str,
        flow: str | None,
        payload: Mapping[str, Any],
        *,
        actor: Actor,
        note: str | None = None,
        idempotency_key: str | None = None,
        base_dir: Path | None = None,
    ) -> RunView:
        """See facade."""
        from engine.runtime.embedded.handoffs import hand_off  # noqa: PLC0415 - reading packs is slow to import

        begun = await hand_off(
            self._box,
            run_id,
            target,
            flow,
            payload,
            actor=actor,
            note=note,
            idempotency_key=idempotency_key,
            base_dir=base_dir,
        )
        return await self._begun(*begun)

    async def successors(self, run_id: str) -> tuple[str, ...]:
        """See facade."""
        return tuple(found for found, _ in await self._box.journal.successors(run_id))

    async def _begun(self, run_id: str, run: NewRun) -> RunView:
        """The run that was just queued, or the earlier one of its idempotency key."""
        if run_id != run.run_id:
            return await self.summary(run_id)
        return await run_view(self._box, created_row(run))

    async def get(self, run_id: str) -> RunDetail:
        """See facade."""
        return await run_detail(self._box, run_id)

    async def summary(self, run_id: str) -> RunView:
        """See facade."""
        return await run_view(self._box, await view_row(self._box, run_id))

    async def list(
        self,
        filters: RunFilter | None = None,
        *,
        sort: RunSort = RunSort.NEWEST,
        limit: int = 50,
        after: str | None = None,
        offset: int = 0,
    ) -> Page[RunSummary]:
        """See facade."""
        size = page_size(limit)
        rows = await self._box.journal.lists.page(
            filters or RunFilter(),
            sort,
            size + 1,
            after=run_place(after, sort),
            offset=page_offset(offset),
        )
        following = run_cursor(place_of(rows[size - 1], sort), sort) if len(rows) > size else None
        return Page[RunSummary](items=tuple(run_summary(row) for row in rows[:size]), next=following)

    async def count(self, filters: RunFilter | None = None) -> int:
        """See facade."""
        return await self._box.journal.lists.count(filters or RunFilter())

    async def position(
        self, run_id: str, filters: RunFilter | None = None, *, sort: RunSort = RunSort.NEWEST
    ) -> int | None:
        """See facade."""
        return await self._box.journal.lists.position(run_id, filters or RunFilter(), sort)

    async def counts(self, *, tenant: str | None = None) -> RunCounts:
        """See facade."""
        runs = await self._box.journal.lists.by_status(tenant)
        counters = await self._box.journal.counters()

        def pending(kind: RequestKind) -> int:
            prefix = f"{kind.value}:{RequestStatus.PENDING.value}/"
            if tenant is not None:
                return counters.get(prefix + tenant, 0)
            return sum(n for name, n in counters.items() if name.startswith(prefix))

        return RunCounts(
            runs={status: runs.get(status.value, 0) for status in RunStatus},
            approvals_pending=pending(RequestKind.APPROVAL),
            forms_pending=pending(RequestKind.FORM),
        )

    async def events(self, run_id: str, *, after_run_seq: int = 0, limit: int = 500) -> tuple[EventView, ...]:
        """See facade."""
        await row_of(self._box, run_id)
        stored = await self._box.journal.page_events(run_id, after_run_seq, page_size(limit))
        return tuple(event_view(item) for item in stored)

    async def find_events(
        self, run_id: str, filters: EventFilter, *, after_run_seq: int = 0, limit: int = MAX_LOOKED_AT
    ) -> EventMatches:
        """See facade."""
        last = (await row_of(self._box, run_id))["run_seq"]
        start = page_offset(after_run_seq, "after_run_seq")
        end = min(start + page_size(limit, MAX_LOOKED_AT), max(last, start))
        found = await self._box.journal.lists.find_events(run_id, filters, start, end)
        return EventMatches(run_seqs=tuple(found), scanned_to=end, ended=end >= last)

    async def as_of(self, run_id: str, run_seq: int) -> RunDetail:
        """See facade."""
        return await run_detail_then(self._box, self._pasts, run_id, run_seq)

    async def timeline(self, run_id: str) -> Timeline:
        """See facade."""
        return await timeline_of(self._box.journal, await row_of(self._box, run_id), seen=self._seen)

    async def file_text(self, run_id: str, stored_name: str, *, limit: int = 200_000) -> FileText:
        """See facade."""
        return await file_text(self._box, run_id, stored_name, limit)

    async def steps(self, run_id: str) -> tuple[StepView, ...]:
        """See facade."""
        await row_of(self._box, run_id)
        return await steps_of(self._box, self._box.journal, run_id)

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
            from engine.runtime.worker.settling import settle  # noqa: PLC0415 - see embedded.work

            await settle(self._box, run_id)
        row = await row_of(self._box, run_id)
        return VerbResult(run_id=run_id, status=RunStatus(row["status"]), changed=changed)

    async def wait(self, run_id: str, *, timeout: float | None = None) -> RunView:
        """See facade."""
        news = asyncio.Event()

        watched = {run_id}

        def listen(change: ChangeSet) -> None:
            ended = any(change.statuses.get(watched_id) in RUN_TERMINAL for watched_id in watched)
            if change.foreign or ended or not watched.isdisjoint(change.rested):
                news.set()

        undo = self._box.journal.on_change(listen)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    while not await self._rests(row := await view_row(self._box, run_id), watched):
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
