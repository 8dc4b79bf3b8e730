"""The same random operations on both journals; every read has to agree after each of them."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from engine.contracts.runs.listed import RequestFilter, RunFilter, RunSort
from engine.contracts.runs.run import EventFilter
from engine.contracts.status import RUN_TERMINAL, CancelMode, RequestKind, RequestStatus, RunStatus
from engine.errors import Unavailable, VasiniError
from engine.journal.memory.journal import MemoryJournal
from engine.journal.port import Journal
from engine.journal.records import Commit, RunHead
from engine.journal.rules.pruning import PruneRange
from engine.journal.sqlite.journal import SqliteJournal
from engine.machine.events.request_facts import ApprovalVoided, RequestExpired, RequestWithdrawn
from engine.machine.events.run_facts import RunCompleted, RunFailed, RunRetried, RunStarted
from engine.machine.events.step_facts import (
    AttemptFailed,
    AttemptStarted,
    RetryScheduled,
    StepCancelled,
    StepCompleted,
    StepFailed,
    StepRecovered,
    StepSkipped,
)
from engine.machine.model.inputs import Cancel, Input, Pause, Resume, Retry
from tests.engine.empty_journal import lay_journal
from tests.engine.in_memory import in_memory
from tests.engine.journal.money.test_journal_holding import a_call, hard
from tests.engine.journal.run_script import (
    ALL,
    NOW,
    HeldRun,
    a_run,
    answer,
    approval_opened,
    approve,
    assert_counters_agree,
    event,
    form_opened,
    refused_run,
    step_started,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.machine.events.event import Event

Operation = Callable[[Journal], Awaitable[Any]]

RUNS = st.integers(1, 4)
WORKERS = st.sampled_from(["w1", "w2", "w3"])
PATHS = st.sampled_from(["a", "b", "b/1/c"])
REQUESTS = st.integers(1, 4)
KINDS = st.sampled_from(["approval", "form"])
FILTERS = (
    RunFilter(),
    RunFilter(status=(RunStatus.QUEUED, RunStatus.FAILED), text="d"),
    RunFilter(tenant="default", requested_by="ann", text="3"),
)


def request_id(kind: str, number: int) -> str:
    return f"{'appr' if kind == 'approval' else 'form'}_{number}"


@st.composite
def events(draw: st.DrawFn) -> Event:
    path, number, ts = draw(PATHS), draw(REQUESTS), NOW + draw(st.integers(0, 9))
    error = {"code": "unknown", "message": "no"}
    made: list[Callable[[], Event]] = [
        lambda: step_started(path, ts=ts, attempt=number),
        lambda: step_started(path, ts=ts, input={"n": number}, child_run_id=f"run_{number:04}"),
        lambda: event(StepCompleted.kind, path, ts=ts, output=number, next=1),
        lambda: event(StepFailed.kind, path, ts=ts, type="tool", error=error),
        lambda: event(StepSkipped.kind, path, ts=ts, type="tool", next=1),
        lambda: event(StepCancelled.kind, path, ts=ts, reason="cancelled"),
        lambda: event(StepRecovered.kind, path, ts=ts, recoveries=number, attempt=1),
        lambda: event(AttemptFailed.kind, path, ts=ts, attempt=1, error=error),
        lambda: event(RetryScheduled.kind, path, ts=ts, attempt=2, retry_at=ts + 5),
        lambda: event(AttemptStarted.kind, path, ts=ts, attempt=number + 1),
        lambda: approval_opened(f"appr_{number}", path),
        lambda: approval_opened(f"appr_{number}", path, expires_at=NOW + number),
        lambda: event(RequestExpired.kind, path, ts=ts, request_id=f"appr_{number}"),
        lambda: form_opened(f"form_{number}", path),
        lambda: event(RequestWithdrawn.kind, path, ts=ts, request_id=f"appr_{number}", reason="cancelled"),
        lambda: event(RequestWithdrawn.kind, path, ts=ts, request_id=f"form_{number}", reason="cancelled"),
        lambda: event(
            ApprovalVoided.kind, path, ts=ts, approval_id=f"appr_{number}", reason="changed", next=0
        ),
        lambda: event(RunStarted.kind, ts=ts),
        lambda: event(RunRetried.kind, ts=ts),
        lambda: event(RunCompleted.kind, ts=ts, output={"n": number}),
        lambda: event(RunFailed.kind, ts=ts, error=error),
    ]
    return draw(st.sampled_from(made))()


@st.composite
def verbs(draw: st.DrawFn) -> Input:
    mode = draw(st.sampled_from(CancelMode))
    made: list[Input] = [Pause(now=NOW), Resume(now=NOW), Retry(now=NOW), Cancel(now=NOW, mode=mode)]
    return draw(st.sampled_from(made))


class BothJournals(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory(dir=in_memory())
        path = lay_journal(Path(self.folder.name, "journal.db"))
        sqlite: Journal = self.runner.run(SqliteJournal.open(path, poll_seconds=60))
        self.journals: list[Journal] = [MemoryJournal(), sqlite]
        self.now = NOW
        self.leases: dict[str, int] = {}
        self.questions = 0

    def teardown(self) -> None:
        for journal in self.journals:
            self.runner.run(journal.close())
        self.runner.close()
        self.folder.cleanup()

    def both(self, operation: Operation) -> Any:
        """What both journals answer, or None when both refuse."""
        answers = [self.runner.run(self._answer(operation, journal)) for journal in self.journals]
        assert answers[0] == answers[1]
        return answers[0][1]

    @staticmethod
    async def _answer(operation: Operation, journal: Journal) -> tuple[object, Any]:
        try:
            return "ok", await operation(journal)
        except Unavailable as error:  # each names its own storage
            return error.code, None
        except VasiniError as error:
            return (error.code, error.message, error.details), None

    @rule(
        number=RUNS,
        slots=st.none() | st.integers(1, 2),
        key=st.none() | st.just("k"),
        refused=st.booleans(),
        source=st.none() | RUNS,
    )
    def create(
        self, number: int, slots: int | None, key: str | None, refused: bool, source: int | None
    ) -> None:
        changes = {"slot_limit": slots, "idempotency_key": key, "request_digest": f"digest-{number % 2}"}
        changes["handed_off_from"] = None if source is None else f"run_{source:04}"
        run = refused_run(number) if refused and key is None else a_run(number, **changes)
        self.both(lambda journal: journal.create_run(run))

    @rule(worker=WORKERS, lease=st.integers(0, 5))
    def heartbeat(self, worker: str, lease: int) -> None:
        self.both(lambda journal: journal.heartbeat(worker, "host", 1, self.now, self.now + lease))

    @rule(worker=WORKERS)
    def retire(self, worker: str) -> None:
        self.both(lambda journal: journal.retire(worker))

    @rule(worker=WORKERS, limit=st.integers(0, 4), number=st.none() | RUNS)
    def claim(self, worker: str, limit: int, number: int | None) -> None:
        run_id = None if number is None else f"run_{number:04}"
        for claim in self.both(lambda journal: journal.claim(worker, self.now, limit, run_id)):
            self.leases[claim.run.row["run_id"]] = claim.epoch

    @rule(number=RUNS, old=st.integers(0, 3), ready=st.booleans())
    def release(self, number: int, old: int, ready: bool) -> None:
        run_id = f"run_{number:04}"
        epoch = self.leases.get(run_id, 0) - (old == 3)
        self.both(lambda journal: journal.release(run_id, epoch, ready=ready))

    @rule(
        number=RUNS,
        made=st.lists(events(), max_size=4),
        status=st.sampled_from(RunStatus),
        release=st.booleans(),
        ready=st.booleans(),
        timers=st.dictionaries(
            st.sampled_from(["t", "timeout:a", "timeout:b", "max_duration"]),
            st.none() | st.integers(1, 9),
            max_size=2,
        ),
        mail=st.lists(st.tuples(RUNS, verbs()), max_size=1),
        child=st.none() | RUNS,
        stale=st.integers(0, 9),
        take_mail=st.booleans(),
    )
    def append(
        self,
        number: int,
        made: list[Event],
        status: RunStatus,
        release: bool,
        ready: bool,
        timers: dict[str, int | None],
        mail: list[tuple[int, Input]],
        child: int | None,
        stale: int,
        take_mail: bool,
    ) -> None:
        run_id = f"run_{number:04}"
        row = self.both(lambda journal: journal.run_row(run_id)) or {"run_seq": 0, "lease_worker": None}
        waiting = self.both(lambda journal: journal.mail_for(row["lease_worker"] or "nobody"))
        commit = Commit(
            run_id,
            expected_seq=row["run_seq"] - (stale == 9),
            epoch=self.leases.get(run_id, 1) - (stale == 8),
            events=made,
            head=RunHead(status, current_step="a", pause=ready, cancel="now" if release else None),
            now=self.now,
            release=release,
            ready=ready,
            consumed=[mail_id for mail_id, owner, _ in waiting if owner == run_id and take_mail],
            timers={name: due and self.now + due for name, due in timers.items()},
            mail=[(f"run_{other:04}", given) for other, given in mail],
            children=[] if child is None else [a_run(child, parent_run_id=run_id, parent_path="b/0/c")],
            blobs={f"b{number}": bytes([stale])},
            snapshot=bytes([number]) if stale == 1 else None,
        )
        self.both(lambda journal: journal.append(commit))

    @rule(kind=KINDS, asked=KINDS, number=REQUESTS, digest=st.sampled_from([None, None, "shown", "other"]))
    def decide(self, kind: str, asked: str, number: int, digest: str | None) -> None:
        make = approve if kind == "approval" else answer
        decision = make(request_id(asked, number), digest=digest, now=self.now)
        self.both(lambda journal: journal.decide(decision))

    @rule(number=REQUESTS, kind=KINDS, by=st.sampled_from(["ann", "bob"]), seconds=st.integers(1, 5))
    def claim_request(self, number: int, kind: str, by: str, seconds: int) -> None:
        name, until = request_id(kind, number), self.now + seconds
        self.both(lambda journal: journal.claim_request(name, RequestKind(kind), by, self.now, until))

    @rule(number=REQUESTS, kind=KINDS, by=st.sampled_from(["ann", "bob"]))
    def release_request(self, number: int, kind: str, by: str) -> None:
        self.both(lambda journal: journal.release_request(request_id(kind, number), by))

    @rule(number=RUNS, verb=verbs())
    def steer(self, number: int, verb: Input) -> None:
        self.both(lambda journal: journal.steer(f"run_{number:04}", verb))

    @rule(number=RUNS, tree=RUNS, ceiling=st.none() | st.just(250))
    def begin_question(self, number: int, tree: int, ceiling: int | None) -> None:
        self.questions += 1
        run_id = f"run_{number:04}"
        held = HeldRun(self.journals[0], run_id, self.leases.get(run_id, 1), 0)
        call = a_call(
            held, self.questions, hard(500), ceiling=ceiling, told=90, now=self.now, deadline=self.now + 2
        )
        call = replace(call, uptime=self.now, subject=replace(call.subject, tree=f"run_{tree:04}"))
        self.both(lambda journal: journal.begin_call(call))

    @rule(hold=st.integers(1, 5), amount=st.integers(0, 120), tokens=st.integers(0, 120))
    def lower_hold(self, hold: int, amount: int, tokens: int) -> None:
        self.both(lambda journal: journal.lower_hold(f"hold_{hold}", amount, (tokens, tokens)))

    @rule(micros=st.integers(0, 4))
    def time_passes(self, micros: int) -> None:
        self.now += micros
        self.both(lambda journal: journal.fire_timers(self.now))

    @rule(
        seconds=st.integers(-2, 9),
        statuses=st.sampled_from([RUN_TERMINAL, {RunStatus.FAILED}]),
        rejected=st.sampled_from([None, True, False]),
        pack=st.sampled_from([None, "docs", "other"]),
    )
    def prune(self, seconds: int, statuses: set[RunStatus], rejected: bool | None, pack: str | None) -> None:
        wanted = PruneRange(self.now + seconds, sorted(statuses), rejected=rejected, pack=pack)
        found = self.both(lambda journal: journal.upkeep.prunable(wanted, "", 2))
        roots = [tree.root for tree in found[0]]
        assert self.both(lambda journal: journal.upkeep.prune(roots, wanted)) == found[0]
        unused = self.both(lambda journal: journal.upkeep.unused_blobs())
        self.both(lambda journal: journal.upkeep.drop_blobs(*unused))

    @invariant()
    def every_read_agrees(self) -> None:
        self.both(self._read_everything)
        for journal in self.journals:
            self.runner.run(assert_counters_agree(journal))

    async def _read_everything(self, journal: Journal) -> list[Any]:
        every = RequestFilter()
        numbered = {name: n for name, n in (await journal.counters()).items() if n}
        rows = [await journal.request_rows(kind, every, ALL) for kind in RequestKind]
        asked: list[Awaitable[Any]] = [
            journal.feed_events(0, ALL),
            journal.feed_events(3, 2),
            journal.event_heads(0, ALL),
            journal.event_heads(3, 2),
            journal.last_seq(),
            journal.next_timer(),
            journal.any_ready(self.now),
            journal.any_busy(self.now),
            journal.workers(),
            journal.claims_version(),
            journal.comments(["run_0001", "run_0002"]),
            journal.lists.by_status("default"),
            journal.levels.since(0, None),
            journal.spending.holds(),
            journal.spending.holds_of_run("run_0001"),
            *[journal.lists.page(filters, sort, 3) for filters in FILTERS for sort in RunSort],
            *[journal.lists.count(filters) for filters in FILTERS],
            *[journal.lists.position("run_0002", filters, RunSort.STATUS) for filters in FILTERS],
        ]
        asked += [journal.mail_for(worker) for worker in ("w1", "w2", "w3")]
        for kind in RequestKind:
            asked += [
                journal.request_rows(kind, every, ALL),
                journal.request_rows(kind, RequestFilter(status=RequestStatus.PENDING), 1),
                journal.request_rows(kind, RequestFilter(tenant="default"), 2),
                journal.earlier_rows(request_id(kind.value, 1), 3),
            ]
        for number in (1, 2, 3, 4):
            run_id = f"run_{number:04}"
            asked += [
                journal.run_view_row(run_id),
                journal.successors(run_id),
                journal.upkeep.tree(run_id),
                journal.page_steps(run_id, 0, 1_000),
                journal.page_steps(run_id, 2, 2),
                journal.page_steps(run_id, 1, 2, "tool"),
                journal.outermost_steps(run_id, 3),
                journal.step_events(run_id, ["a", "b/0/c"], 1, 7, 4),
                journal.step_events(run_id, None, 1, 5, 9),
                journal.step_heads(run_id, 2),
                _by_path(journal.step_heads_at(run_id, ["a", "b/1/c", "no"])),
                journal.step_outputs(run_id, ["a", "b", "c"]),
                _by_path(journal.step_rows_below(run_id, ["a", "b"])),
                _by_path(journal.step_rows_at(run_id, ["a", "b/0/c"])),
                journal.count_scopes(run_id, "a", "model"),
                journal.requests_below(run_id, ["a", "b"], None),
                journal.requests_below(run_id, ["b"], RequestStatus.PENDING),
                journal.lists.find_events(run_id, EventFilter(kind="step", text="B"), 1, 9),
                journal.page_events(run_id, 1, 3),
                journal.blob(f"b{number}"),
                journal.blobs([f"b{number}", "b0"]),
            ]
        asked += [journal.limits_around(found) for found in rows]
        # asked together: a thread that is woken for each answer takes longer than all of them
        return [numbered, *await asyncio.gather(*asked)]


async def _by_path(rows: Awaitable[Sequence[Any]]) -> list[Any]:
    return sorted(await rows, key=lambda row: row["path"])


TestJournalsAgree = BothJournals.TestCase
TestJournalsAgree.settings = settings(
    max_examples=15,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
