"""Carrying out what events change in the rows of executions and requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.status import RequestStatus
from engine.journal.rules.levels.levels import count_request
from engine.journal.rules.rows.event_rows import (
    MoneySpent,
    RequestEnds,
    RequestOpens,
    RunChanges,
    StepBegins,
    StepChanges,
    changes_of,
)
from engine.journal.rules.rows.run_rows import worked_since
from engine.journal.rules.spending.holding import settle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.journal.rows import (
        FlowNames,
        HeadRow,
        NewRequestRow,
        NewStepRow,
        RequestRow,
        RunColumns,
        RunRow,
        StepColumns,
        StepRow,
    )
    from engine.journal.rules.store import Store
    from engine.machine.events.event import Event

CLAIMS = "claims"
"""The counter of changes to claims: who reads it twice knows whether there were any."""


def project(
    store: Store,
    run_id: str,
    run: FlowNames,
    after_seq: int,
    events: Sequence[Event],
    *,
    request: RequestRow | None = None,
) -> RunColumns:
    """Change the rows that events after the number `after_seq` change; the columns left for the run's own.

    `request` is the row, read already, of a request that the events may end.
    """
    columns: RunColumns = {}
    for run_seq, event in enumerate(events, after_seq + 1):
        for change in changes_of(event, run_seq, run):
            if isinstance(change, StepChanges):
                store.change_step(run_id, change.path, change.columns)
            elif isinstance(change, StepBegins):
                _start_step(store, run_id, change.row)
            elif isinstance(change, RunChanges):
                columns.update(change.columns)
            elif isinstance(change, MoneySpent):
                store.add_spending(change.row)
                if change.hold is not None:
                    settle(store, change.hold, change.row, event.ts)
            elif isinstance(change, RequestOpens):
                store.insert_request(run_id, change.row)
                store.count(pending_counter(change.row), 1)
            else:
                known = request is not None and request["request_id"] == change.request_id
                _end_request(store, change, request if known else store.request(change.request_id))
    return columns


def record(
    store: Store,
    head: HeadRow | RunRow,
    event: Event,
    columns: RunColumns | None = None,
    *,
    request: RequestRow | None = None,
) -> None:
    """Append an event that needs no lease: whoever works the run reads on. `request` as for `project`."""
    run_id, run_seq = head["run_id"], head["run_seq"] + 1
    store.insert_events(run_id, head["run_seq"], [event])
    changed = project(store, run_id, head, head["run_seq"], [event], request=request)
    worked = head["worked"] + worked_since(head, event.ts)
    now: RunColumns = {"run_seq": run_seq, "updated_at": event.ts, "worked": worked}
    store.change_run(head, {**changed, **(columns or {}), **now})


def _start_step(store: Store, run_id: str, row: NewStepRow) -> None:
    if store.insert_step(run_id, row):
        return
    old = store.step(run_id, row["path"])
    if old is not None:
        store.change_step(run_id, row["path"], _started_again(old, row))


def _started_again(old: StepRow, row: NewStepRow) -> StepColumns:
    """A retried step keeps its place, its name and what the new beginning does not say."""
    return {
        "status": row["status"],
        "attempt": max(old["attempt"], row["attempt"]),
        "started_at": old["started_at"] if old["started_at"] is not None else row["started_at"],
        "finished_at": row["finished_at"],
        "input_seq": row["input_seq"] if row["input_seq"] is not None else old["input_seq"],
        "error_seq": row["error_seq"],
        "child_run_id": row["child_run_id"] if row["child_run_id"] is not None else old["child_run_id"],
        "retry_at": None,
        "confidence": None,
        "least_confidence": None,
    }


def _end_request(store: Store, change: RequestEnds, found: RequestRow | None) -> None:
    """End a request if it can still end so; nobody looks at it any more then.

    What is decided stays decided: only VOID comes after it.
    """
    if found is None or found["status"] == change.status.value:
        return
    pending = found["status"] == RequestStatus.PENDING.value
    if not pending and change.status is not RequestStatus.VOID:
        return
    columns = change.columns
    if found["decided_at"] is not None and "decided_at" in columns:
        columns = {**columns, "decided_at": found["decided_at"]}
    store.change_request(change.request_id, columns)
    store.put_request_claim(change.request_id, None)
    if pending:
        store.count(pending_counter(found), -1)
        count_request(store, found, columns)


def pending_counter(request: NewRequestRow) -> str:
    """The counter of what waits for a person, of the request's kind and tenant."""
    return f"{request['kind']}:{RequestStatus.PENDING.value}/{request['tenant']}"
