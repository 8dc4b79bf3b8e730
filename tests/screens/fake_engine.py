"""An engine in memory for the tests of the screens: scripted data, real rules of decisions, a live feed."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.contracts.request import ApprovalView, FormView, OutcomeView
from engine.contracts.run import (
    EventFilter,
    EventMatches,
    EventView,
    FileText,
    Page,
    RunCounts,
    RunDetail,
    RunFile,
    RunFilter,
    RunSort,
    RunSummary,
    RunView,
    StepView,
    VerbResult,
)
from engine.contracts.status import RUN_TERMINAL, CancelMode, RequestStatus, RunStatus
from engine.contracts.timeline import Timeline
from engine.errors import ErrorCode, InvalidInput, NotFound, Refused, VasiniError
from engine.facade.feed import ALL_NEWS, FeedBatch, Topic
from tests.fake_housekeeping import FakeHousekeeping
from tests.screens.fake_data import NOW, a_pack, a_row, a_run, an_event
from tests.screens.fake_notes import FakeDrafts, FakeSavedFilters
from tests.screens.fake_packs import FakePacks
from tests.screens.fake_requests import FakeRequests

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime
    from pathlib import Path

    from engine.contracts.actor import Actor
    from engine.contracts.packs.handoff import HandoffView
    from engine.contracts.packs.pack import PackView
    from engine.facade.engine import Worker, WorkerView


@dataclass
class FakeEngine:
    """Holds everything; the parts of the facade are views of it. `calls` records what was asked."""

    stored_runs: dict[str, RunView] = field(default_factory=dict)
    stored_approvals: dict[str, ApprovalView] = field(default_factory=dict)
    stored_forms: dict[str, FormView] = field(default_factory=dict)
    stored_outcomes: dict[str, OutcomeView] = field(default_factory=dict)
    stored_steps: dict[str, tuple[StepView, ...]] = field(default_factory=dict)
    stored_events: dict[str, tuple[EventView, ...]] = field(default_factory=dict)
    stored_handoffs: dict[str, tuple[HandoffView, ...]] = field(default_factory=dict)
    stored_files: dict[str, tuple[RunFile, ...]] = field(default_factory=dict)
    stored_texts: dict[tuple[str, str], FileText] = field(default_factory=dict)
    stored_timelines: dict[str, Timeline] = field(default_factory=dict)
    stored_pasts: dict[tuple[str, int], RunDetail] = field(default_factory=dict)
    stored_packs: tuple[PackView, ...] = field(default_factory=lambda: (a_pack(),))
    calls: list[tuple[str, Any]] = field(default_factory=list)
    failures: dict[str, Exception] = field(default_factory=dict)
    clock: datetime = NOW

    def __post_init__(self) -> None:
        self.runs = FakeRuns(self)
        self.requests = FakeRequests(self)
        self.packs = FakePacks(self)
        self.feed = FakeFeed(self)
        self.drafts = FakeDrafts(self)
        self.saved_filters = FakeSavedFilters(self)
        self.housekeeping = FakeHousekeeping()

    def add(self, *things: RunView | ApprovalView | FormView) -> FakeEngine:
        """Store things as they are."""
        for thing in things:
            match thing:
                case RunView():
                    self.stored_runs[thing.run_id] = thing
                case ApprovalView():
                    self.stored_approvals[thing.approval_id] = thing
                case FormView():
                    self.stored_forms[thing.request_id] = thing
        return self

    def news(self, kind: str = "run_changed", run_id: str = "run-1") -> None:
        """Tell the feed's readers that something happened."""
        seq = len(self.stored_events.get(run_id, ())) + 1
        self.feed.publish(FeedBatch(events=(an_event(seq, kind, run_id),)))

    def asked(self, name: str) -> list[Any]:
        """What was passed to every call of this name."""
        return [passed for called, passed in self.calls if called == name]

    def note(self, name: str, passed: Any = None) -> None:
        """Record a call; raise what was scripted for it."""
        self.calls.append((name, passed))
        if name in self.failures:
            raise self.failures[name]

    def for_(self, actor: Actor, *, tenant: str | None = None, all_tenants: bool = False) -> FakeEngine:
        raise AssertionError(
            f"screens get an engine that is scoped already ({actor}, {tenant}, {all_tenants})"
        )

    def work(self, *, slots: int = 64) -> AbstractAsyncContextManager[Worker]:
        raise AssertionError(f"no screen works runs (slots={slots})")

    async def workers(self) -> tuple[WorkerView, ...]:
        return ()


