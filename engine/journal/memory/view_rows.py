"""Rows in memory as readers are shown them: with payloads of their events, and what is known beside them."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, cast

from engine.contracts.status import RequestKind, RequestStatus
from engine.journal.rows import CommentRow
from engine.journal.rules.rows.time_limits import limit_around, started_by

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from engine.contracts.runs.listed import RequestFilter
    from engine.journal.memory.store import MemoryStore
    from engine.journal.rows import RequestRow, RequestViewRow, RunViewRow, StepViewRow, TimeLimit


def payload_of(store: MemoryStore, run_id: str, run_seq: int | None) -> str | None:
    """The payload of an event of a run, as it is stored."""
    return None if run_seq is None else str(store.histories[run_id][run_seq]["payload"])


def run_view_row(store: MemoryStore, run_id: str) -> RunViewRow | None:
    """A run with its input and its output."""
    row = store.runs.get(run_id)
    if row is None:
        return None
    payloads = {
        "first_event": payload_of(store, run_id, 1),
        "output_event": payload_of(store, run_id, row["output_seq"]),
    }
    return cast("RunViewRow", {**row, **payloads})


def step_view_rows(store: MemoryStore, run_id: str) -> Iterator[StepViewRow]:
    """Executions of a run with their values, in the order in which they began."""
    rows = sorted(store.steps.get(run_id, {}).values(), key=lambda row: int(row["first_seq"]))
    for row in rows:
        yield {
            **row,
            "input_event": payload_of(store, run_id, row["input_seq"]),
            "output_event": payload_of(store, run_id, row["output_seq"]),
            "error_event": payload_of(store, run_id, row["error_seq"]),
        }


def request_view_row(store: MemoryStore, request_id: str) -> RequestViewRow | None:
    """A request with its run, and how it was decided."""
    row = store.requests.get(request_id)
    if row is None:
        return None
    recoveries = sum(step["recoveries"] for step in store.steps.get(row["run_id"], {}).values())
    return {**_with_run(store, row), "recoveries": recoveries, "decided_event": _decided(store, row)}


def request_view_rows(
    store: MemoryStore, kind: RequestKind, wanted: RequestFilter, limit: int, after: str | None
) -> Sequence[RequestViewRow]:
    """A page of a kind of requests, the oldest first."""
    oldest_first = (store.requests[request_id] for request_id in sorted(store.requests))
    found = (
        _with_run(store, row)
        for row in oldest_first
        if row["kind"] == kind.value
        and row["request_id"] > (after or "")
        and (wanted.status is None or row["status"] == wanted.status.value)
        and wanted.run_id in {None, row["run_id"]}
        and wanted.tenant in {None, row["tenant"]}
    )
    return list(islice(found, limit))


def request_view_rows_below(
    store: MemoryStore, run_id: str, paths: Sequence[str], status: RequestStatus | None
) -> Sequence[RequestViewRow]:
    """Requests of executions below these of a run, the oldest first."""
    below = tuple(f"{path}/" for path in paths)
    oldest_first = (store.requests[request_id] for request_id in sorted(store.requests))
    return [
        _with_run(store, row)
        for row in oldest_first
        if row["run_id"] == run_id
        and row["step_id"].startswith(below)
        and (status is None or row["status"] == status.value)
    ]


def limits_around(store: MemoryStore, requests: Sequence[RequestViewRow]) -> Mapping[str, TimeLimit]:
    """What is around each of those that wait and over first."""

    def parent_of(run_id: str) -> tuple[str, str] | None:
        run = store.runs.get(run_id)
        return started_by(run) if run is not None else None

    found = {
        row["request_id"]: limit_around(row["run_id"], row["step_id"], parent_of, store.timer)
        for row in requests
        if row["status"] == RequestStatus.PENDING.value
    }
    return {request_id: limit for request_id, limit in found.items() if limit is not None}


def earlier_view_rows(store: MemoryStore, request_id: str, limit: int) -> Sequence[RequestViewRow]:
    """What was decided before on the same step, the newest first."""
    asked = store.requests.get(request_id)
    if asked is None:
        return []
    shape = _shape(asked)
    found = [
        row
        for row in store.requests.values()
        if row["decision"] is not None
        and row is not asked
        and (asked["decided_at"] is None or _decided_at(row) <= asked["decided_at"])
        and _shape(row) == shape
    ]
    found.sort(key=lambda row: (_decided_at(row), row["request_id"]), reverse=True)
    return [_with_run(store, row) for row in found[:limit]]


def comments(store: MemoryStore, run_ids: Sequence[str]) -> Mapping[str, Sequence[CommentRow]]:
    """What people said with their decisions, by run."""
    found: dict[str, list[CommentRow]] = {}
    for row in sorted(store.requests.values(), key=lambda row: (row["decided_at"] or 0, row["request_id"])):
        if row["run_id"] in run_ids and row["kind"] != RequestKind.FORM.value and row["comment"]:
            said = {name: value for name, value in row.items() if name in CommentRow.__annotations__}
            found.setdefault(row["run_id"], []).append(cast("CommentRow", said))
    return found


def _decided(store: MemoryStore, row: RequestRow) -> str | None:
    """The payload of the first decision behind a request's opening."""
    if row["decision"] is None:
        return None
    history = store.histories.get(row["run_id"], {})
    fits = (
        str(event["payload"])
        for run_seq, event in history.items()
        if run_seq > row["opened_seq"]
        and (event["kind"], event["step_id"]) == ("approval_decided", row["step_id"])
    )
    return next(fits, None)


def _shape(row: RequestRow) -> tuple[str, ...]:
    return row["tenant"], row["pack"], row["flow"], row["step"], row["kind"]


def _decided_at(row: RequestRow) -> int:
    return row["decided_at"] or 0


def _with_run(store: MemoryStore, request: RequestRow) -> RequestViewRow:
    run = store.runs[request["run_id"]]
    claim = store.claims.get(request["request_id"])
    seen = {
        **request,
        "pack_version": run["pack_version"],
        "pack_digest": run["pack_digest"],
        "requested_by": run["requested_by"],
        "subject": run["subject"],
        "opened_event": payload_of(store, request["run_id"], request["opened_seq"]) or "",
        "claimed_by": claim["claimed_by"] if claim is not None else None,
        "claimed_until": claim["expires_at"] if claim is not None else None,
    }
    return cast("RequestViewRow", seen)
