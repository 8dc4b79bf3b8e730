"""One engine in memory for every suite: scripted data behind the facade, under the engine's own rules."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NoReturn

from engine.contracts.runs.listed import RunView
from engine.contracts.runs.request import ApprovalView, FormView, OutcomeView
from engine.facade.engine import RestingModel, WorkerView
from engine.facade.feed import FeedBatch
from engine.governance.access import access_of
from tests.fakes.budget import FakeBudget
from tests.fakes.feed import FakeFeed
from tests.fakes.housekeeping import FakeHousekeeping
from tests.fakes.levels import FakeLevels
from tests.fakes.notes import FakeDrafts, FakeSavedFilters
from tests.fakes.packs import FakePacks
from tests.fakes.requests import FakeRequests
from tests.fakes.runs import FakeRuns
from tests.fakes.views import NOW, a_pack, an_event_head

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime

    from engine.config import EngineConfig
    from engine.contracts.actor import Actor, Operator
    from engine.contracts.packs.handoff import HandoffView
    from engine.contracts.packs.pack import PackView
    from engine.contracts.runs.event_head import EventHead
    from engine.contracts.runs.run import EventView, FileText, OutputLine, RunDetail, RunFile, StepView
    from engine.contracts.runs.snapshot import RunSnapshot
    from engine.contracts.runs.timeline import Timeline
    from engine.errors import Unavailable


def _nothing() -> None:
    """What happens when nothing is scripted."""


@dataclass
class FakeWorker:
    """A worker that works nothing; `when_idle` happens when somebody waits for it."""

    worker_id: str = "worker-1"
    when_idle: Callable[[], None] = _nothing
    lost: Unavailable | None = None

    async def idle(self) -> None:
        self.when_idle()

    async def journal_lost(self) -> NoReturn:
        if self.lost is None:
            await asyncio.Event().wait()
        raise self.lost or AssertionError


@dataclass
class FakeEngine:
    """Holds everything; the parts of the facade are views of it. `calls` records what was asked.

    `failures` are raised by calls of that name. What lists, reads, scopes and refusals answer is compared
    with the embedded engine in `tests/fakes/test_fakes_agree.py`.
    """

    stored_runs: dict[str, RunView] = field(default_factory=dict)
    resting: tuple[RestingModel, ...] = ()
    stored_approvals: dict[str, ApprovalView] = field(default_factory=dict)
    stored_forms: dict[str, FormView] = field(default_factory=dict)
    stored_outcomes: dict[str, OutcomeView] = field(default_factory=dict)
    stored_steps: dict[str, tuple[StepView, ...]] = field(default_factory=dict)
    stored_events: dict[str, tuple[EventView, ...]] = field(default_factory=dict)
    stored_snapshots: dict[str, RunSnapshot] = field(default_factory=dict)
    stored_handoffs: dict[str, tuple[HandoffView, ...]] = field(default_factory=dict)
    stored_files: dict[str, tuple[RunFile, ...]] = field(default_factory=dict)
    stored_texts: dict[tuple[str, str], FileText] = field(default_factory=dict)
    stored_output: dict[str, list[OutputLine]] = field(default_factory=dict)
    stored_coming: dict[str, list[OutputLine]] = field(default_factory=dict)
    stored_timelines: dict[str, Timeline] = field(default_factory=dict)
    stored_pages: dict[str, list[Timeline]] = field(default_factory=dict)
    """Of a long run: the pages of its timeline."""
    stored_pasts: dict[tuple[str, int], RunDetail] = field(default_factory=dict)
    stored_packs: tuple[PackView, ...] = field(default_factory=lambda: (a_pack(),))
    damaged: set[str] = field(default_factory=set)
    """Ids of runs and requests that cannot be read."""
    calls: list[tuple[str, Any]] = field(default_factory=list)
    failures: dict[str, BaseException] = field(default_factory=dict)
    operators: dict[str, Operator] = field(default_factory=dict)
    worker: FakeWorker = field(default_factory=FakeWorker)
    when_working: Callable[[], None] = _nothing
    config: EngineConfig | None = None
    """What it was opened with."""
    clock: datetime = NOW

    def __post_init__(self) -> None:
        self.runs = FakeRuns(self)
        self.requests = FakeRequests(self)
        self.packs = FakePacks(self)
        self.feed = FakeFeed(self)
        self.drafts = FakeDrafts(self)
        self.saved_filters = FakeSavedFilters(self)
        self.housekeeping = FakeHousekeeping()
        self.levels = FakeLevels(self)
        self.budget = FakeBudget()

    def add(self, *things: RunView | ApprovalView | FormView | OutcomeView) -> FakeEngine:
        """Store things as they are."""
        for thing in things:
            match thing:
                case RunView():
                    self.stored_runs[thing.run_id] = thing
                case ApprovalView():
                    self.stored_approvals[thing.approval_id] = thing
                case FormView():
                    self.stored_forms[thing.request_id] = thing
                case OutcomeView():
                    self.stored_outcomes[thing.request_id] = thing
        return self

    def news(self, kind: str = "run_changed", run_id: str = "run-1") -> None:
        """Tell the feed's readers that something happened."""
        self.news_of(an_event_head(len(self.stored_events.get(run_id, ())) + 1, kind, run_id))

    def news_of(self, event: EventHead) -> None:
        """Tell them this very event."""
        self.feed.publish(FeedBatch(events=(event,)))

    def asked(self, name: str) -> list[Any]:
        """What was passed to every call of this name."""
        return [passed for called, passed in self.calls if called == name]

    def note(self, name: str, passed: Any = None) -> None:
        """Record a call; raise what was scripted for it."""
        self.calls.append((name, passed))
        if name in self.failures:
            raise self.failures[name]

    def for_(self, actor: Actor, *, tenant: str | None = None, all_tenants: bool = False) -> FakeEngine:
        """The same engine, narrowed as the embedded one narrows."""
        self.note("for_", (actor.name, tenant, all_tenants))
        access = access_of(self.operators, actor, tenant, all_tenants=all_tenants)
        scoped = copy(self)
        scoped.runs = self.runs.within(access)
        scoped.requests = self.requests.within(access)
        scoped.packs = self.packs.within(access)
        scoped.levels = self.levels.within(access)
        scoped.feed = self.feed.within(access)
        return scoped

    @asynccontextmanager
    async def open(self, config: EngineConfig) -> AsyncIterator[FakeEngine]:
        """Stands for `engine.open_engine`."""
        self.config = config
        self.note("open")
        yield self

    @asynccontextmanager
    async def work(self, *, slots: int = 64) -> AsyncIterator[FakeWorker]:
        self.note("work", slots)
        self.when_working()
        yield self.worker

    async def workers(self) -> tuple[WorkerView, ...]:
        worker = WorkerView(worker_id="worker-1", host="box", pid=42, alive=True, runs_held=0)
        return (replace(worker, resting=self.resting),)