@dataclass
class FakeRuns:
    """Runs of the fake."""

    engine: FakeEngine

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
    ) -> RunView:
        self.engine.note("start", (pack, flow, dict(payload), actor.name, tenant))
        run_id = f"run-{len(self.engine.stored_runs) + 1}"
        run = a_run(run_id, RunStatus.QUEUED, pack=pack, flow=flow, input=dict(payload), created_at=NOW)
        self.engine.add(run)
        self.engine.news("run_created", run_id)
        return run

    async def handoffs(self, run_id: str) -> tuple[HandoffView, ...]:
        self.engine.note("handoffs", run_id)
        return self.engine.stored_handoffs.get(run_id, ())

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
        self.engine.note("hand_off", (run_id, target, flow, dict(payload), note, actor.name))
        new_id = f"run-{len(self.engine.stored_runs) + 1}"
        run = a_run(
            new_id,
            RunStatus.QUEUED,
            pack=target,
            flow=flow or "",
            input=dict(payload),
            handed_off_from=run_id,
        )
        self.engine.add(run)
        self.engine.news("run_created", new_id)
        return run

    async def successors(self, run_id: str) -> tuple[str, ...]:
        return tuple(key for key, run in self.engine.stored_runs.items() if run.handed_off_from == run_id)

    async def get(self, run_id: str) -> RunDetail:
        run = await self.summary(run_id)
        return RunDetail(
            run=run,
            steps=self.engine.stored_steps.get(run_id, ()),
            approvals=tuple(v for v in self.engine.stored_approvals.values() if v.run_id == run_id),
            forms=tuple(v for v in self.engine.stored_forms.values() if v.run_id == run_id),
            files=self.engine.stored_files.get(run_id, ()),
            handed_off_to=await self.successors(run_id),
        )

    async def summary(self, run_id: str) -> RunView:
        if run_id not in self.engine.stored_runs:
            raise NotFound(f"There is no run {run_id}.")
        events = self.engine.stored_events.get(run_id, ())
        run = self.engine.stored_runs[run_id]
        return run.model_copy(update={"run_seq": len(events)}) if events else run

    def _found(self, filters: RunFilter | None, sort: RunSort) -> list[RunView]:
        wanted = filters or RunFilter()
        found = [run for run in self.engine.stored_runs.values() if _matches(run, wanted)]
        found.sort(key=lambda run: run.run_id, reverse=sort is not RunSort.OLDEST)
        if sort not in (RunSort.NEWEST, RunSort.OLDEST):
            found.sort(key=_SORT_KEYS[sort])
        return found

    async def list(
        self,
        filters: RunFilter | None = None,
        *,
        sort: RunSort = RunSort.NEWEST,
        limit: int = 50,
        after: str | None = None,
        offset: int = 0,
    ) -> Page[RunSummary]:
        self.engine.note("list", filters)
        found = self._found(filters, sort)[offset:]
        if after is not None:
            found = found[[run.run_id for run in found].index(after) + 1 :]
        fields = set(RunSummary.model_fields)
        items = tuple(RunSummary(**run.model_dump(include=fields)) for run in found[:limit])
        return Page[RunSummary](items=items, next=items[-1].run_id if len(found) > limit else None)

    async def count(self, filters: RunFilter | None = None) -> int:
        return len(self._found(filters, RunSort.NEWEST))

    async def position(
        self, run_id: str, filters: RunFilter | None = None, *, sort: RunSort = RunSort.NEWEST
    ) -> int | None:
        ids = [run.run_id for run in self._found(filters, sort)]
        return ids.index(run_id) if run_id in ids else None

    async def counts(self, *, tenant: str | None = None) -> RunCounts:
        runs: dict[RunStatus, int] = {}
        for run in self.engine.stored_runs.values():
            if tenant in (None, run.tenant):
                runs[run.status] = runs.get(run.status, 0) + 1

        def pending(views: Iterable[ApprovalView | FormView | OutcomeView]) -> int:
            return sum(v.status is RequestStatus.PENDING and tenant in (None, v.tenant) for v in views)

        return RunCounts(
            runs=runs,
            approvals_pending=pending(self.engine.stored_approvals.values()),
            forms_pending=pending(self.engine.stored_forms.values()),
            outcomes_pending=pending(self.engine.stored_outcomes.values()),
        )

    async def events(self, run_id: str, *, after_run_seq: int = 0, limit: int = 500) -> tuple[EventView, ...]:
        events = self.engine.stored_events.get(run_id, ())
        return tuple(event for event in events if event.run_seq > after_run_seq)[:limit]

    async def find_events(
        self, run_id: str, filters: EventFilter, *, after_run_seq: int = 0, limit: int = 10_000
    ) -> EventMatches:
        self.engine.note("find_events", filters)
        events = await self.events(run_id, after_run_seq=after_run_seq, limit=limit)
        found = tuple(event.run_seq for event in events if _event_matches(event, filters))
        last = events[-1].run_seq if events else after_run_seq
        return EventMatches(run_seqs=found, scanned_to=last, ended=len(events) < limit)

    async def as_of(self, run_id: str, run_seq: int) -> RunDetail:
        self.engine.note("as_of", (run_id, run_seq))
        if (run_id, run_seq) in self.engine.stored_pasts:
            return self.engine.stored_pasts[run_id, run_seq]
        if not 1 <= run_seq <= len(self.engine.stored_events.get(run_id, ())):
            raise InvalidInput(f"{run_id} has no event {run_seq}.")
        return await self.get(run_id)

    async def timeline(self, run_id: str) -> Timeline:
        self.engine.note("timeline", run_id)
        run = await self.summary(run_id)
        rows = tuple(a_row(step, run_id) for step in self.engine.stored_steps.get(run_id, ()))
        of_steps = Timeline(run_id=run_id, start=run.created_at, end=run.finished_at, rows=rows)
        return self.engine.stored_timelines.get(run_id, of_steps)

    async def file_text(self, run_id: str, stored_name: str, *, limit: int = 200_000) -> FileText:
        self.engine.note("file_text", (run_id, stored_name))
        text = self.engine.stored_texts.get((run_id, stored_name))
        if text is None:
            raise NotFound(f"{run_id} has no file {stored_name}.")
        return text

    async def steps(self, run_id: str) -> tuple[StepView, ...]:
        return self.engine.stored_steps.get(run_id, ())

    async def step(self, run_id: str, step_id: str) -> StepView:
        for step in self.engine.stored_steps.get(run_id, ()):
            if step.step_id == step_id:
                return step
        raise NotFound(f"There is no step {step_id}.")

    async def pause(self, run_id: str, *, actor: Actor) -> VerbResult:
        return await self._become("pause", run_id, RunStatus.PAUSED, actor)

    async def resume(self, run_id: str, *, actor: Actor) -> VerbResult:
        return await self._become("resume", run_id, RunStatus.RUNNING, actor)

    async def cancel(
        self, run_id: str, *, actor: Actor, mode: CancelMode = CancelMode.BOUNDARY
    ) -> VerbResult:
        self.engine.note("cancel_mode", mode)
        return await self._become("cancel", run_id, RunStatus.CANCELLED, actor)

    async def retry(self, run_id: str, *, actor: Actor) -> VerbResult:
        return await self._become("retry", run_id, RunStatus.QUEUED, actor)

    async def wait(self, run_id: str, *, timeout: float | None = None) -> RunView:
        return await self.summary(run_id)

    async def _become(self, verb: str, run_id: str, status: RunStatus, actor: Actor) -> VerbResult:
        self.engine.note(verb, (run_id, actor.name))
        run = await self.summary(run_id)
        if verb == "retry" and run.status not in RUN_TERMINAL:
            raise Refused(
                ErrorCode.INVALID_TRANSITION, f"{run_id} is {run.status}: only a failed run is retried."
            )
        self.engine.add(run.model_copy(update={"status": status}))
        self.engine.news("run_changed", run_id)
        return VerbResult(run_id=run_id, status=status, changed=run.status is not status)


