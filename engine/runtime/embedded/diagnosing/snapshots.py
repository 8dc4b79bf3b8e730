"""Reading the snapshot of a run: who works it, or whether anybody does, makes no difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.flows.agent_step import MODEL, AgentStep
from engine.contracts.flows.plan_step import PlanProposalStep
from engine.contracts.runs.listed import RequestFilter
from engine.contracts.runs.snapshot import PendingRequest, RunSnapshot, ToolBound, UsedLimit
from engine.contracts.status import CancelMode, RequestKind, RequestStatus, StepStatus
from engine.errors import PackInvalid
from engine.journal.errors import reading
from engine.runtime.embedded.diagnosing.agents import LOOKED_BACK, NewestTurns, agent_snapshot, own_tools
from engine.runtime.embedded.diagnosing.skills import skill_facts, skills_told
from engine.runtime.views.summaries import summary_fields
from engine.runtime.worker.sessions.restoring import state_of_run
from engine.runtime.worker.steps.agents.token_ceiling import TOKENS_SETTING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.contracts.runs.snapshot import AgentSnapshot
    from engine.journal.port import Journal
    from engine.journal.rows import RunRow
    from engine.machine.model.state import RunState
    from engine.runtime.clock import Clock
    from engine.runtime.pack_library.library import PackLibrary
    from engine.runtime.pack_library.pinned import PinnedFlow
    from engine.runtime.views.run_reader import RunReader

MOST_AGENTS = 20
MOST_REQUESTS = 100
_MOST_STEPS = 200_000
_BEGUN_BY = frozenset({StepStatus.NOT_STARTED.value, StepStatus.SKIPPED.value})


class Snapshots:
    """Reads snapshots."""

    def __init__(self, journal: Journal, clock: Clock, reader: RunReader, packs: PackLibrary) -> None:
        self._journal = journal
        self._clock = clock
        self._reader = reader
        self._packs = packs

    async def of(self, run_id: str) -> RunSnapshot:
        """The snapshot of a run, masked. Raises NotFound, Unavailable (`journal_corrupt`)."""
        with reading("what stands in the snapshot", run_id):
            return await self._of(run_id)

    async def _of(self, run_id: str) -> RunSnapshot:
        state = await state_of_run(self._journal, await self._reader.row(run_id))
        row = await self._reader.row(run_id)
        flow = await self._flow(row)
        heads, _ = await self._journal.step_heads(run_id, _MOST_STEPS)
        agents = [
            one["path"]
            for one in heads
            if one["type"] in {"agent", "plan_proposal"} and one["status"] not in _BEGUN_BY
        ]
        shown = [await self._agent(row, path, flow, state) for path in agents[-MOST_AGENTS:]]
        told = summary_fields(row)
        same = ("pack", "flow", "tenant", "status", "waiting_for", "error", "steps_executed", "tool_calls")
        return RunSnapshot(
            run_id=run_id,
            **{name: told[name] for name in (*same, "tokens_used", "cost", "unpriced_calls")},
            parent_run_id=row["parent_run_id"],
            depth=row["depth"],
            run_seq=state.run_seq,
            held_by=row["lease_worker"],
            pause_requested=state.pause_requested,
            cancel=None if state.cancel is None else CancelMode(state.cancel),
            limits=tuple(await self._limits(row, flow)),
            narrowed=_bound(state.narrowed),
            narrowed_once=_bound(state.narrowed_once),
            messages_waiting=len(state.told or ()),
            requests=await self._requests(run_id),
            agents=tuple(shown),
            agents_before=max(0, len(agents) - MOST_AGENTS),
        )

    async def _flow(self, row: RunRow) -> PinnedFlow | None:
        """The flow as the run pinned it; a run whose pack cannot be read any more has a snapshot, too."""
        try:
            return await self._packs.flow(row["pack"], row["pack_digest"], row["flow"])
        except PackInvalid:
            return None

    async def _agent(self, row: RunRow, path: str, flow: PinnedFlow | None, state: RunState) -> AgentSnapshot:
        run_id = row["run_id"]
        count = await self._journal.count_scopes(run_id, path, MODEL)
        turns = range(max(0, count - LOOKED_BACK), count + 1)  # a message may stand before the next one
        steps = await self._reader.turns(run_id, path, turns)
        last = steps.get(f"{path}/{count - 1}/{MODEL}")
        if last is not None and last.status is StepStatus.SKIPPED:  # the person had nothing more to say
            count -= 1
        newest = NewestTurns(count, steps)
        step = flow.graph.step_at(path) if flow is not None else None
        known = step if isinstance(step, AgentStep | PlanProposalStep) else None
        agent = await self._reader.step(run_id, path)
        paths = (path, f"{path}/{count - 1}/{MODEL}")
        facts = await skill_facts(self._journal, run_id, paths, state.run_seq)
        skills = skills_told(facts, flow, row["pack"], own_tools(agent))
        return agent_snapshot(agent, newest, known, state, skills)

    async def _requests(self, run_id: str) -> tuple[PendingRequest, ...]:
        pending = RequestFilter(status=RequestStatus.PENDING, run_id=run_id)
        found = [
            PendingRequest(request_id=one["request_id"], kind=kind, step_id=one["step_id"])
            for kind in RequestKind
            for one in await self._journal.request_rows(kind, pending, MOST_REQUESTS)
        ]
        return tuple(sorted(found, key=lambda one: one.request_id)[:MOST_REQUESTS])

    async def _limits(self, row: RunRow, flow: PinnedFlow | None) -> list[UsedLimit]:
        if flow is None:
            return []
        limits, found = flow.graph.limits, []
        used = await self._journal.tree_usage(row["run_id"])
        if limits.max_steps is not None:
            found.append(UsedLimit(name=limits.steps_setting, limit=limits.max_steps, used=used.steps))
        if limits.max_tool_calls is not None:
            name = limits.calls_setting
            found.append(UsedLimit(name=name, limit=limits.max_tool_calls, used=used.calls))
        if limits.max_tokens is not None:
            found.append(UsedLimit(name=TOKENS_SETTING, limit=limits.max_tokens, used=used.tokens))
        if flow.graph.flow.max_duration is not None and row["started_at"] is not None:
            until = row["finished_at"] or self._clock.now()
            seconds = max(0, until - row["started_at"]) // 1_000_000
            found.append(
                UsedLimit(name="max_duration (s)", limit=int(flow.graph.flow.max_duration), used=seconds)
            )
        return found


def _bound(said: Mapping[str, list[str] | None] | None) -> ToolBound | None:
    if said is None:
        return None
    only, without = said["only"], said["without"] or ()
    return ToolBound(only=None if only is None else tuple(only), without=tuple(without))
