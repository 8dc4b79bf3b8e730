"""Runs as a journal sees them: events in order, written by a worker that holds the lease."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.contracts.runs.listed import RequestFilter, RunFilter, RunSort
from engine.contracts.status import RUN_SLOT_HOLDING, RequestKind, RequestStatus, RunStatus
from engine.journal.records import Commit, Decision, NewRun, RunHead
from engine.machine.events.request_facts import PendingHuman, UserInputRequested
from engine.machine.events.run_facts import RunQueued, RunRefused, RunStarted
from engine.machine.events.step_facts import StepStarted
from engine.machine.events.table import read_event

if TYPE_CHECKING:
    from engine.journal.port import Journal
    from engine.machine.events.event import Event

NOW = 1_700_000_000_000_000
LATER = NOW + 60_000_000
ALL = 10_000


def event(
    kind: str, path: str | None = None, *, ts: int = NOW, actor: str = "engine", **payload: Any
) -> Event:
    return read_event(kind, ts, actor, path, payload)


def a_run(number: int = 1, **changes: Any) -> NewRun:
    run = NewRun(
        run_id=f"run_{number:04}",
        tenant="default",
        pack="docs",
        pack_version="1.0.0",
        pack_digest="d" * 64,
        flow="check",
        flow_version="2.0.0",
        requested_by="ann",
        status=RunStatus.QUEUED,
        events=[event(RunQueued.kind, input={"n": number})],
    )
    return replace(run, **changes)


def refused_run(number: int = 1) -> NewRun:
    error = {"code": "invalid_input", "message": "no", "details": {}}
    return a_run(number, status=RunStatus.FAILED, events=[event(RunRefused.kind, error=error)], error=error)


def step_started(path: str, step_type: str = "tool", *, ts: int = NOW, **payload: Any) -> Event:
    return event(StepStarted.kind, path, ts=ts, type=step_type, name=path.title(), **payload)


def approval_opened(approval_id: str, path: str = "ask", digest: str = "shown", **payload: Any) -> Event:
    body = {"title": "Go?"}
    return event(
        PendingHuman.kind, path, approval_id=approval_id, digest=digest, risk="high", body=body, **payload
    )


def form_opened(request_id: str, path: str = "ask") -> Event:
    return event(UserInputRequested.kind, path, request_id=request_id, form_id="form", body={"title": "Who?"})


def approve(approval_id: str, **changes: Any) -> Decision:
    decision = Decision(
        request_id=approval_id,
        kind="approval",
        actor="bob",
        now=LATER,
        payload={"approval_id": approval_id, "decision": "APPROVED", "comment": "fine"},
    )
    return replace(decision, **changes)


def answer(request_id: str, **changes: Any) -> Decision:
    decision = Decision(
        request_id=request_id,
        kind="form",
        actor="bob",
        now=LATER,
        payload={"request_id": request_id, "output": {"values": {"who": "me"}}},
    )
    return replace(decision, **changes)


class HeldRun:
    """A run under a lease, appended to in order."""

    def __init__(self, journal: Journal, run_id: str, epoch: int, seq: int) -> None:
        self.journal = journal
        self.run_id = run_id
        self.epoch = epoch
        self.seq = seq

    def commit(self, *events: Event, status: RunStatus = RunStatus.RUNNING, **changes: Any) -> Commit:
        head = changes.pop("head", None) or RunHead(status=status)
        made = Commit(self.run_id, self.seq, self.epoch, list(events), head, NOW)
        return replace(made, **changes)

    async def append(self, *events: Event, status: RunStatus = RunStatus.RUNNING, **changes: Any) -> None:
        await self.journal.append(self.commit(*events, status=status, **changes))
        self.seq += len(events)

    async def row(self) -> dict[str, Any]:
        found = await self.journal.run_row(self.run_id)
        assert found is not None
        return dict(found)


async def hold(journal: Journal, number: int = 1, *, worker: str = "worker-1", start: bool = True) -> HeldRun:
    """A created, claimed and (unless told otherwise) started run of a living worker."""
    await journal.create_run(a_run(number))
    return await take(journal, f"run_{number:04}", worker=worker, start=start)


async def take(journal: Journal, run_id: str, *, worker: str = "worker-1", start: bool = True) -> HeldRun:
    await journal.heartbeat(worker, "host", 1, NOW, LATER)
    (claim,) = await journal.claim(worker, NOW, 1, run_id)
    held = HeldRun(journal, run_id, claim.epoch, claim.run.row["run_seq"])
    if start:
        await held.append(event(RunStarted.kind))
    return held


async def wait_for_approval(
    journal: Journal,
    number: int = 1,
    *,
    parked: bool = True,
    expires_at: int | None = None,
    **changes: Any,
) -> HeldRun:
    """A run with the pending approval `appr_<number>` of its step `ask`."""
    held = await hold(journal, number)
    await held.append(
        step_started("ask", "human_approval"),
        approval_opened(f"appr_{number:04}", expires_at=expires_at),
        status=RunStatus.PENDING_HUMAN,
        release=parked,
        ready=not parked,
        **changes,
    )
    return held


async def counted(journal: Journal) -> dict[str, int]:
    """The counters as a recount of all runs and requests gives them."""
    found: dict[str, int] = {}
    for row in await journal.lists.page(RunFilter(), RunSort.NEWEST, ALL):
        if row["slot_key"] is not None and RunStatus(row["status"]) in RUN_SLOT_HOLDING:
            name = f"slot:{row['slot_key']}"
            found[name] = found.get(name, 0) + 1
    for kind in RequestKind:
        for request in await journal.request_rows(kind, RequestFilter(status=RequestStatus.PENDING), ALL):
            name = f"{kind.value}:PENDING/{request['tenant']}"
            found[name] = found.get(name, 0) + 1
    return found


async def assert_statuses_agree(journal: Journal) -> None:
    rows = await journal.lists.page(RunFilter(), RunSort.NEWEST, ALL)
    for tenant in {None, *(row["tenant"] for row in rows)}:
        fitting = Counter(row["status"] for row in rows if tenant in {None, row["tenant"]})
        counted = await journal.lists.by_status(tenant)
        assert {status: n for status, n in counted.items() if n} == fitting


async def assert_counters_agree(journal: Journal) -> None:
    counters = await journal.counters()
    assert all(n >= 0 for n in counters.values()), counters
    counters.pop("claims", None)
    assert {name: n for name, n in counters.items() if n} == await counted(journal)
    await assert_statuses_agree(journal)
