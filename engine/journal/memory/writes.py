"""What is written to the journal in memory; the counterpart of the SQLite operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.status import RequestStatus, RunStatus
from engine.errors import ErrorCode, Unavailable
from engine.journal.encoding import decode_input, encode, encode_input
from engine.journal.errors import LeaseLost, SeqConflict, refuse_other_request
from engine.journal.records import Decided
from engine.journal.rules.request_rules import (
    closes,
    decision_event,
    decision_input,
    refuse_claim,
    refuse_decision,
    unknown_request,
)
from engine.journal.rules.run_rows import new_run, run_change, slots_change
from engine.journal.rules.step_rows import (
    CLAIMS,
    closed_request,
    new_request,
    new_step,
    pending_counter,
    reopened_steps,
    step_change,
)
from engine.journal.rules.verb_rules import changes, unknown_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.journal.memory.store import MemoryStore, Row
    from engine.journal.records import Commit, Decision, NewRun
    from engine.machine.events.event import Event
    from engine.machine.model.inputs import Input

_NEW_RUN: dict[str, Any] = {
    "started_at": None,
    "lease_worker": None,
    "lease_epoch": 0,
    "current_step": None,
    "output_seq": None,
    "steps_executed": 0,
    "tool_calls": 0,
    "tokens_used": 0,
    "cancel": None,
    "pause": 0,
}
_NEW_STEP: dict[str, Any] = {"recoveries": 0, "retry_at": None, "output_seq": None, "request_id": None}
_NEW_REQUEST: dict[str, Any] = {"decided_at": None, "decided_by": None, "decision": None, "comment": None}


def create_run(store: MemoryStore, run: NewRun) -> tuple[str, bool]:
    """See port."""
    if run.idempotency_key is not None:
        key = (run.tenant, run.idempotency_key)
        found = store.idempotency.get(key)
        if found is not None:
            refuse_other_request(run, found)
            return str(found["run_id"]), False
        store.put(store.idempotency, key, {"run_id": run.run_id, "request_digest": run.request_digest})
    _insert_run(store, run)
    return run.run_id, True


def _insert_run(store: MemoryStore, run: NewRun) -> None:
    if run.run_id in store.runs:
        raise _taken("run", run.run_id)
    row = new_run(run)
    store.put_run({**_NEW_RUN, **row, "cell": store.cell_of(row, row["status"])})
    source = run.handed_off_from
    if source is not None:
        store.put(store.successors, source, (*store.successors.get(source, ()), run.run_id))
    store.keep_blobs(run.blobs)
    _insert_events(store, run.run_id, 0, run.events)
    if run.first is not None:
        lease_run(store, run.run_id, run.worker_id)
        append(store, run.first)


def lease_run(store: MemoryStore, run_id: str, worker_id: str | None) -> int:
    """Give a run to a worker; the lease's epoch."""
    epoch = int(store.runs[run_id]["lease_epoch"]) + 1
    store.change_run(run_id, lease_worker=worker_id, lease_epoch=epoch, ready=1)
    return epoch


def append(store: MemoryStore, commit: Commit) -> None:
    """See port."""
    run_id = commit.run_id
    row = store.runs.get(run_id)
    if row is None or row["lease_epoch"] != commit.epoch or row["lease_worker"] is None:
        raise LeaseLost(run_id)
    if row["run_seq"] != commit.expected_seq:
        raise SeqConflict(run_id)
    newest = max((mail_id for mail_id, _ in store.mail_of(run_id)), default=0)
    if commit.mail_seen is not None and newest > commit.mail_seen:
        raise SeqConflict(run_id)
    store.keep_blobs(commit.blobs)
    _insert_events(store, run_id, commit.expected_seq, commit.events)
    for run_seq, event in enumerate(commit.events, commit.expected_seq + 1):
        project(store, row, run_seq, event)
    for timer, due in commit.timers.items():
        if due is None:
            store.remove(store.timers, (run_id, timer))
        else:
            store.put(store.timers, (run_id, timer), due)
    for mail_id in commit.consumed:
        store.remove(store.mailbox, mail_id)
    for other, given in commit.mail:
        post(store, other, given)
    for child in commit.children:
        _insert_run(store, child)
    status = commit.head.status
    slots = slots_change(row, status)
    if slots:
        store.count(f"slot:{row['slot_key']}", slots)
    ready = commit.ready or (commit.release and bool(store.mail_of(run_id)))
    cell = store.cell_of(row, status.value)
    store.change_run(run_id, status=status.value, cell=cell, **run_change(commit, row, ready=ready))
    if commit.snapshot is not None:
        seq = commit.expected_seq + len(commit.events)
        store.put(store.snapshots, run_id, (seq, commit.snapshot))


def _insert_events(store: MemoryStore, run_id: str, after_seq: int, events: Sequence[Event]) -> None:
    history = store.histories.setdefault(run_id, {})
    for run_seq, event in enumerate(events, after_seq + 1):
        row = {
            "seq": store.number("events"),
            "run_id": run_id,
            "run_seq": run_seq,
            "ts": event.ts,
            "kind": event.kind.value,
            "step_id": event.step_id,
            "actor": event.actor,
            "payload": encode(event.payload),
        }
        store.put(store.events, row["seq"], row)
        store.put(history, run_seq, row)


