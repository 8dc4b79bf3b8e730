"""One run held by this worker: its state in memory, its inputs, its tool calls.

A session takes inputs, plans, commits, and only then acts. When nothing of the run is under way any
more the last commit gives the lease back. A kill at any point leaves a run that another worker
continues from its events.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pydantic_core import from_json, to_json

from engine.contracts.status import RUN_TERMINAL
from engine.journal.errors import SeqConflict
from engine.journal.records import Commit
from engine.journal.rules.run_head import run_head
from engine.machine.events.fold import fold
from engine.machine.model.codec import state_from_json, state_to_json
from engine.machine.model.inputs import ChildEnded, OutputWritten, Start, StepFinished, StepInterrupted
from engine.machine.model.state import Phase, RunState, find_execution
from engine.machine.walk import in_flight, outstanding, run_status
from engine.runtime.worker.documents import DocumentWriter, write_response, write_so_far
from engine.runtime.worker.faults import NO_FAULTS
from engine.runtime.worker.planning import PREPARED_AT_ONCE, Plan, make_plan, steering_input
from engine.runtime.worker.steps.child_flows import ChildFlows
from engine.runtime.worker.steps.preparation import Preparer
from engine.runtime.worker.steps.tool_call import call_tool

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.journal.records import NewRun, StoredRun
    from engine.machine.model.effects import Effect
    from engine.machine.model.inputs import Input
    from engine.runtime.pack_library.pinned import PinnedFlow
    from engine.runtime.toolbox import Toolbox


@dataclass(frozen=True, slots=True)
class SessionHost:
    """What a session is lent by whoever works it.

    `spawn` runs a coroutine function as a task, `on_timer` hears of timers set,
    `on_end` of runs that ended, `documents` writes documents.
    """

    worker_id: str
    spawn: Callable[..., asyncio.Task[None]]
    on_timer: Callable[[int], None]
    on_end: Callable[[str], None]
    documents: DocumentWriter


SNAPSHOT_EVERY = 64
"""Events between snapshots, more for a large state: folding stays cheap, writing never quadratic."""


class Session:
    """Works one claimed run until nothing of it is under way."""

    def __init__(
        self,
        box: Toolbox,
        host: SessionHost,
        flow: PinnedFlow,
        run: StoredRun,
        epoch: int,
        *,
        lost: bool = False,
    ) -> None:
        self.run_id: str = run.row["run_id"]
        self.epoch = epoch
        self._box = box
        self._host = host
        self._row = run.row
        self._lost = lost
        self._flow = flow
        self._children = ChildFlows(box.catalog, box.pack_facts, run.row)
        self._facts = {name: run.row[name] for name in ("run_id", "tenant", "pack", "flow", "requested_by")}
        self._workdir = box.folders.path(run.row["pack"], self.run_id) / "runtime" / "work"
        start = state_from_json(from_json(run.snapshot)) if run.snapshot else RunState()
        self.state = fold((stored.event for stored in run.events), start)
        self._snapshot_seq, self._snapshot_bytes = start.run_seq, len(run.snapshot or b"")
        self._inbox: list[tuple[int | None, Input]] = list(run.mail)
        self._delivered = {mail_id for mail_id, _ in run.mail}
        self._made: dict[str, bytes] = {}
        self._wake = asyncio.Event()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._begun: Plan | None = None
        self._bug: Exception | None = None
        self._stopping = False
        self._released = False

    async def begin(self, run: NewRun, worker_id: str) -> tuple[str, bool]:
        """Queue a new run and take its first transition in the same commit: (run id, created)."""
        await self._children.pin(self._flow, self._box.packs)
        plan = await self._plan([Start(now=self._box.clock.now())], (), PREPARED_AT_ONCE)
        first = self._commit(plan, (), release=not self._holds(plan))
        self._reach("before_commit", plan)
        run_id, created = await self._box.journal.create_run(replace(run, worker_id=worker_id, first=first))
        self._reach("after_commit", plan)
        if created:
            self._adopt(plan, first)
            self._begun = plan
        return run_id, created

    def deliver(self, mail_id: int, given: Input) -> None:
        """Hand over mail that came while the run is held."""
        if mail_id not in self._delivered:
            self._delivered.add(mail_id)
            self._inbox.append((mail_id, given))
            self._wake.set()

    def stop(self) -> None:
        """Drain: stop the calls under way and give the run back; they run again elsewhere."""
        self._stopping = True
        self._wake.set()

    async def work(self) -> None:
        """Work until the lease is given back. Raises LeaseLost when another worker took it."""
        try:
            if self._begun is not None:
                await self._act(self._begun, PREPARED_AT_ONCE)
            else:
                await self._children.pin(self._flow, self._box.packs)
                await self._open()
            while not self._released:
                await self._wake.wait()
                self._wake.clear()
                if self._bug is not None:
                    raise self._bug
                if self._stopping:
                    await self._give_back()
                elif self._inbox:
                    await self._take_in(self._drain_inbox())
        finally:
            await self._stop_tasks()

    async def settle(self) -> None:
        """Take in the mail without starting anything, then give the run back."""
        try:
            await self._children.pin(self._flow, self._box.packs)
            wanted = outstanding(self._flow.graph, self.state)
            await self._take_in([*self._drain_inbox(), *self._interrupted()], wanted, budget=0)
            if not self._released:
                await self._give_back()
        finally:
            await self._stop_tasks()

    async def _open(self) -> None:
        """Continue where the events end: mail, lost calls, what has to be prepared."""
        inputs = [*self._drain_inbox(), *self._interrupted()]
        if inputs or self.state.phase is not Phase.QUEUED:
            wanted = outstanding(self._flow.graph, self.state)
            await self._take_in(inputs, wanted)
        if self.state.phase is Phase.QUEUED and not self._released:
            await self._take_in([(None, Start(now=self._box.clock.now(), actor="engine"))])

    def _interrupted(self) -> list[tuple[int | None, Input]]:
        """Calls that were under way when the run was lost or given back."""
        now = self._box.clock.now()
        return [
            (None, StepInterrupted(now=now, path=execution.path, lost=self._lost))
            for execution in in_flight(self.state)
        ]

    def _drain_inbox(self) -> list[tuple[int | None, Input]]:
        taken, self._inbox = self._inbox, []
        return taken

    async def _take_in(
        self,
        mail: Sequence[tuple[int | None, Input]],
        wanted: Sequence[Effect] = (),
        *,
        budget: int = PREPARED_AT_ONCE,
    ) -> None:
        """Plan and commit until the journal agrees, then act."""
        while True:
            inputs = [given for _, given in mail]
            consumed = [mail_id for mail_id, _ in mail if mail_id is not None]
            plan = await self._plan(inputs, wanted, budget)
            holding = self._holds(plan)
            if not plan.events and not consumed and holding:
                break
            commit = self._commit(plan, consumed, release=not holding)
            self._reach("before_commit", plan)
            try:
                await self._box.journal.append(commit)
            except SeqConflict:
                await self._catch_up()
                mail = [*mail, *self._drain_inbox()]  # in the order it came: a resume after its pause
                continue
            self._reach("after_commit", plan)
            self._adopt(plan, commit)
            break
        await self._act(plan, budget)

    def _holds(self, plan: Plan) -> bool:
        """Whether the run has to stay with this worker after the commit."""
        phase = plan.state.phase
        if self._tasks or plan.run_steps or plan.left_over or self._inbox:
            return True
        return phase is Phase.QUEUED or (phase is not Phase.ACTIVE and not plan.state.documented)

    async def _plan(self, inputs: Sequence[Input], wanted: Sequence[Effect], budget: int) -> Plan:
        preparer = Preparer(self._flow, self._facts, self._box.door, self._box.blobs, self._children)
        now = self._box.clock.now()
        plan: Plan = await self._box.blobs.with_loaded(
            lambda: make_plan(preparer, self.state, inputs, wanted, now, budget=budget)
        )
        return plan

    def _commit(self, plan: Plan, consumed: Sequence[int], *, release: bool) -> Commit:
        now = plan.events[-1].ts if plan.events else self._box.clock.now()
        mail = [(effect.child_run_id, steering_input(effect, now)) for effect in plan.steer_children]
        ended = plan.state.phase is not self.state.phase and run_status(plan.state) in RUN_TERMINAL
        if ended and self._row["parent_run_id"] is not None:
            mail.append((self._row["parent_run_id"], self._report_to_parent(plan, now)))
        return Commit(
            run_id=self.run_id,
            expected_seq=self.state.run_seq,
            epoch=self.epoch,
            events=plan.events,
            head=run_head(plan.state),
            now=now,
            release=release,
            ready=not release,
            mail_seen=max(self._delivered, default=0),
            consumed=consumed,
            timers=plan.timers,
            mail=mail,
            children=[self._children.new_run(self._flow, effect, now) for effect in plan.start_children],
            blobs={**self._made, **plan.blobs},
            snapshot=self._snapshot(plan),
        )

    def _report_to_parent(self, plan: Plan, now: int) -> ChildEnded:
        return ChildEnded(
            now=now,
            path=self._row["parent_path"],
            child_run_id=self.run_id,
            status=run_status(plan.state).value,
            output=plan.state.output,
            error=plan.state.error,
        )

    def _snapshot(self, plan: Plan) -> bytes | None:
        due = SNAPSHOT_EVERY + self._snapshot_bytes // 512
        if plan.state.run_seq - self._snapshot_seq < due:
            return None
        return to_json(state_to_json(plan.state))

    def _adopt(self, plan: Plan, commit: Commit) -> None:
        self.state = plan.state
        # a call that ended during the commit has brought values that the next one has to store
        self._made = {digest: data for digest, data in self._made.items() if digest not in commit.blobs}
        self._released = commit.release
        if commit.snapshot is not None:
            self._snapshot_seq, self._snapshot_bytes = plan.state.run_seq, len(commit.snapshot)
        for due in commit.timers.values():
            if due is not None:
                self._host.on_timer(due)

    async def _act(self, plan: Plan, budget: int) -> None:
        for cancel in plan.cancel_steps:
            task = self._tasks.get(cancel.path)
            if task is not None:
                task.cancel()
        if budget:
            for step in plan.run_steps:
                self._begin_call(step.path)
        if self._released:
            if self.state.phase is Phase.ACTIVE and budget:
                self._host.spawn(
                    write_so_far, self._box, self._host.documents, self._row, self._flow, self.state
                )
            return
        if self.state.phase not in {Phase.QUEUED, Phase.ACTIVE} and not self.state.documented:
            if not self._tasks:
                await self._document()
            return
        if plan.left_over and budget:
            await self._take_in([], plan.left_over, budget=budget)
        elif self._inbox:
            self._wake.set()

    async def _document(self) -> None:
        """Write the response document of an ended run, then let go of it."""
        self._host.on_end(self.run_id)
        self._box.faults.reach("before_document", "run")
        document = await write_response(
            self._box, self._host.documents, self._row, self._flow, self.state, self._box.clock.now()
        )
        self._box.faults.reach("after_document", "run")
        now = self._box.clock.now()
        await self._take_in([(None, OutputWritten(now=now, document=document))])

    def _begin_call(self, path: str) -> None:
        self._tasks[path] = self._host.spawn(self._call, path)

    async def _call(self, path: str) -> None:
        execution = find_execution(self.state.root, path)
        try:
            if execution is None:
                return
            self._box.faults.reach("before_tool", execution.type)
            finished, blobs = await call_tool(self._box, self._row, self._flow, execution, self._workdir)
            self._box.faults.reach("after_tool", execution.type)
            self._made |= blobs
        except asyncio.CancelledError:
            if self._stopping or execution is None:
                raise
            finished = StepFinished(
                now=self._box.clock.now(),
                path=path,
                attempt=execution.attempt,
                ok=False,
                cancelled=True,
            )
        except Exception as bug:  # noqa: BLE001 - the edge of a call: raised where the run is worked
            self._bug = bug
            self._wake.set()
            return
        finally:
            if self._tasks.get(path) is asyncio.current_task():
                del self._tasks[path]
        self._inbox.append((None, finished))
        self._wake.set()

    async def _catch_up(self) -> None:
        """An operator appended to the run, or mail came: fold and fetch it."""
        stored = await self._box.journal.events_after(self.run_id, self.state.run_seq)
        self.state = fold((item.event for item in stored), self.state)
        for mail_id, run_id, given in await self._box.journal.mail_for(self._host.worker_id):
            if run_id == self.run_id:
                self.deliver(mail_id, given)

    async def _give_back(self) -> None:
        await self._stop_tasks()
        if not self._released:
            await self._box.journal.release(self.run_id, self.epoch, ready=True)
            self._released = True

    async def _stop_tasks(self) -> None:
        self._stopping = True
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _reach(self, point: str, plan: Plan) -> None:
        if self._box.faults is not NO_FAULTS:
            self._box.faults.reach(point, self._step_type(plan))

    def _step_type(self, plan: Plan) -> str:
        for event in reversed(plan.events):
            if event.step_id is not None:
                execution = find_execution(plan.state.root, event.step_id)
                if execution is not None:
                    return execution.type
        return "run"
