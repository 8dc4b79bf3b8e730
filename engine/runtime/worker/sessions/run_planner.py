"""Plans and commits of one run: its flow, what its templates may look at, the children it starts."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from engine.contracts.status import RUN_TERMINAL
from engine.journal.known_states import KnownState
from engine.journal.records import Commit
from engine.journal.rules.rows.run_head import run_head
from engine.journal.rules.rows.time_limits import started_by
from engine.machine.model.codec import state_to_json
from engine.machine.model.state import Phase
from engine.machine.walk import outstanding, run_status
from engine.runtime.clock import offset_of
from engine.runtime.worker.sessions.planning import make_plan, report_to_parent, steering_input
from engine.runtime.worker.steps.calls.call_judge import PreviewNeeded
from engine.runtime.worker.steps.preparation import Preparer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from engine.contracts.flows.tool_step import ToolStep
    from engine.contracts.runs.preview import Preview
    from engine.machine.model.effects import Effect
    from engine.machine.model.inputs import Input
    from engine.machine.model.state import RunState
    from engine.runtime.clock import Clock
    from engine.runtime.value_store import ValueStore
    from engine.runtime.worker.sessions.planning import Plan
    from engine.runtime.worker.sessions.restoring import RestoredRun
    from engine.runtime.worker.steps.calls.call_judge import CallJudge
    from engine.runtime.worker.steps.calls.tool_call import CallSite
    from engine.runtime.worker.steps.child_flows import ChildFlows

SNAPSHOT_EVERY = 128
"""Events between snapshots, more for a large state: folding stays cheap, writing never quadratic."""
_NAMES = ("run_id", "tenant", "pack", "flow", "requested_by")
"""What templates may know of the run itself."""


class RunPlanner:
    """Turns inputs into plans and plans into commits; writes nothing."""

    def __init__(
        self,
        values: ValueStore,
        clock: Clock,
        boot_id: str,
        site: CallSite,
        restored: RestoredRun,
        children: ChildFlows,
        judge: CallJudge,
        look: Callable[[CallSite, str, ToolStep, Any], Awaitable[Preview | None]],
    ) -> None:
        self._values = values
        self._clock = clock
        self._boot_id = boot_id
        self._site = site
        self._children = children
        self._judge = judge
        self._look = look
        row: Mapping[str, Any] = site.row
        self._run_names = {name: row[name] for name in _NAMES}
        self.first_state = restored.state
        self._last_ts = restored.last_ts
        self._snapshot_seq, self._snapshot_bytes = restored.snapshot_seq, restored.snapshot_bytes

    def outstanding(self, state: RunState) -> list[Effect]:
        """What a run that is taken up has to have prepared."""
        return outstanding(self._site.flow.graph, state)

    async def plan(
        self,
        state: RunState,
        inputs: Sequence[Input],
        wanted: Sequence[Effect],
        budget: int,
        blobs: Mapping[str, bytes],
    ) -> Plan:
        """What one commit will hold; values it needs are loaded, and calls to be approved are looked at.

        `blobs` are values of the inputs, which the journal gets with the commit.
        """
        now = self._clock.now()
        self._judge.previews.clear()
        elsewhere = await self._used_elsewhere(state)
        while True:
            preparer = Preparer(
                self._site.flow, self._run_names, self._values, self._children, self._judge, elsewhere
            )
            try:
                plan: Plan = await self._values.with_loaded(
                    partial(make_plan, preparer, state, inputs, wanted, now, self._last_ts, budget=budget),
                    blobs,
                )
            except PreviewNeeded as needed:
                seen = await self._look(self._site, needed.path, needed.step, needed.params)
                self._judge.previews[needed.key] = seen
            else:
                return plan

    async def _used_elsewhere(self, state: RunState) -> tuple[int, int]:
        """Steps and calls that the other runs of the tree have used."""
        if self._site.usage is None:
            return 0, 0
        tree, own = await self._site.usage(), state.counters
        return max(0, tree.steps - own.steps_executed), max(0, tree.calls - own.tool_calls)

    def commit(
        self,
        before: RunState,
        plan: Plan,
        *,
        release: bool,
        consumed: Sequence[int] = (),
        mail_seen: int = 0,
        blobs: Mapping[str, bytes],
        words: str | None = None,
    ) -> Commit:
        """The plan as the journal takes it; `blobs` and `words` are those of the inputs."""
        now = plan.events[-1].ts if plan.events else max(self._clock.now(), self._last_ts)
        mail = [(effect.child_run_id, steering_input(effect, now)) for effect in plan.steer_children]
        row, snapshot = self._site.row, self._snapshot(plan)
        ended = plan.state.phase is not before.phase and run_status(plan.state) in RUN_TERMINAL
        above = started_by(row)
        if ended and above is not None:
            parent, path = above
            mail.append((parent, report_to_parent(plan.state, row["run_id"], path, now)))
        return Commit(
            run_id=row["run_id"],
            expected_seq=before.run_seq,
            epoch=self._site.epoch,
            events=plan.events,
            head=run_head(plan.state),
            now=now,
            release=release,
            ready=not release,
            mail_seen=mail_seen,
            consumed=consumed,
            timers=plan.timers,
            clock=offset_of(self._clock, self._boot_id) if plan.timers else None,
            mail=mail,
            children=[self._children.new_run(effect, now) for effect in plan.start_children],
            blobs={**blobs, **plan.blobs},
            snapshot=snapshot,
            words=words,
            known=self._known(plan.state, snapshot) if release else None,
        )

    def committed(self, commit: Commit, state: RunState) -> None:
        """The journal holds the commit, which left the run in `state`."""
        self._last_ts = commit.now
        if commit.snapshot is not None:
            self._snapshot_seq, self._snapshot_bytes = state.run_seq, len(commit.snapshot)

    def caught_up(self, ts: int) -> None:
        """Somebody else has appended to the run, last at `ts`."""
        self._last_ts = max(self._last_ts, ts)

    def _known(self, state: RunState, snapshot: bytes | None) -> KnownState | None:
        """What whoever goes on with a run that waits may begin with."""
        if state.phase is not Phase.ACTIVE:
            return None
        if snapshot is not None:
            return KnownState(state, state.run_seq, len(snapshot))
        return KnownState(state, self._snapshot_seq, self._snapshot_bytes)

    def _snapshot(self, plan: Plan) -> bytes | None:
        due = SNAPSHOT_EVERY + self._snapshot_bytes // 512
        if plan.state.run_seq - self._snapshot_seq < due:
            return None
        return to_json(state_to_json(plan.state))
