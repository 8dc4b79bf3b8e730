"""A small typed engine for the command line's tests: canned data, and a record of what was asked."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.contracts.request import AnswerView, ApprovalView, DecisionView, FieldError, FormView, OutcomeView
from engine.contracts.run import (
    EventFilter,
    EventMatches,
    EventView,
    FileText,
    Page,
    RunCounts,
    RunDetail,
    RunFilter,
    RunSort,
    RunSummary,
    RunView,
    StepView,
    VerbResult,
)
from engine.contracts.status import CancelMode, OutcomeDecision, RequestStatus, RunStatus, StepStatus
from engine.contracts.timeline import Timeline
from engine.errors import AlreadyDecided, NotFound
from engine.facade.engine import WorkerView
from engine.facade.feed import ALL_NEWS, FeedBatch, Topic
from tests.fake_housekeeping import FakeHousekeeping
from tests.vasini_tui.fake_data import MOMENT_TEXT, a_run
from tests.vasini_tui.fake_packs import MOMENT, FakePacks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Mapping
    from pathlib import Path

    from engine.config import EngineConfig
    from engine.contracts.actor import Actor
    from engine.contracts.notes import SavedFilter
    from engine.contracts.packs.handoff import HandoffView


@dataclass
class FakeRuns:
    known: dict[str, RunView] = field(default_factory=dict)
    history: dict[str, list[EventView]] = field(default_factory=dict)
    next_cursor: str | None = None
    started: dict[str, Any] = field(default_factory=dict)
    handed_off: dict[str, Any] = field(default_factory=dict)
    handoffs_known: tuple[HandoffView, ...] = ()
    listed: dict[str, Any] = field(default_factory=dict)
    verbs: list[tuple[str, str, str]] = field(default_factory=list)
    settled: RunView | None = None
    wait_for_ever: Callable[[], None] | None = None
    fails_with: BaseException | None = None
    approvals: tuple[ApprovalView, ...] = ()
    forms: tuple[FormView, ...] = ()
    steps_known: tuple[StepView, ...] = ()

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
        if self.fails_with is not None:
            raise self.fails_with
        self.started = {
            "pack": pack,
            "flow": flow,
            "payload": dict(payload),
            "actor": actor,
            "key": idempotency_key,
            "base_dir": base_dir,
        }
        view = a_run(pack=pack, flow=flow)
        self.known[view.run_id] = view
        return view

    async def handoffs(self, run_id: str) -> tuple[HandoffView, ...]:
        await self.summary(run_id)
        return self.handoffs_known

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
        await self.summary(run_id)
        if self.fails_with is not None:
            raise self.fails_with
        self.handed_off = {
            "run_id": run_id,
            "target": target,
            "flow": flow,
            "payload": dict(payload),
            "actor": actor,
            "note": note,
            "key": idempotency_key,
            "base_dir": base_dir,
        }
        view = a_run("run-2", pack=target, flow=flow or "only", handed_off_from=run_id)
        self.known[view.run_id] = view
        return view

    async def successors(self, run_id: str) -> tuple[str, ...]:
        return tuple(key for key, run in self.known.items() if run.handed_off_from == run_id)

    async def get(self, run_id: str) -> RunDetail:
        run = await self.summary(run_id)
        return RunDetail(
            run=run,
            steps=self.steps_known,
            approvals=self.approvals,
            forms=self.forms,
            handed_off_to=await self.successors(run_id),
        )

    async def summary(self, run_id: str) -> RunView:
        if run_id not in self.known:
            raise NotFound(f"there is no run {run_id}", {"run_id": run_id})
        return self.known[run_id]

    async def list(
        self,
        filters: RunFilter | None = None,
        *,
        sort: RunSort = RunSort.NEWEST,
        limit: int = 50,
        after: str | None = None,
        offset: int = 0,
    ) -> Page[RunSummary]:
        if self.fails_with is not None:
            raise self.fails_with
        self.listed = {"filters": filters, "sort": sort, "limit": limit, "after": after}
        names = RunSummary.model_fields
        rows = tuple(RunSummary(**{n: getattr(run, n) for n in names}) for run in self.known.values())
        return Page[RunSummary](items=rows, next=self.next_cursor)

    async def count(self, filters: RunFilter | None = None) -> int:
        return len(self.known)

    async def position(
        self, run_id: str, filters: RunFilter | None = None, *, sort: RunSort = RunSort.NEWEST
    ) -> int | None:
        return [*self.known].index(run_id) if run_id in self.known else None

    async def counts(self, *, tenant: str | None = None) -> RunCounts:
        return RunCounts(runs={RunStatus.QUEUED: len(self.known)}, approvals_pending=1)

    async def events(self, run_id: str, *, after_run_seq: int = 0, limit: int = 500) -> tuple[EventView, ...]:
        await self.summary(run_id)
        later = [event for event in self.history.get(run_id, ()) if event.run_seq > after_run_seq]
        return tuple(later[:limit])

    async def find_events(
        self, run_id: str, filters: EventFilter, *, after_run_seq: int = 0, limit: int = 10_000
    ) -> EventMatches:
        await self.summary(run_id)
        return EventMatches(run_seqs=(), scanned_to=after_run_seq, ended=True)

    async def as_of(self, run_id: str, run_seq: int) -> RunDetail:
        return await self.get(run_id)

    async def timeline(self, run_id: str) -> Timeline:
        run = await self.summary(run_id)
        return Timeline(run_id=run_id, start=run.created_at)

    async def file_text(self, run_id: str, stored_name: str, *, limit: int = 200_000) -> FileText:
        raise NotFound(f"run {run_id} has no file {stored_name}")

    async def steps(self, run_id: str) -> tuple[StepView, ...]:
        return self.steps_known

    async def step(self, run_id: str, step_id: str) -> StepView:
        return StepView(step_id=step_id, type="tool", name=step_id, status=StepStatus.COMPLETED, attempt=1)

    async def _verb(self, verb: str, run_id: str, actor: Actor, status: RunStatus) -> VerbResult:
        await self.summary(run_id)
        self.verbs.append((verb, run_id, actor.name))
        return VerbResult(run_id=run_id, status=status, changed=True)

    async def pause(self, run_id: str, *, actor: Actor) -> VerbResult:
        return await self._verb("pause", run_id, actor, RunStatus.PAUSED)

    async def resume(self, run_id: str, *, actor: Actor) -> VerbResult:
        return await self._verb("resume", run_id, actor, RunStatus.QUEUED)

    async def cancel(
        self, run_id: str, *, actor: Actor, mode: CancelMode = CancelMode.BOUNDARY
    ) -> VerbResult:
        return await self._verb(f"cancel {mode}", run_id, actor, RunStatus.CANCELLED)

    async def retry(self, run_id: str, *, actor: Actor) -> VerbResult:
        return await self._verb("retry", run_id, actor, RunStatus.QUEUED)

    async def wait(self, run_id: str, *, timeout: float | None = None) -> RunView:
        if self.wait_for_ever is not None:
            self.wait_for_ever()
            await asyncio.Event().wait()
        return self.settled or await self.summary(run_id)


@dataclass
class FakeRequests:
    approvals_known: list[ApprovalView] = field(default_factory=list)
    forms_known: list[FormView] = field(default_factory=list)
    decided: list[tuple[str, str, str, str | None]] = field(default_factory=list)
    answered: list[tuple[str, dict[str, Any], str]] = field(default_factory=list)
    outcomes_known: list[OutcomeView] = field(default_factory=list)
    said: list[tuple[str, OutcomeDecision, str, Any, str]] = field(default_factory=list)
    asked_status: RequestStatus | None = None
    decided_before: bool = False

    async def approvals(
        self,
        *,
        status: RequestStatus | None = RequestStatus.PENDING,
        run_id: str | None = None,
        tenant: str | None = None,
        limit: int = 50,
        after: str | None = None,
        viewer: Actor | None = None,
    ) -> Page[ApprovalView]:
        self.asked_status = status
        rows = tuple(
            item
            for item in self.approvals_known
            if status in {None, item.status} and run_id in {None, item.run_id}
        )
        return Page[ApprovalView](items=rows[:limit])

    async def approval(self, approval_id: str, *, viewer: Actor | None = None) -> ApprovalView:
        return next(item for item in self.approvals_known if item.approval_id == approval_id)

    async def claim(self, approval_id: str, *, actor: Actor) -> ApprovalView:
        return (await self.approval(approval_id)).model_copy(update={"claimed_by": actor.name})

    async def release(self, approval_id: str, *, actor: Actor) -> ApprovalView:
        return await self.approval(approval_id)

    async def earlier(self, approval_id: str, *, limit: int = 5) -> tuple[ApprovalView, ...]:
        return ()

    async def approve(
        self, approval_id: str, *, actor: Actor, digest: str | None = None, comment: str | None = None
    ) -> DecisionView:
        return self._decide(approval_id, "approved", actor, comment)

    async def reject(
        self, approval_id: str, *, actor: Actor, comment: str, digest: str | None = None
    ) -> DecisionView:
        return self._decide(approval_id, "rejected", actor, comment)

    def _decide(self, approval_id: str, decision: str, actor: Actor, comment: str | None) -> DecisionView:
        if self.decided_before:
            raise AlreadyDecided(
                f"{approval_id} was approved by bo",
                {"decided_by": "bo", "decided_at": MOMENT_TEXT, "decision": "approved"},
            )
        self.decided.append((approval_id, decision, actor.name, comment))
        return DecisionView(
            approval_id=approval_id,
            run_id="run-1",
            decision=decision,
            decided_by=actor.name,
            decided_at=MOMENT,
        )

    async def outcomes(
        self,
        *,
        status: RequestStatus | None = RequestStatus.PENDING,
        run_id: str | None = None,
        tenant: str | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> Page[OutcomeView]:
        rows = tuple(
            item
            for item in self.outcomes_known
            if status in {None, item.status} and run_id in {None, item.run_id}
        )
        return Page[OutcomeView](items=rows[:limit])

    async def outcome(self, request_id: str) -> OutcomeView:
        for item in self.outcomes_known:
            if item.request_id == request_id:
                return item
        raise NotFound(f"there is no outcome {request_id}")

    async def say_outcome(
        self,
        request_id: str,
        decision: OutcomeDecision,
        *,
        actor: Actor,
        output: Any = None,
        comment: str = "",
    ) -> OutcomeView:
        self.said.append((request_id, decision, actor.name, output, comment))
        change = {"status": RequestStatus.ANSWERED, "decision": decision, "decided_by": actor.name}
        return (await self.outcome(request_id)).model_copy(update=change)

    async def forms(
        self,
        *,
        status: RequestStatus | None = RequestStatus.PENDING,
        run_id: str | None = None,
        tenant: str | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> Page[FormView]:
        rows = tuple(
            item
            for item in self.forms_known
            if status in {None, item.status} and run_id in {None, item.run_id}
        )
        return Page[FormView](items=rows[:limit])

    async def form(self, request_id: str) -> FormView:
        for item in self.forms_known:
            if item.request_id == request_id:
                return item
        raise NotFound(f"there is no form {request_id}", {"request_id": request_id})

    def check(self, schema: Mapping[str, Any], values: Mapping[str, Any]) -> tuple[FieldError, ...]:
        return ()

    async def answer(
        self, request_id: str, values: Mapping[str, Any], *, actor: Actor, comment: str = ""
    ) -> AnswerView:
        self.answered.append((request_id, dict(values), actor.name))
        return AnswerView(
            request_id=request_id,
            run_id="run-1",
            form_id="details",
            answered_by=actor.name,
            answered_at=MOMENT,
        )


@dataclass
class FakeDrafts:
    async def get(self, owner: str, key: str) -> dict[str, Any] | None:
        return None

    async def keep(self, owner: str, key: str, draft: Mapping[str, Any]) -> None: ...

    async def drop(self, owner: str, key: str) -> None: ...


@dataclass
class FakeSavedFilters:
    async def list(self, owner: str) -> tuple[SavedFilter, ...]:
        return ()

    async def save(self, owner: str, saved: SavedFilter) -> None: ...

    async def drop(self, owner: str, name: str) -> None: ...


@dataclass
class FakeFeed:
    """Each news first changes what is known, then arrives."""

    news: list[Callable[[], None]] = field(default_factory=list)

    @asynccontextmanager
    async def subscribe(
        self, *, run_id: str | None = None, topics: Collection[Topic] = ALL_NEWS
    ) -> AsyncIterator[AsyncIterator[FeedBatch]]:
        async def batches() -> AsyncIterator[FeedBatch]:
            for happen in self.news:
                happen()
                yield FeedBatch()

        iterator = batches()
        yield iterator


@dataclass
class FakeWorker:
    worker_id: str = "worker-1"
    when_idle: Callable[[], None] = lambda: None

    async def idle(self) -> None:
        self.when_idle()


@dataclass
class FakeEngine:
    runs: FakeRuns = field(default_factory=FakeRuns)
    requests: FakeRequests = field(default_factory=FakeRequests)
    packs: FakePacks = field(default_factory=FakePacks)
    feed: FakeFeed = field(default_factory=FakeFeed)
    drafts: FakeDrafts = field(default_factory=FakeDrafts)
    saved_filters: FakeSavedFilters = field(default_factory=FakeSavedFilters)
    housekeeping: FakeHousekeeping = field(default_factory=FakeHousekeeping)
    worker: FakeWorker = field(default_factory=FakeWorker)
    when_working: Callable[[], None] = lambda: None
    slots: list[int] = field(default_factory=list)
    config: EngineConfig | None = None
    cannot_open: Exception | None = None
    asked_by: Actor | None = None
    in_tenant: str | None = None
    in_all_tenants: bool = False

    def for_(self, actor: Actor, *, tenant: str | None = None, all_tenants: bool = False) -> FakeEngine:
        self.asked_by, self.in_tenant, self.in_all_tenants = actor, tenant, all_tenants
        return self

    @asynccontextmanager
    async def open(self, config: EngineConfig) -> AsyncIterator[FakeEngine]:
        self.config = config
        if self.cannot_open is not None:
            raise self.cannot_open
        yield self

    @asynccontextmanager
    async def work(self, *, slots: int = 64) -> AsyncIterator[FakeWorker]:
        self.slots.append(slots)
        self.when_working()
        yield self.worker

    async def workers(self) -> tuple[WorkerView, ...]:
        return (WorkerView(worker_id="worker-1", host="box", pid=42, alive=True, runs_held=0),)