def project(store: MemoryStore, run: Row, run_seq: int, event: Event) -> None:
    """What an event of a transition changes in the steps and requests."""
    run_id = run["run_id"]
    steps = store.steps.setdefault(run_id, {})
    begun = new_step(event, run_seq)
    if begun is not None:
        old = steps.get(begun["path"])
        row = {"run_id": run_id, **_NEW_STEP, **begun} if old is None else _begun_again(old, begun)
        store.put(steps, row["path"], row)
        return
    change = step_change(event, run_seq)
    if change is not None and event.step_id in steps:
        store.put(steps, event.step_id, {**steps[event.step_id], **change})
    for path, columns in reopened_steps(event):
        if path in steps:
            store.put(steps, path, {**steps[path], **columns})
    request = new_request(event, run_seq, run)
    if request is not None:
        if request["request_id"] in store.requests:
            raise _taken("request", request["request_id"])
        store.put(store.requests, request["request_id"], {"run_id": run_id, **_NEW_REQUEST, **request})
        store.count(pending_counter(request), 1)
        return
    closed = closed_request(event)
    if closed is not None:
        _close_request(store, closed[0], closed[1], event.ts)


def _begun_again(old: Row, row: Row) -> Row:
    """A retried step keeps its place, its name and what the new beginning does not say."""
    kept = {name: row[name] if row[name] is not None else old[name] for name in ("input_seq", "child_run_id")}
    return {
        **old,
        **kept,
        "status": row["status"],
        "attempt": max(old["attempt"], row["attempt"]),
        "started_at": old["started_at"] if old["started_at"] is not None else row["started_at"],
        "finished_at": row["finished_at"],
        "error_seq": row["error_seq"],
        "retry_at": None,
    }


def _close_request(store: MemoryStore, request_id: str, status: RequestStatus, now: int) -> None:
    found = store.requests.get(request_id)
    if found is None or not closes(found["status"], status):
        return
    closed_at = found["decided_at"] if found["decided_at"] is not None else now
    store.put(store.requests, request_id, {**found, "status": status.value, "decided_at": closed_at})
    store.remove(store.claims, request_id)
    if found["status"] == RequestStatus.PENDING.value:
        store.count(pending_counter(found), -1)


def decide(store: MemoryStore, decision: Decision) -> Decided:
    """Record the decision; taking the run is work (memory_work)."""
    row = store.requests.get(decision.request_id)
    if row is None or row["kind"] != decision.kind:
        raise unknown_request(decision.kind, decision.request_id)
    refuse_decision(row, decision)
    run_id, step_id = row["run_id"], row["step_id"]
    run_seq = store.runs[run_id]["run_seq"]
    store.keep_blobs(decision.blobs)
    _insert_events(store, run_id, run_seq, [decision_event(decision, step_id)])
    store.change_run(run_id, run_seq=run_seq + 1, updated_at=decision.now)
    decided = {
        "status": decision.status,
        "decided_at": decision.now,
        "decided_by": decision.actor,
        "decision": decision.status,
        "comment": decision.comment or None,
    }
    store.put(store.requests, decision.request_id, {**row, **decided})
    store.count(pending_counter(row), -1)
    store.remove(store.claims, decision.request_id)
    store.remove(store.timers, (run_id, f"timeout:{step_id}"))
    post(store, run_id, decision_input(decision, step_id))
    return Decided(run_id, step_id)


def claim_request(store: MemoryStore, request_id: str, kind: str, by: str, now: int, until: int) -> None:
    """See port."""
    row = store.requests.get(request_id)
    if row is None or row["kind"] != kind:
        raise unknown_request(kind, request_id)
    refuse_claim(row, store.claims.get(request_id), by, now)
    store.put(store.claims, request_id, {"claimed_by": by, "expires_at": until})
    store.count(CLAIMS, 1)


def release_request(store: MemoryStore, request_id: str, by: str) -> bool:
    """See port."""
    if store.claims.get(request_id, {}).get("claimed_by") != by:
        return False
    store.remove(store.claims, request_id)
    store.count(CLAIMS, 1)
    return True


def steer(store: MemoryStore, run_id: str, verb: Input) -> tuple[RunStatus, bool]:
    """See port."""
    row = store.runs.get(run_id)
    if row is None:
        raise unknown_run(run_id)
    changed = changes(row, [decode_input(text) for _, text in store.mail_of(run_id)], verb)
    if changed:
        post(store, run_id, verb)
    return RunStatus(row["status"]), changed


def post(store: MemoryStore, run_id: str, given: Input) -> None:
    """Put an input into a run's mailbox and make the run claimable."""
    store.put(store.mailbox, store.number("mailbox"), (run_id, encode_input(given)))
    store.change_run(run_id, ready=1)


def _taken(what: str, name: str) -> Unavailable:
    return Unavailable(
        ErrorCode.JOURNAL_UNAVAILABLE, f"the journal has a {what} {name} already", {"id": name}
    )