@dataclass
class FakeFeed:
    """Every subscriber has a queue; an exception in it breaks the subscription."""

    engine: FakeEngine
    queues: list[asyncio.Queue[FeedBatch | VasiniError]] = field(default_factory=list)
    subscriptions: int = 0

    def publish(self, batch: FeedBatch | VasiniError) -> None:
        """Hand a batch, or a failure, to every reader."""
        for queue in self.queues:
            queue.put_nowait(batch)

    @asynccontextmanager
    async def subscribe(
        self, *, run_id: str | None = None, topics: Collection[Topic] = ALL_NEWS
    ) -> AsyncIterator[AsyncIterator[FeedBatch]]:
        self.subscriptions += 1
        self.engine.note("subscribe", run_id)
        queue: asyncio.Queue[FeedBatch | VasiniError] = asyncio.Queue()
        self.queues.append(queue)
        try:
            yield _batches(queue)
        finally:
            self.queues.remove(queue)


async def _batches(queue: asyncio.Queue[FeedBatch | VasiniError]) -> AsyncIterator[FeedBatch]:
    while True:
        batch = await queue.get()
        if isinstance(batch, VasiniError):
            raise batch
        yield batch


def _matches(run: RunView, wanted: RunFilter) -> bool:
    text = f"{run.run_id} {run.pack} {run.flow} {run.requested_by}".lower()
    return (
        (not wanted.status or run.status in wanted.status)
        and wanted.pack in (None, run.pack)
        and wanted.flow in (None, run.flow)
        and wanted.tenant in (None, run.tenant)
        and wanted.requested_by in (None, run.requested_by)
        and (wanted.created_after is None or run.created_at > wanted.created_after)
        and (wanted.created_before is None or run.created_at < wanted.created_before)
        and (wanted.text is None or wanted.text.lower() in text)
    )


_SORT_KEYS: dict[RunSort, Callable[[RunView], tuple[str, ...]]] = {
    RunSort.STATUS: lambda run: (run.status.value,),
    RunSort.FLOW: lambda run: (run.pack, run.flow),
    RunSort.REQUESTER: lambda run: (run.requested_by,),
}


def _event_matches(event: EventView, wanted: EventFilter) -> bool:
    everything = f"{event.kind} {event.step_id or ''} {event.actor} {json.dumps(event.payload)}"
    pairs = (
        (wanted.kind, event.kind),
        (wanted.step_id, event.step_id or ""),
        (wanted.actor, event.actor),
        (wanted.text, everything),
    )
    return all(part is None or part.lower() in whole.lower() for part, whole in pairs)
