"""One run held by this worker: its state in memory, its inputs, its tool calls.

A session takes inputs, plans, commits, and only then acts. When nothing of the run is under way any
more the last commit gives the lease back. A kill at any point leaves a run that another worker
continues from its events.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from engine.contracts.status import RUN_SLOT_HOLDING
from engine.frozen import frozen, replace
from engine.journal.errors import LeaseLost, SeqConflict
from engine.machine.events.fold import fold
from engine.machine.model.inputs import OutputWritten, Start
from engine.machine.model.state import Phase, find_execution
from engine.machine.walk import run_status
from engine.runtime.worker.sessions.faults import NO_FAULTS
from engine.runtime.worker.sessions.inbox import Inbox, Incoming
from engine.runtime.worker.sessions.planning import PREPARED_AT_ONCE, Plan, step_type, unrepeatable
from engine.runtime.worker.sessions.running_calls import Callers, RunningCalls
from engine.runtime.worker.sessions.unfinished_calls import UnfinishedCalls, put_back

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from engine.journal.port import Journal
    from engine.journal.records import Commit, NewRun, StoredRun
    from engine.machine.model.effects import Effect
    from engine.machine.model.inputs import Input
    from engine.runtime.clock import Clock
    from engine.runtime.worker.sessions.call_marks import LostCalls
    from engine.runtime.worker.sessions.call_scheduler import CallScheduler
    from engine.runtime.worker.sessions.documents import RunDocuments
    from engine.runtime.worker.sessions.faults import Faults
    from engine.runtime.worker.sessions.run_planner import RunPlanner
    from engine.runtime.worker.steps.calls.tool_call import CallSite


@frozen
class SessionHost:
    """The worker (or the process that lets a run take in its mail) that a session runs in."""

    worker_id: str
    calls: CallScheduler
    """Lets calls begin."""
    spawn: Callable[..., asyncio.Task[None]]
    """Runs a coroutine function as a task."""
    on_end: Callable[[str], None]
    """Called with the id of a run that ended."""
    renew: Callable[[], Awaitable[None]]
    """Prolongs a lease that has ended."""
    documents: RunDocuments
    """Writes the files of runs."""


class Session:
    """Works one claimed run until nothing of it is under way."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        faults: Faults,
        planner: RunPlanner,
        callers: Callers,
        host: SessionHost,
        run: StoredRun,
        site: CallSite,
        *,
        lost: LostCalls | None,
        drain_seconds: float,
    ) -> None:
        self.run_id: str = run.row["run_id"]
        self.epoch = site.epoch
        self.state = planner.first_state
        self._journal = journal
        self._clock = clock
        self._faults = faults
        self._planner = planner
        self._host = host
        self._row = run.row
        self._flow = site.flow
        self._unfinished = UnfinishedCalls(self.run_id, clock, lost)
        self._drain_seconds = drain_seconds
        self._wake = asyncio.Event()
        self._inbox = Inbox(run.mail, self._wake)
        self._calls = RunningCalls(
            callers,
            clock,
            faults,
            site,
            scheduler=host.calls,
            spawn=host.spawn,
            still_held=self._require_lease,
            tells=self._inbox.tell,
            failed=self._call_failed,
        )
        self._started: Plan | None = None
        self._defect: Exception | None = None
        self._stopping = False
        self._released = False

    async def start(self, run: NewRun, worker_id: str) -> tuple[str, bool]:
        """Queue a new run and take its first transition in the same commit: (run id, created)."""
        begins = [Start(now=self._clock.now())]
        plan = await self._planner.plan(self.state, begins, (), PREPARED_AT_ONCE, run.blobs)
        first = self._planner.commit(self.state, plan, release=not self._holds(plan), blobs={})
        self._calls.expect(unrepeatable(plan))
        try:
            self._reach("before_commit", plan)
            run_id, created = await self._journal.create_run(replace(run, worker_id=worker_id, first=first))
            self._reach("after_commit", plan)
            if created:
                self._adopt(plan, first)
                self._started = plan
        finally:
            if self._started is None:  # it was refused, or started before: its calls are not made here
                self._calls.expect(frozenset())
        return run_id, created

    def deliver(self, mail_id: int, given: Input) -> None:
        """Hand over mail that came while the run is held."""
        self._inbox.deliver(mail_id, given)

    def stop(self) -> None:
        """Begin to drain: calls under way may end for a while, then the run is given back."""
        self._stopping = True
        self._wake.set()

    def lose(self) -> None:
        """Another worker took the run: nothing is told to it any more, so it ends now."""
        self._call_failed(LeaseLost(self.run_id))

    async def work(self) -> None:
        """Work until the lease is given back. Raises LeaseLost when another worker took it."""
        try:
            if self._started is not None:
                await self._act(self._started, PREPARED_AT_ONCE)
            elif self._stopping:  # it was claimed a moment before: nothing new begins here
                await self.take_mail()
            else:
                await self._resume()
            while not self._released:
                await self._wake.wait()
                self._wake.clear()
                self._raise_defect()
                if self._stopping:
                    await self._drain()
                elif self._inbox:
                    await self._take_in(self._inbox.take())
        finally:
            await self._stop_calls()

    async def take_mail(self) -> list[str]:
        """Take in the mail without starting anything, then give the run back; the runs told of a verb so.

        What would have it work is left to a worker where its flow has slots: these are counted there.
        """
        slotless = self._row["slot_key"] is not None and self._row["status"] not in RUN_SLOT_HOLDING
        try:
            wanted = self._planner.outstanding(self.state)
            kept = self._unfinished.not_begun(self.state)
            left = [*await self._uncounted(), *self._inbox.take()]
            unfinished = [*put_back(kept, self._clock), *self._unfinished.interrupted(self.state, but=kept)]
            plan = await self._take_in(
                [*left, *unfinished], wanted, budget=0, keep=bool(kept), slotless=slotless
            )
            if not self._released:
                await self._give_back()
        finally:
            await self._stop_calls()
        return [child.child_run_id for child in plan.steer_children]

    async def _resume(self) -> None:
        """Continue where the events end: mail, lost calls, what has to be prepared."""
        left = await self._uncounted()
        incoming = [*left, *self._inbox.take(), *self._unfinished.interrupted(self.state)]
        if incoming or self.state.phase is not Phase.QUEUED:
            await self._take_in(incoming, self._planner.outstanding(self.state))
        if self.state.phase is Phase.QUEUED and not self._released:
            await self._host.documents.keep_input(self._row, self.state)
            await self._take_in([Incoming(Start(now=self._clock.now(), actor="engine"))])

    async def _uncounted(self) -> list[Incoming]:
        """What models used for calls that ended with the worker that made them."""
        if not self._unfinished.may_have_cost(self.state):
            return []
        return [Incoming(used) for used in await self._calls.uncounted()]

    async def _require_lease(self) -> None:
        """A worker that was held up may have lost the run, though its lease was prolonged since. Raises
        LeaseLost."""
        await self._host.renew()
        row = await self._journal.run_row(self.run_id)
        if row is None or (row["lease_worker"], row["lease_epoch"]) != (self._host.worker_id, self.epoch):
            raise LeaseLost(self.run_id)

    async def _take_in(
        self,
        incoming: Sequence[Incoming],
        wanted: Sequence[Effect] = (),
        *,
        budget: int = PREPARED_AT_ONCE,
        keep: bool = False,
        slotless: bool = False,
    ) -> Plan:
        """Plan and commit until the journal agrees, then act: the plan. With `keep` nothing is given back.

        A run that is `slotless` is left as it is where it would need a slot of its flow.
        """
        while True:
            consumed = [one.mail_id for one in incoming if one.mail_id is not None]
            blobs = {digest: data for one in incoming for digest, data in one.blobs.items()}
            plan = await self._planner.plan(
                self.state, [one.given for one in incoming], wanted, budget, blobs
            )
            if slotless and run_status(plan.state) in RUN_SLOT_HOLDING:
                return Plan(self.state)
            holding = keep or self._holds(plan)
            if not plan.events and not consumed and holding:
                break
            commit = self._planner.commit(
                self.state,
                plan,
                release=not holding,
                consumed=consumed,
                mail_seen=self._inbox.mail_seen,
                blobs=blobs,
                words=next((one.words for one in incoming if one.words is not None), None),
            )
            if not holding or plan.state.phase is not Phase.ACTIVE:
                await self._calls.lines_written()  # whoever hears that it waits, or has ended, finds them
            self._calls.expect(unrepeatable(plan))
            self._reach("before_commit", plan)
            try:
                await self._journal.append(commit)
            except SeqConflict:
                await self._catch_up()
                incoming = [*incoming, *self._inbox.take()]  # in the order it came: a resume after its pause
                continue
            self._reach("after_commit", plan)
            self._adopt(plan, commit)
            break
        await self._act(plan, budget)
        return plan

    def _holds(self, plan: Plan) -> bool:
        """Whether the run has to stay with this worker after the commit."""
        phase = plan.state.phase
        if self._calls.any or plan.run_steps or plan.left_over or self._inbox:
            return True
        return phase is Phase.QUEUED or (phase is not Phase.ACTIVE and not plan.state.documented)

    def _adopt(self, plan: Plan, commit: Commit) -> None:
        self.state = plan.state
        self._released = commit.release
        self._planner.committed(commit, plan.state)

    async def _act(self, plan: Plan, budget: int) -> None:
        for cancel in plan.cancel_steps:
            self._calls.cancel(cancel.path)
        if budget:
            self._start_calls(plan)
        self._calls.hear(self.state)
        if self._released:
            if self.state.phase is Phase.ACTIVE and budget:
                self._host.spawn(self._host.documents.write_so_far, self._row, self._flow, self.state)
            return
        if self.state.phase not in {Phase.QUEUED, Phase.ACTIVE} and not self.state.documented:
            if not self._calls.any:
                await self._document()
            return
        if plan.left_over and budget:
            await self._take_in([], plan.left_over, budget=budget)
        elif self._inbox:
            self._wake.set()

    def _start_calls(self, plan: Plan) -> None:
        for step in plan.run_steps:
            execution = find_execution(self.state.root, step.path)
            if execution is not None:
                self._calls.start(execution, self.state)

    async def _document(self) -> None:
        """Write the response document of an ended run, then let go of it."""
        self._host.on_end(self.run_id)
        self._faults.reach("before_document", "run")
        document, words = await self._host.documents.write_response(
            self._row, self._flow, self.state, self._clock.now()
        )
        self._faults.reach("after_document", "run")
        written = OutputWritten(now=self._clock.now(), document=document)
        await self._take_in([Incoming(written, words=words)])

    def _call_failed(self, defect: Exception) -> None:
        self._defect = defect
        self._wake.set()

    async def _catch_up(self) -> None:
        """An operator appended to the run, or mail came: fold and fetch it."""
        stored = await self._journal.events_after(self.run_id, self.state.run_seq)
        self.state = fold((item.event for item in stored), self.state)
        if stored:
            self._planner.caught_up(stored[-1].event.ts)
        for mail_id, run_id, given in await self._journal.mail_for(self._host.worker_id):
            if run_id == self.run_id:
                self.deliver(mail_id, given)

    async def _drain(self) -> None:
        """Take in how calls under way end, start nothing, and give the run back.

        Calls that take longer than `drain_seconds` are stopped. Mail is left to whoever goes on.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + self._drain_seconds
        while not self._released:
            if results := self._inbox.take_results():
                await self._take_in(results, budget=0)
            elif not self._calls.any or loop.time() >= until:
                await self._give_back()
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(until):
                        await self._wake.wait()
                self._wake.clear()
            self._raise_defect()

    def _raise_defect(self) -> None:
        if self._defect is not None:
            raise self._defect

    async def _give_back(self) -> None:
        await self._stop_calls()
        used = [Incoming(one) for one in self._calls.take_used()]
        left = [*used, *put_back(self._calls.not_begun, self._clock)]
        if left and not self._released:
            await self._take_in(left, budget=0, keep=True)
        if not self._released:
            await self._journal.release(self.run_id, self.epoch, ready=True)
            self._released = True

    async def _stop_calls(self) -> None:
        self._stopping = True
        await self._calls.stop()

    def _reach(self, point: str, plan: Plan) -> None:
        if self._faults is not NO_FAULTS:
            self._faults.reach(point, step_type(plan))
