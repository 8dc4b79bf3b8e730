"""Writing runs and transitions: events, projections, timers, mail, blobs, in one savepoint."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from engine.contracts.status import RequestStatus
from engine.journal.encoding import encode, encode_input
from engine.journal.errors import LeaseLost, SeqConflict, refuse_other_request
from engine.journal.rules.request_rules import closes
from engine.journal.rules.run_filter import PERIOD
from engine.journal.rules.run_rows import new_run, run_change, slots_change
from engine.journal.rules.step_rows import (
    closed_request,
    new_request,
    new_step,
    pending_counter,
    reopened_steps,
    step_change,
)
from engine.journal.sqlite.queries import query

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from engine.journal.records import Columns, Commit, NewRun
    from engine.machine.events.event import Event
    from engine.machine.model.inputs import Input


def create_run(connection: sqlite3.Connection, run: NewRun) -> tuple[str, bool]:
    """Queue a run; (run id, created). The same idempotency key and request give the same run.

    Raises Refused(idempotency_conflict) for the same key with another request.
    """
    if run.idempotency_key is not None:
        key = (run.tenant, run.idempotency_key)
        found = connection.execute(query("select_idempotent"), key).fetchone()
        if found is not None:
            refuse_other_request(run, found)
            return str(found["run_id"]), False
        connection.execute(query("insert_idempotent"), (*key, run.run_id, run.request_digest))
    _insert_run(connection, run)
    if run.first is not None:
        connection.execute(query("take_lease"), (run.worker_id, run.run_id))
        append(connection, run.first)
    return run.run_id, True


def _insert_run(connection: sqlite3.Connection, run: NewRun) -> None:
    row = new_run(run)
    connection.execute(query("insert_run"), {**row, "cell": _enter_cell(connection, row, row["status"])})
    connection.execute(query("know_requester"), (run.tenant, run.requested_by))
    _put_blobs(connection, run.blobs)
    insert_events(connection, run.run_id, 0, run.events)


def append(connection: sqlite3.Connection, commit: Commit) -> None:
    """Append one transition. Raises SeqConflict or LeaseLost; then nothing of it is written."""
    run_id = commit.run_id
    head = connection.execute(query("select_head"), (run_id,)).fetchone()
    if head is None or head["lease_epoch"] != commit.epoch or head["lease_worker"] is None:
        raise LeaseLost(run_id)
    if head["run_seq"] != commit.expected_seq:
        raise SeqConflict(run_id)
    if commit.mail_seen is not None and (head["newest_mail"] or 0) > commit.mail_seen:
        raise SeqConflict(run_id)
    _put_blobs(connection, commit.blobs)
    insert_events(connection, run_id, commit.expected_seq, commit.events)
    _project(connection, head, commit)
    for timer, due in commit.timers.items():
        if due is None:
            connection.execute(query("cancel_timer"), (run_id, timer))
        else:
            connection.execute(query("set_timer"), (run_id, timer, due))
    for mail_id in commit.consumed:
        connection.execute(query("take_mail"), (mail_id,))
    for other, given in commit.mail:
        post(connection, other, given)
    for child in commit.children:
        _insert_run(connection, child)
    _update_run(connection, commit, head)
    if commit.snapshot is not None:
        seq = commit.expected_seq + len(commit.events)
        connection.execute(query("put_snapshot"), (run_id, seq, commit.snapshot))


def _update_run(connection: sqlite3.Connection, commit: Commit, head: sqlite3.Row) -> None:
    ready = commit.ready
    if commit.release and not ready:
        ready = connection.execute(query("has_mail"), (commit.run_id,)).fetchone() is not None
    columns = {"run_id": commit.run_id, **run_change(commit, head, ready=ready)}
    status = commit.head.status
    if head["status"] == status.value:
        connection.execute(query("update_run"), columns)
        return
    connection.execute(query("leave_cell"), (head["cell"],))
    connection.execute(query("count_period"), (head["cell"], head["created_at"] // PERIOD, -1))
    moved = {"status": status.value, "cell": _enter_cell(connection, head, status.value)}
    connection.execute(_update_moved_run(), columns | moved)
    slots = slots_change(head, status)
    if slots:
        count(connection, f"slot:{head['slot_key']}", slots)


@cache
def _update_moved_run() -> str:
    """Naming status and cell makes SQLite write their indexes again: only when they have changed."""
    return query("update_run").replace(" SET ", " SET status = :status, cell = :cell, ", 1)


def _enter_cell(connection: sqlite3.Connection, run: Columns, status: str) -> int:
    """Count a run in; the cell it is in from now on."""
    key = (run["tenant"], run["pack"], run["flow"], status)
    cell = int(connection.execute(query("enter_cell"), key).fetchone()[0])
    connection.execute(query("count_period"), (cell, run["created_at"] // PERIOD, 1))
    return cell


def insert_events(
    connection: sqlite3.Connection, run_id: str, after_seq: int, events: Sequence[Event]
) -> None:
    """Append events after `after_seq`; the unique index on run_seq is the last guard."""
    rows = [
        (run_id, run_seq, event.ts, event.kind.value, event.step_id, event.actor, encode(event.payload))
        for run_seq, event in enumerate(events, after_seq + 1)
    ]
    connection.executemany(query("insert_event"), rows)


def _project(connection: sqlite3.Connection, head: sqlite3.Row, commit: Commit) -> None:
    run_id = commit.run_id
    for run_seq, event in enumerate(commit.events, commit.expected_seq + 1):
        row = new_step(event, run_seq)
        if row is not None:
            connection.execute(query("insert_step"), {"run_id": run_id, **row})
            continue
        change = step_change(event, run_seq)
        if change is not None:
            connection.execute(_update_step(tuple(change)), (*change.values(), run_id, event.step_id))
        for path, columns in reopened_steps(event):
            connection.execute(_update_step(tuple(columns)), (*columns.values(), run_id, path))
        request = new_request(event, run_seq, head)
        if request is not None:
            connection.execute(query("insert_request"), {"run_id": run_id, **request})
            count(connection, pending_counter(request), 1)
            continue
        closed = closed_request(event)
        if closed is not None:
            _close_request(connection, closed[0], closed[1], event.ts)


@cache
def _update_step(columns: tuple[str, ...]) -> str:
    changes = ", ".join(f"{name} = ?" for name in columns)
    return f"UPDATE steps SET {changes} WHERE run_id = ? AND path = ?"  # noqa: S608 - closed names


def _close_request(connection: sqlite3.Connection, request_id: str, status: RequestStatus, now: int) -> None:
    found = connection.execute(query("select_request_status"), (request_id,)).fetchone()
    if found is None or not closes(found["status"], status):
        return
    connection.execute(query("close_request"), (status.value, now, request_id))
    connection.execute(query("drop_claim"), (request_id,))
    if found["status"] == RequestStatus.PENDING.value:
        count(connection, pending_counter(found), -1)


def post(connection: sqlite3.Connection, run_id: str, given: Input) -> None:
    """Put an input into a run's mailbox and make the run claimable."""
    connection.execute(query("put_mail"), (run_id, encode_input(given)))
    connection.execute(query("wake_run"), (run_id,))


def count(connection: sqlite3.Connection, name: str, change: int) -> None:
    """Move a counter."""
    connection.execute(query("count"), (name, change))


def _put_blobs(connection: sqlite3.Connection, blobs: Mapping[str, bytes]) -> None:
    for digest, data in blobs.items():
        connection.execute(query("put_blob"), (digest, data))
