"""The embedded engine: one SQLite file, this process, no server."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from engine.contracts.model import from_micros
from engine.facade.engine import WorkerView
from engine.governance.door import ValueDoor
from engine.governance.masking import Masker
from engine.journal.sqlite.journal import SqliteJournal
from engine.runtime.clock import SystemClock
from engine.runtime.embedded.feed import Feed
from engine.runtime.embedded.notes import Drafts, SavedFilters
from engine.runtime.embedded.requests import Requests
from engine.runtime.embedded.runs import Runs
from engine.runtime.files.run_folder import RunFolders
from engine.runtime.gc_tuning import seldom_collected
from engine.runtime.pack_library.catalog_source import CatalogSource
from engine.runtime.pack_library.pack_status import PackStatusSource
from engine.runtime.pack_library.pinned import PinnedPacks
from engine.runtime.pack_library.watch import PackWatch
from engine.runtime.toolbox import LocalWorker, Toolbox
from engine.runtime.value_store import Blobs
from engine.runtime.worker.faults import NO_FAULTS
from engine.tools.builtin.all import builtin_registry
from engine.tools.executor import ToolExecutor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.config import EngineConfig
    from engine.facade.engine import Engine
    from engine.journal.port import Journal
    from engine.runtime.clock import Clock
    from engine.runtime.embedded.packs import PackList
    from engine.runtime.worker.faults import Faults
    from engine.runtime.worker.worker import Worker
    from engine.tools.registry import ToolRegistry


class EmbeddedEngine:
    """Implements `engine.facade.engine.Engine`."""

    def __init__(self, box: Toolbox) -> None:
        self._box = box
        self.runs = Runs(box)
        self.requests = Requests(box)
        self.feed = Feed(box)
        self.drafts = Drafts(box)
        self.saved_filters = SavedFilters(box)

    @cached_property
    def packs(self) -> PackList:
        """See facade."""
        from engine.runtime.embedded.packs import PackList  # noqa: PLC0415 - the contracts of packs are many

        return PackList(self._box)

    @asynccontextmanager
    async def work(self, *, slots: int = 64) -> AsyncIterator[Worker]:
        """See facade."""
        from engine.runtime.worker.worker import Worker  # noqa: PLC0415 - lists and decisions need no machine

        worker = Worker(self._box, slots)
        with seldom_collected():
            running = asyncio.create_task(worker.run())
            try:
                await worker.running_or(running)
                self._box.local.worker = worker
                async with self._box.pack_watch.watching():
                    yield worker
            finally:
                self._box.local.worker = None
                worker.stop()
                await running  # drains; raises what ended the worker

    async def workers(self) -> tuple[WorkerView, ...]:
        """See facade."""
        now = self._box.clock.now()
        return tuple(
            WorkerView(
                row.worker_id,
                row.host,
                row.pid,
                from_micros(row.expires_at) >= from_micros(now),
                row.runs_held,
            )
            for row in await self._box.journal.workers()
        )


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
    tools = registry or builtin_registry(config.limits)
    names = [spec.name for spec in tools.specs()]
    opened = journal or await SqliteJournal.open(config.journal_path, poll_seconds=config.poll_seconds)
    try:
        ticking = clock or SystemClock()
        facts = PackStatusSource(opened)
        catalog = CatalogSource(config, names, opened, facts, ticking)
        box = Toolbox(
            config=config,
            journal=opened,
            clock=ticking,
            door=ValueDoor(Masker(config.redact_patterns, config.redact)),
            blobs=Blobs(opened),
            packs=PinnedPacks(opened, config.policies),
            catalog=catalog,
            pack_facts=facts,
            pack_watch=PackWatch(catalog, config),
            tools=ToolExecutor(tools, config.limits, config.secrets),
            folders=RunFolders(config.runs_dir),
            faults=faults or NO_FAULTS,
            local=LocalWorker(),
        )
        yield EmbeddedEngine(box)
    finally:
        await opened.close()
