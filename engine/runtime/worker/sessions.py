"""Opening sessions: the one place that knows what a session is made of."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine.runtime.worker.call_room import CallRoom, marks_of
from engine.runtime.worker.documents import RunDocuments
from engine.runtime.worker.restoring import restored
from engine.runtime.worker.run_planner import RunPlanner
from engine.runtime.worker.session import Session
from engine.runtime.worker.steps.child_flows import ChildFlows
from engine.runtime.worker.steps.tool_call import ToolCalls

if TYPE_CHECKING:
    from engine.config import EngineConfig
    from engine.journal.port import Journal
    from engine.journal.records import StoredRun
    from engine.runtime.clock import Clock
    from engine.runtime.files.run_folder import RunFolders
    from engine.runtime.pack_library.library import PackLibrary
    from engine.runtime.value_store import ValueStore
    from engine.runtime.worker.documents import DocumentQueue
    from engine.runtime.worker.faults import Faults
    from engine.runtime.worker.session import SessionHost
    from engine.tools.executor import ToolExecutor


class Sessions:
    """Opens sessions on runs, and makes what their hosts write documents with."""

    def __init__(
        self,
        config: EngineConfig,
        journal: Journal,
        clock: Clock,
        values: ValueStore,
        packs: PackLibrary,
        folders: RunFolders,
        executor: ToolExecutor,
        faults: Faults,
    ) -> None:
        self._limits = config.limits
        self._marks_dir = config.marks_dir
        self._drain_seconds = config.drain_seconds
        self._journal = journal
        self._clock = clock
        self._values = values
        self._packs = packs
        self._folders = folders
        self._tools = ToolCalls(executor, values, folders, clock, config.default_step_timeout)
        self._tool_specs = executor.spec
        self._faults = faults

    def documents(self, queue: DocumentQueue) -> RunDocuments:
        """What writes the documents of runs through `queue`."""
        return RunDocuments(self._journal, self._values, self._folders, self._limits, queue)

    def call_room(self, worker_id: str) -> CallRoom:
        """Where a worker calls tools."""
        return CallRoom(self._marks_dir, worker_id)

    async def open(self, host: SessionHost, run: StoredRun, epoch: int, *, lost: bool = False) -> Session:
        """A session on a claimed run, which a worker has `lost` that died.

        Raises PackInvalid when its pinned flow cannot be loaded.
        """
        row = run.row
        flow = await self._packs.flow(row["pack"], row["pack_digest"], row["flow"])
        children = ChildFlows(self._packs, row, flow)
        await children.pin()
        return Session(
            self._journal,
            self._clock,
            self._faults,
            RunPlanner(
                self._values,
                self._clock,
                row,
                await restored(self._journal, run),
                epoch,
                flow,
                children,
                self._tool_specs,
            ),
            self._tools,
            host,
            run,
            flow,
            self._folders.path(row["pack"], row["run_id"]) / "runtime" / "work",
            epoch,
            lost=await self._marks_of(row["lease_worker"] or "") if lost else frozenset(),
            drain_seconds=self._drain_seconds,
        )

    async def _marks_of(self, worker_id: str) -> frozenset[bytes]:
        return await asyncio.to_thread(marks_of, self._marks_dir, worker_id)
