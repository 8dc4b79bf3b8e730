"""`engine.runs` on a journal."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Self

from engine.contracts.actor import Role
from engine.contracts.runs.listed import Page, RunFilter, RunSort, RunSummary
from engine.contracts.status import RequestKind, RequestStatus, RunStatus
from engine.errors import InvalidInput, NotFound
from engine.governance.access import DEFAULT_TENANT
from engine.journal.rules.id_parts import LEAST_OF_ID
from engine.journal.rules.run_filter import micros, place_of
from engine.runtime.embedded.resting import until_rest
from engine.runtime.embedded.starting.again import merged, require_no_masks
from engine.runtime.embedded.starting.session_names import session_named
from engine.runtime.embedded.steering.verbs import Steering
from engine.runtime.views.paging import page_offset, page_size, run_cursor, run_place
from engine.runtime.views.readable import page_of
from engine.runtime.views.summaries import run_summary

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from engine.contracts.actor import Actor
    from engine.contracts.packs.handoff import HandoffView
    from engine.contracts.runs.conversation import Conversation
    from engine.contracts.runs.listed import RunView
    from engine.contracts.runs.run import (
        EventFilter,
        EventMatches,
        EventPage,
        EventView,
        FileText,
        OutputPage,
        RunCounts,
        RunDetail,
        RunFile,
        StepView,
    )
    from engine.contracts.runs.snapshot import RunSnapshot
    from engine.contracts.runs.timeline import Timeline
    from engine.governance.access import Access
    from engine.governance.redactor import Redactor
    from engine.journal.port import Journal
    from engine.journal.records import NewRun
    from engine.journal.rows import ListedRow
    from engine.runtime.clock import Clock
    from engine.runtime.embedded.handing_off.handoffs import Handoffs
    from engine.runtime.embedded.starting.run_starter import RunStarter
    from engine.runtime.pack_library.library import PackLibrary
    from engine.runtime.views.run_reader import RunReader

MAX_LOOKED_AT = 10_000
"""Events one search looks at."""


class Runs(Steering):
    """Implements `engine.facade.runs.Runs`.

    `reader`, `starter` and `handoffs` make the parts that look into runs, start them and hand them off,
    `take_mail` lets a run that no worker holds take in its mail: what a list does not need is loaded when it
    is used.
    """

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        *,
        reader: Callable[[], RunReader],
        starter: Callable[[], RunStarter],
        handoffs: Callable[[], Handoffs],
        take_mail: Callable[[str], Awaitable[None]],
        packs: PackLibrary,
        redactor: Redactor,
    ) -> None:
        super().__init__(journal, clock, take_mail, packs, redactor)
        self._readers = reader
        self._starter = starter
        self._handoffs = handoffs
        self._reader: RunReader | None = None

    def within(self, access: Access) -> Self:
        """The same for what `access` allows."""
        scoped = super().within(access)
        scoped._reader = None  # noqa: SLF001 - of the copy
        return scoped

    @property
    def reader(self) -> RunReader:
        """Reads runs in view; one for all questions, as it keeps what it has read."""
        if self._reader is None:
            self._reader = self._readers().within(self.access)
        return self._reader

    async def start(
        self,
        pack: str,
        flow: str,
        payload: Mapping[str, Any],
        *,
        actor: Actor,
        tenant: str | None = None,
        idempotency_key: str | None = None,
        base_dir: Path | None = None,
        traceparent: str | None = None,
        session_id: str | None = None,
    ) -> RunView:
        """See facade."""
        self.access.require(Role.OPERATOR, actor)
        owner = self.access.narrowed(tenant) or DEFAULT_TENANT
        from engine.runtime.embedded.starting.run_starter import StartRequest  # noqa: PLC0415 - loaded with the starter

        request = StartRequest(
            pack,
            flow,
            payload,
            actor,
            owner,
            idempotency_key,
            base_dir,
            traceparent=traceparent,
            session_id=session_named(session_id),
        )
        return await self._started(*await self._starter().start(request))

    async def start_again(
        self,
        run_id: str,
        changes: Mapping[str, Any],
        *,
        actor: Actor,
        idempotency_key: str | None = None,
        base_dir: Path | None = None,
    ) -> RunView:
        """See facade."""
        self.access.require(Role.OPERATOR, actor)
        row, given = await self.reader.whole_input(run_id)
        payload = merged(given, changes)
        require_no_masks(run_id, payload)
        from engine.runtime.embedded.starting.run_starter import StartRequest  # noqa: PLC0415 - loaded with the starter

        tenant = row["tenant"]
        request = StartRequest(row["pack"], row["flow"], payload, actor, tenant, idempotency_key, base_dir)
        return await self._started(*await self._starter().start(request))

    async def all_events(self, *, after_seq: int = 0, limit: int = 500) -> EventPage:
        """See facade."""
        return await self.reader.all_events(page_offset(after_seq, "after_seq"), page_size(limit))

    async def find_id(self, part: str, kind: Literal["run", "request"] = "run") -> str:
        """See facade."""
        text = part.strip().lower()
        long_enough = len(text) >= LEAST_OF_ID
        found = await self._journal.lists.ids_like(text, kind, self.access.tenant, 6) if long_enough else []
        if part in found or len(found) == 1:
            return part if part in found else found[0]
        if not found:
            raise NotFound(f"there is no {kind} {part}{self.access.where}", {f"{kind}_id": part})
        words = f"several {kind}s have {part} in their ids, {', '.join(found[:5])}; type more of it"
        raise InvalidInput(words, {"ids": found[:5]})

    async def handoffs(self, run_id: str) -> tuple[HandoffView, ...]:
        """See facade."""
        await self.reader.row(run_id)
        return await self._handoffs().of(run_id)

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
        self.access.require(Role.OPERATOR, actor)
        await self.reader.row(run_id)
        started = await self._handoffs().hand_off(
            run_id,
            target,
            flow,
            payload,
            actor=actor,
            note=note,
            idempotency_key=idempotency_key,
            base_dir=base_dir,
        )
        return await self._started(*started)

    async def session(self, session_id: str) -> tuple[RunView, ...]:
        """See facade."""
        return await self.reader.session(session_named(session_id) or "")

    async def successors(self, run_id: str) -> tuple[str, ...]:
        """See facade."""
        return await self.reader.successors(run_id)

    async def _started(self, run_id: str, run: NewRun) -> RunView:
        """The run that was just queued, or the earlier one of its idempotency key."""
        if run_id != run.run_id:
            return await self.summary(run_id)
        return await self.reader.created(run)

    async def get(self, run_id: str, *, steps: bool = True) -> RunDetail:
        """See facade."""
        return await self.reader.detail(run_id, steps=steps)

    async def summary(self, run_id: str) -> RunView:
        """See facade."""
        return await self.reader.view(await self.reader.row_with_events(run_id))

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
        rows = await self._journal.lists.page(
            self._filters(filters),
            sort,
            size + 1,
            after=run_place(after, sort),
            offset=page_offset(offset),
        )
        following = run_cursor(place_of(rows[size - 1], sort), sort) if len(rows) > size else None
        return await page_of(rows[:size], _summary, lambda row: row["run_id"], following)

    async def count(self, filters: RunFilter | None = None) -> int:
        """See facade."""
        return await self._journal.lists.count(self._filters(filters))

    async def position(
        self, run_id: str, filters: RunFilter | None = None, *, sort: RunSort = RunSort.NEWEST
    ) -> int | None:
        """See facade."""
        return await self._journal.lists.position(run_id, self._filters(filters), sort)

    def _filters(self, filters: RunFilter | None) -> RunFilter:
        wanted = filters or RunFilter()
        return replace(wanted, tenant=self.access.narrowed(wanted.tenant))

    async def counts(self, *, tenant: str | None = None, failed_after: datetime | None = None) -> RunCounts:
        """See facade."""
        tenant = self.access.narrowed(tenant)
        runs = await self._journal.lists.by_status(tenant)
        since = micros(failed_after)
        counters = await self._journal.counters()

        def pending(kind: RequestKind) -> int:
            prefix = f"{kind.value}:{RequestStatus.PENDING.value}/"
            if tenant is not None:
                return counters.get(prefix + tenant, 0)
            return sum(n for name, n in counters.items() if name.startswith(prefix))

        from engine.contracts.runs.run import RunCounts  # noqa: PLC0415 - a list counts nothing

        return RunCounts(
            runs={status: runs.get(status.value, 0) for status in RunStatus},
            failed_lately=0 if since is None else await self._journal.lists.failed_after(since, tenant),
            approvals_pending=pending(RequestKind.APPROVAL),
            forms_pending=pending(RequestKind.FORM),
            outcomes_pending=pending(RequestKind.OUTCOME),
        )

    async def events(self, run_id: str, *, after_run_seq: int = 0, limit: int = 500) -> tuple[EventView, ...]:
        """See facade."""
        start = page_offset(after_run_seq, "after_run_seq")
        return await self.reader.events(run_id, start, page_size(limit))

    async def find_events(
        self, run_id: str, filters: EventFilter, *, after_run_seq: int = 0, limit: int = MAX_LOOKED_AT
    ) -> EventMatches:
        """See facade."""
        start = page_offset(after_run_seq, "after_run_seq")
        return await self.reader.find_events(run_id, filters, start, page_size(limit, MAX_LOOKED_AT))

    async def as_of(self, run_id: str, run_seq: int, *, steps: bool = True) -> RunDetail:
        """See facade."""
        return await self.reader.detail_as_of(run_id, run_seq, steps=steps)

    async def timeline(self, run_id: str, *, at: int | None = None) -> Timeline:
        """See facade."""
        return await self.reader.timeline(run_id, at)

    async def files(self, run_id: str) -> tuple[RunFile, ...]:
        """See facade."""
        return await self.reader.files(run_id)

    async def file_text(self, run_id: str, stored_name: str, *, limit: int = 200_000) -> FileText:
        """See facade."""
        return await self.reader.file_text(run_id, stored_name, limit)

    async def output(self, run_id: str, *, step_id: str | None = None, after: int = 0) -> OutputPage:
        """See facade."""
        return await self.reader.output(run_id, step_id, after)

    async def steps(
        self, run_id: str, *, of_type: str | None = None, limit: int = 500, after: str | None = None
    ) -> Page[StepView]:
        """See facade."""
        return await self.reader.steps(run_id, of_type, after, page_size(limit))

    async def steps_at(
        self, run_id: str, paths: Sequence[str], *, as_of: int | None = None
    ) -> tuple[StepView, ...]:
        """See facade."""
        return await self.reader.steps_at(run_id, paths, as_of)

    async def step(self, run_id: str, step_id: str) -> StepView:
        """See facade."""
        return await self.reader.step(run_id, step_id)

    async def snapshot(self, run_id: str) -> RunSnapshot:
        """See facade."""
        from engine.runtime.embedded.diagnosing.snapshots import Snapshots  # noqa: PLC0415 - as the starter

        return await Snapshots(self._journal, self._clock, self.reader, self._packs).of(run_id)

    async def conversation(
        self, run_id: str, step_id: str, *, after: int = 0, limit: int | None = None, calls: bool = True
    ) -> Conversation:
        """See facade."""
        return await self.reader.conversation(run_id, step_id, after, limit, calls=calls)

    async def wait(self, run_id: str, *, timeout: float | None = None) -> RunView:
        """See facade."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                row = await until_rest(self._journal, run_id, self.reader.row_with_events)
                return await self.reader.view(row)
        return await self.summary(run_id)


async def _summary(row: ListedRow) -> RunSummary:
    return run_summary(row)
