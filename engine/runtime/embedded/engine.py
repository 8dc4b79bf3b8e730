"""The embedded engine: one SQLite file, this process, no server. Here its parts are put together."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from engine.governance.access import access_of
from engine.governance.masking import Masker
from engine.governance.redactor import Redactor
from engine.journal.sqlite.journal import SqliteJournal
from engine.runtime.clock import SystemClock, offset_of
from engine.runtime.embedded.notes import Drafts, SavedFilters
from engine.runtime.embedded.parts.run_views import RunViews
from engine.runtime.embedded.parts.tools import Tools
from engine.runtime.embedded.runs import Runs
from engine.runtime.embedded.scoped import ScopedEngine
from engine.runtime.files.live_output import LiveOutput
from engine.runtime.files.run_folders import RunFolders
from engine.runtime.gc_tuning import gc_infrequent
from engine.runtime.intake import Intake
from engine.runtime.pack_library.catalog_source import CatalogSource
from engine.runtime.pack_library.library import PackLibrary
from engine.runtime.pack_library.pack_status import PackStatusSource
from engine.runtime.pack_library.pinned import PinnedPacks
from engine.runtime.pack_library.watch import PackWatch
from engine.runtime.processes import boot_id
from engine.runtime.value_store import ValueStore
from engine.runtime.worker.sessions.faults import NO_FAULTS
from engine.threads import finish, with_threads

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from contextlib import AbstractAsyncContextManager

    from engine.config import EngineConfig
    from engine.contracts.actor import Actor
    from engine.facade.engine import Engine, WorkerView
    from engine.journal.errors import DecidedBefore
    from engine.journal.port import Journal
    from engine.journal.records import ClockOffset, Decision
    from engine.runtime.clock import Clock
    from engine.runtime.embedded.feed import Feed
    from engine.runtime.embedded.governing.budget import Budget
    from engine.runtime.embedded.governing.levels import ServiceLevels
    from engine.runtime.embedded.handing_off.handoffs import Handoffs
    from engine.runtime.embedded.housekeeping import Housekeeping
    from engine.runtime.embedded.packs import PackList
    from engine.runtime.embedded.requests import Requests
    from engine.runtime.embedded.starting.run_starter import RunStarter
    from engine.runtime.rounds import Rounds
    from engine.runtime.worker.sessions.faults import Faults
    from engine.runtime.worker.sessions.opening import Sessions
    from engine.runtime.worker.worker import Worker
    from engine.tools.context import ToolContext, WantedHandoff
    from engine.tools.registry import ToolRegistry


class EmbeddedEngine:
    """Implements `engine.facade.engine.Engine`."""

    def __init__(
        self, config: EngineConfig, journal: Journal, clock: Clock, tools: ToolRegistry | None, faults: Faults
    ) -> None:
        self.tools = Tools(config, tools)
        self._config, self._journal, self._clock, self._faults = config, journal, clock, faults
        self._redactor = redactor = Redactor(Masker(config.redact_patterns, config.redact))
        self._values = ValueStore(journal, redactor)
        self._pack_status = PackStatusSource(journal)
        self._pack_source = CatalogSource(config, self.tools.names, journal, self._pack_status, clock)
        self._pack_watch = PackWatch(self._pack_source, config)
        self._packs = PackLibrary(self._pack_source, self._pack_status, PinnedPacks(journal, config.rules))
        self._folders = RunFolders(config.runs_dir)
        self._boot_id: str | None = None
        self._live_output = LiveOutput()
        self._run_views = RunViews(
            config, journal, clock, self._values, redactor, self._folders, self._live_output
        )
        self._intake = Intake(journal, self._clock_offset, self._refuse_what_has_ended)
        self.runs = Runs(
            journal,
            clock,
            reader=lambda: self._run_views.reader,
            starter=lambda: self._starter,
            handoffs=lambda: self._handoffs,
            take_mail=self._take_mail,
            packs=self._packs,
            redactor=redactor,
        )
        self.drafts = Drafts(journal, redactor, clock)
        self.saved_filters = SavedFilters(journal, redactor)

    def for_(self, actor: Actor, *, tenant: str | None = None, all_tenants: bool = False) -> Engine:
        """See facade."""
        access = access_of(self._config.operators, actor, tenant, all_tenants=all_tenants)
        return ScopedEngine(
            self,
            self.runs.within(access),
            lambda: self.feed.within(access),
            lambda: self.requests.within(access),
            lambda: self.packs.within(access),
            lambda: self.housekeeping.within(access),
            lambda: self.levels.within(access),
            lambda: self.budget.within(access),
            self.drafts.within(access),
            self.saved_filters.within(access),
        )

    @cached_property
    def feed(self) -> Feed:
        """See facade."""
        from engine.runtime.embedded.feed import Feed  # noqa: PLC0415 - a list that is read once hears no news

        return Feed(self._journal, self._pack_source, self._pack_watch)

    @cached_property
    def housekeeping(self) -> Housekeeping:
        """See facade."""
        from engine.runtime.embedded.housekeeping import Housekeeping  # noqa: PLC0415 - seldom needed

        return Housekeeping(
            self._journal,
            self._clock,
            self._values,
            self._run_views.reader,
            self._run_views.files,
            self._config.runs_dir,
        )

    @cached_property
    def levels(self) -> ServiceLevels:
        """See facade."""
        from engine.runtime.embedded.governing.levels import ServiceLevels  # noqa: PLC0415 - seldom needed

        return ServiceLevels(self._journal, self._clock, self._values, self._packs, self._config.rules.slo)

    @cached_property
    def budget(self) -> Budget:
        """See facade."""
        from engine.runtime.embedded.governing.budget import Budget  # noqa: PLC0415 - lists of runs spend nothing

        return Budget(self._journal, self._clock, self._redactor, self._packs, self._config.rules)

    @cached_property
    def requests(self) -> Requests:
        """See facade."""
        from engine.runtime.embedded.requests import Requests  # noqa: PLC0415 - lists of runs check no forms
        from engine.runtime.plans.plan_edits import PlanEditing  # noqa: PLC0415 - likewise

        return Requests(
            self._config,
            self._journal,
            self._clock,
            self._values,
            self._run_views.views,
            self._intake,
            self._run_views.cap_answers,
            PlanEditing(self._values, self.tools.faults_of),
        )

    @cached_property
    def packs(self) -> PackList:
        """See facade."""
        from engine.runtime.embedded.packs import PackList  # noqa: PLC0415 - the contracts of packs are many
        from engine.runtime.pack_library.diffs import DiffSides  # noqa: PLC0415 - likewise
        from engine.runtime.pack_library.registry import PackRegistry  # noqa: PLC0415 - likewise
        from engine.runtime.pack_library.trust import CodeTrust  # noqa: PLC0415 - likewise

        return PackList(
            self._packs,
            self._pack_source,
            self._pack_status,
            DiffSides(self._journal, self._packs),
            PackRegistry(self._config, self._journal, self._clock, self._pack_source, self._packs),
            CodeTrust(self._journal, self._clock, self._pack_source, self._packs),
            self._journal,
            self._clock,
            self.tools.listed_servers,
        )

    @cached_property
    def _starter(self) -> RunStarter:
        from engine.runtime.embedded.starting.run_starter import RunStarter  # noqa: PLC0415 - reading starts nothing

        return RunStarter(self._config, self._journal, self._clock, self._values, self._packs, self._intake)

    async def _clock_offset(self) -> ClockOffset:
        if self._boot_id is None:
            self._boot_id = await asyncio.to_thread(boot_id)
        return offset_of(self._clock, self._boot_id)

    async def _refuse_what_has_ended(self, decision: Decision, before: DecidedBefore) -> None:
        from engine.runtime.embedded.asking import decided_before  # noqa: PLC0415 - few are behind another one

        await decided_before.refuse_what_has_ended(self._journal, self._packs, self._values, decision, before)

    @cached_property
    def _handoffs(self) -> Handoffs:
        from engine.runtime.embedded.handing_off.context import HandoffContexts  # noqa: PLC0415 - seldom needed
        from engine.runtime.embedded.handing_off.handoffs import Handoffs  # noqa: PLC0415 - likewise

        contexts = HandoffContexts(self._journal, self._values)
        return Handoffs(
            self._config, self._run_views.reader, self._packs, self._values, contexts, self._starter
        )

    @cached_property
    def _sessions(self) -> Sessions:
        from engine.runtime.worker.sessions.opening import Sessions  # noqa: PLC0415 - lists and decisions need no machine

        return Sessions(
            self._config,
            self._journal,
            self._clock,
            self._values,
            self._packs,
            self._folders,
            self.tools.executor,
            self._faults,
            self._live_output,
            self._hand_off,
        )

    async def _hand_off(self, context: ToolContext, wanted: WantedHandoff) -> dict[str, str]:
        """See `HandOff`; few calls hand off, so what does it is loaded by the first one."""
        return await self._handoffs.by_call(context, wanted)

    @asynccontextmanager
    async def work(self, *, slots: int = 64) -> AsyncIterator[Worker]:
        """See facade."""
        from engine.runtime.rounds import Rounds  # noqa: PLC0415 - see _sessions
        from engine.runtime.worker.worker import Worker  # noqa: PLC0415 - see _sessions

        with_threads()
        rounds = Rounds(self._journal, self._clock, self._config.round_seconds)
        lease = self._config.lease_seconds
        worker = Worker(self._journal, self._clock, self._sessions, rounds, slots=slots, lease_seconds=lease)
        async with rounds.running():
            with gc_infrequent():
                running = asyncio.create_task(worker.run())
                try:
                    await worker.running_or(running)
                    with self._intake.served_by(worker.held):
                        async with AsyncExitStack() as beside:
                            for context in self._background_contexts(rounds, worker.worker_id):
                                await beside.enter_async_context(context)
                            yield worker
                finally:
                    worker.stop()
                    try:
                        await running  # drains; raises what ended the worker
                    finally:
                        await self._sessions.close_connections()

    def _background_contexts(
        self, rounds: Rounds, worker_id: str
    ) -> Iterator[AbstractAsyncContextManager[object]]:
        """What is open beside a worker as long as it works."""
        yield self._pack_watch.watching()
        yield from self._sending_notices()
        yield self.tools.following_settings(self._pack_source.read_again, self._sessions.use)
        yield self._standing_looks(rounds, worker_id)

    def _standing_looks(self, rounds: Rounds, worker_id: str) -> AbstractAsyncContextManager[None]:
        """What moves on without a person is looked at while the context is open."""
        from engine.runtime.embedded.standing_looks import standing_looks  # noqa: PLC0415 - see _sessions
        from engine.runtime.worker.registered import RestingNotes  # noqa: PLC0415 - see _sessions

        return standing_looks(
            rounds,
            self._journal,
            self._clock,
            self._config.rules.budget,
            runs=self.runs,
            starter=lambda: self._starter,
            packs=self._packs,
            source=self._pack_source,
            levels=self.levels,
            resting=RestingNotes(self._journal, self._clock, worker_id, self._sessions.resting_models),
        )

    def _sending_notices(self) -> Iterator[AbstractAsyncContextManager[None]]:
        """People are told what waits, while each context is open, by the ways that the settings name."""
        config = self._config
        if not config.rules.notify:
            return
        from engine.runtime.notice_sender import NoticeSender  # noqa: PLC0415 - off by default

        for way, send in config.rules.notify.items():
            yield NoticeSender(
                self._journal,
                self.runs,
                lambda: self.requests,
                way,
                send,
                config.notices_lock(way),
                config.notify_retry_seconds,
            ).sending()

    async def _take_mail(self, run_id: str) -> None:
        from engine.runtime.worker.mail_taking import MailTaker  # noqa: PLC0415 - see _sessions

        taker = MailTaker(self._journal, self._clock, self._sessions, self._config.lease_seconds)
        await taker.take_mail(run_id)

    async def workers(self) -> tuple[WorkerView, ...]:
        """See facade."""
        from engine.runtime.worker.registered import worker_views  # noqa: PLC0415 - see _sessions

        return await worker_views(self._journal, self._clock)


@asynccontextmanager
async def open_engine(
    config: EngineConfig,
    *,
    journal: Journal | None = None,
    registry: ToolRegistry | None = None,
    clock: Clock | None = None,
    faults: Faults | None = None,
) -> AsyncIterator[Engine]:
    """The engine of this process. Raises Unavailable when the journal cannot be used.

    `journal`, `registry`, `clock` and `faults` replace the parts that tests and benchmarks bring.
    """
    opened = journal or await SqliteJournal.open(config.journal_path, poll_seconds=config.poll_seconds)
    try:
        engine = EmbeddedEngine(config, opened, clock or SystemClock(), registry, faults or NO_FAULTS)
        async with engine.tools.serving():
            yield engine
    finally:
        await finish(opened.close())  # whole, also for who is cancelled meanwhile: no thread stays behind
