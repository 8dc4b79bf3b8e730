"""Opening sessions: the one place that knows what a session is made of."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from engine.contracts.flows.agent_step import AgentStep
from engine.contracts.flows.plan_step import PlanProposalStep
from engine.contracts.flows.tool_step import ToolStep
from engine.json_schema.forms import load_checks
from engine.runtime.files.agent_places import AgentPlaces
from engine.runtime.files.call_outputs import CallOutputs
from engine.runtime.files.line_writer import LineWriter
from engine.runtime.processes import boot_id
from engine.runtime.worker.sessions.call_marks import LostCalls, lost_calls
from engine.runtime.worker.sessions.call_scheduler import CallScheduler
from engine.runtime.worker.sessions.documents import RunDocuments
from engine.runtime.worker.sessions.restoring import restored
from engine.runtime.worker.sessions.run_planner import RunPlanner
from engine.runtime.worker.sessions.running_calls import Callers
from engine.runtime.worker.sessions.session import Session
from engine.runtime.worker.steps.agents.live_models import LiveModels
from engine.runtime.worker.steps.agents.model_call import ModelCalls
from engine.runtime.worker.steps.agents.paying import Paying
from engine.runtime.worker.steps.agents.told.ended_turns import EndedTurns
from engine.runtime.worker.steps.agents.told.question import Questions
from engine.runtime.worker.steps.calls.call_judge import CallJudge
from engine.runtime.worker.steps.calls.call_output import kept_output
from engine.runtime.worker.steps.calls.tool_call import CallSite, ToolCalls
from engine.runtime.worker.steps.child_flows import ChildFlows
from engine.runtime.worker.steps.outside.launching import Launching
from engine.runtime.worker.steps.outside.outside_calls import OutsideAgents
from engine.tools.sandbox.bubblewrap import bubblewrap
from engine.tools.scopes import opened_scopes

if TYPE_CHECKING:
    from engine.budget.price_book import PriceBook
    from engine.config import ChangedSettings, EngineConfig
    from engine.journal.port import Journal
    from engine.journal.records import StoredRun
    from engine.journal.rows import RunRow
    from engine.machine.model.graph import RunLimits
    from engine.models.catalog import ModelCatalog
    from engine.runtime.clock import Clock
    from engine.runtime.files.live_output import LiveOutput
    from engine.runtime.files.run_folders import RunFolders
    from engine.runtime.pack_library.library import PackLibrary
    from engine.runtime.pack_library.pinned import PinnedFlow
    from engine.runtime.value_store import ValueStore
    from engine.runtime.worker.sessions.documents import DocumentQueue
    from engine.runtime.worker.sessions.faults import Faults
    from engine.runtime.worker.sessions.session import SessionHost
    from engine.tools.context import HandOff
    from engine.tools.executor import ToolExecutor

logger = logging.getLogger(__name__)


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
        live_output: LiveOutput,
        hand_off: HandOff,
    ) -> None:
        self._limits = config.rules.limits
        self._marks_dir = config.marks_dir
        self._slots_file = config.slots_file
        self._drain_seconds = config.drain_seconds
        self._journal = journal
        self._clock = clock
        self._values = values
        self._packs = packs
        self._folders = folders
        self._executor = executor
        writer = LineWriter(CallOutputs(config.runs_dir), live_output)
        kept = partial(kept_output, writer, values, clock, self._limits.max_output_bytes, live_output)
        tools = ToolCalls(executor, values, folders, clock, config.default_step_timeout, kept, hand_off)
        paying = Paying(journal, clock, config.rules.budget)
        turns = EndedTurns(journal, values)

        def make_calls(catalog: ModelCatalog, prices: PriceBook) -> ModelCalls:
            questions = Questions(catalog, executor, values, turns)
            return ModelCalls(catalog, questions, values, clock, kept, prices, paying)

        self._models = LiveModels(config.rules.models, config.rules.budget, config.secrets, make_calls)
        self._say_which_keys_are_there()
        self._launching = launching = Launching(
            config.rules.agents, config.secrets, config.rules.limits, config.bubblewrap or bubblewrap
        )
        places = AgentPlaces(config.runs_dir)
        outside = OutsideAgents(launching, places, values, clock, kept, paying)
        self._callers = Callers(tools, self._models, outside, writer)
        self._faults = faults
        self._boot_id: str | None = None

    def _say_which_keys_are_there(self) -> None:
        for model in self._models.catalog.known():
            if model.key != "none":
                found = "is there" if model.key == "set" else "is missing"
                logger.info("the model %s: its key %s", model.name, found)

    def documents(self, queue: DocumentQueue) -> RunDocuments:
        """What writes the documents of runs through `queue`."""
        return RunDocuments(self._journal, self._values, self._folders, self._limits, queue)

    def call_scheduler(self, worker_id: str) -> CallScheduler:
        """What lets the calls of a worker begin."""
        return CallScheduler(self._marks_dir, self._slots_file, worker_id)

    def resting_models(self) -> dict[str, float]:
        """Models that are left alone here, and for how many seconds."""
        return self._models.catalog.router.breaker.resting()

    async def close_connections(self) -> None:
        """Let go of connections to the servers of models; further calls open new ones."""
        await self._models.connections.close()

    def use(self, now: ChangedSettings) -> None:
        """Models, their prices and keys are those of changed settings from the next question on; secrets of
        tools and of programs that are agents from their next call or start on."""
        self._executor.use_secrets(now.secrets)
        self._launching.use_secrets(now.secrets)
        if self._models.use(now.models, now.budget, now.secrets):
            logger.info("models named from now on: %s", ", ".join(sorted(now.models.all)))

    async def open(
        self, host: SessionHost, run: StoredRun, epoch: int, *, lost: bool = False, calls: bool = True
    ) -> Session:
        """A session on a claimed run, which a worker has `lost` that died. `calls`: it will make some.

        Raises PackInvalid when its pinned flow cannot be loaded.
        """
        if self._boot_id is None:
            self._boot_id = await asyncio.to_thread(boot_id)
        row = run.row
        flow = await self._packs.flow(row["pack"], row["pack_digest"], row["flow"])
        limits, outermost = await self._ceilings(row, flow.graph.limits)
        if limits != flow.graph.limits:
            flow = replace(flow, graph=replace(flow.graph, limits=limits))
        usage = partial(self._journal.tree_usage, row["run_id"]) if _counts_together(row, flow) else None
        children = ChildFlows(self._packs, row, flow)
        await children.pin()
        before = await restored(self._journal, run)
        if calls:
            await self._executor.get_ready(_tools_of(flow))
            if any(step.asks_model for step in flow.graph.every_step):
                await load_checks()  # of what models write, which is checked while the run is planned
        workdir = self._folders.path(row["pack"], row["run_id"], "runtime", "work")
        input_dir = self._folders.path(row["pack"], row["run_id"], "input")
        kept = before.state.scopes
        scopes = await asyncio.to_thread(opened_scopes, kept, workdir) if kept else {}
        site = CallSite(row, flow, workdir, input_dir, scopes, outermost, usage, epoch)
        return Session(
            self._journal,
            self._clock,
            self._faults,
            RunPlanner(
                self._values,
                self._clock,
                self._boot_id,
                site,
                before,
                children,
                CallJudge(flow, self._executor, site.listed),
                self._callers.tools.preview,
            ),
            self._callers,
            host,
            run,
            site,
            lost=await self._lost_calls(row["lease_worker"] or "") if lost else None,
            drain_seconds=self._drain_seconds,
        )

    async def _lost_calls(self, worker_id: str) -> LostCalls:
        return await asyncio.to_thread(lost_calls, self._marks_dir, worker_id)

    async def _ceilings(self, row: RunRow, own: RunLimits) -> tuple[RunLimits, str]:
        """The ceilings of a run, and the outermost one above it: what binds the runs it was started by
        binds it too."""
        limits, outermost, above = own, row["run_id"], row["parent_run_id"]
        while above is not None:
            parent = await self._journal.run_row(above)
            if parent is None:
                break
            flow = await self._packs.flow(parent["pack"], parent["pack_digest"], parent["flow"])
            limits, outermost = limits.narrowed(flow.graph.limits), above
            above = parent["parent_run_id"]
        return limits, outermost


def _tools_of(flow: PinnedFlow) -> set[str]:
    """Every tool that its steps, agents and plans name."""
    found: set[str] = set()
    for step in flow.graph.every_step:
        if isinstance(step, ToolStep):
            found.add(step.tool)
        elif isinstance(step, AgentStep | PlanProposalStep):
            offered = flow.layer.offered if flow.layer is not None else None
            found.update(step.tools if step.tools is not None else offered or ())
    return found


def _counts_together(row: RunRow, flow: PinnedFlow) -> bool:
    """Whether ceilings have to look at more than the run itself."""
    if not flow.graph.limits.any:
        return False
    steps = flow.graph.every_step
    starts = any(step.starts_run or (isinstance(step, AgentStep) and step.flows) for step in steps)
    return starts or row["parent_run_id"] is not None
