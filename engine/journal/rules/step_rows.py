"""Events to rows: what an event changes in the steps and requests projections. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.status import RequestKind, RequestStatus, StepStatus
from engine.machine.events.event import Event, Kind
from engine.machine.model.state import step_id_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.journal.records import Columns

Row = dict[str, Any]

CLAIMS = "claims"
"""The counter of changes to claims: who reads it twice knows whether there were any."""
_STEP: dict[Kind, Callable[[Event, int], Row]] = {
    Kind.STEP_COMPLETED: lambda e, seq: (
        _ended(e, StepStatus.COMPLETED) | {"output_seq": seq, "error_seq": None}
    ),
    Kind.STEP_CANCELLED: lambda e, _seq: _ended(e, StepStatus.CANCELLED),
    Kind.STEP_RECOVERED: lambda e, _seq: {"recoveries": e.payload["recoveries"]},
    Kind.ATTEMPT_FAILED: lambda _e, seq: {"error_seq": seq},
    Kind.RETRY_SCHEDULED: lambda e, _seq: {"retry_at": e.payload["retry_at"]},
    Kind.ATTEMPT_STARTED: lambda e, _seq: {"attempt": e.payload["attempt"], "retry_at": None},
    Kind.PENDING_HUMAN: lambda e, seq: {
        "status": StepStatus.PENDING_HUMAN.value,
        "request_id": e.payload["approval_id"],
        "input_seq": seq,
    },
    Kind.USER_INPUT_REQUESTED: lambda e, seq: {
        "status": StepStatus.PENDING_USER_INPUT.value,
        "request_id": e.payload["request_id"],
        "input_seq": seq,
    },
}


def _ended(event: Event, status: StepStatus) -> Row:
    return {"status": status.value, "finished_at": event.ts, "retry_at": None}


def new_step(event: Event, run_seq: int) -> Row | None:
    """The row of an execution that begins (or begins again), else None."""
    kind, payload = event.kind, event.payload
    if kind not in {Kind.STEP_STARTED, Kind.STEP_SKIPPED, Kind.STEP_FAILED}:
        return None
    row: Row = {
        "path": event.step_id,
        "first_seq": run_seq,
        "type": payload["type"],
        "name": payload.get("name") or "",
        "attempt": payload.get("attempt", 1),
        "started_at": event.ts,
        "finished_at": None if kind is Kind.STEP_STARTED else event.ts,
        "input_seq": run_seq if "input" in payload else None,
        "error_seq": run_seq if kind is Kind.STEP_FAILED else None,
        "child_run_id": payload.get("child_run_id"),
        "status": {
            Kind.STEP_STARTED: StepStatus.RUNNING,
            Kind.STEP_SKIPPED: StepStatus.SKIPPED,
            Kind.STEP_FAILED: StepStatus.FAILED,
        }[kind].value,
    }
    return row


def step_change(event: Event, run_seq: int) -> Row | None:
    """Columns of the execution's row that the event changes, else None."""
    change = _STEP.get(event.kind)
    return change(event, run_seq) if change is not None else None


def reopened_steps(event: Event) -> list[tuple[str, Row]]:
    """Paths whose rows a retry opens again, with the columns it changes."""
    if event.kind is not Kind.RUN_RETRIED:
        return []
    opened = {"finished_at": None, "error_seq": None, "retry_at": None}
    running = {"status": StepStatus.RUNNING.value, **opened}
    waiting = {"status": StepStatus.NOT_STARTED.value, **opened}
    return [(path, running) for path in event.payload.get("running", ())] + [
        (path, waiting) for path in event.payload.get("waiting", ())
    ]


def new_request(event: Event, run_seq: int, run: Columns) -> Row | None:
    """The row of a request that the run opens, else None."""
    payload = event.payload
    if event.kind not in {Kind.PENDING_HUMAN, Kind.USER_INPUT_REQUESTED} or event.step_id is None:
        return None
    row: Row = {name: run[name] for name in ("tenant", "pack", "flow")}
    row |= {
        "status": RequestStatus.PENDING.value,
        "step_id": event.step_id,
        "step": step_id_of(event.step_id),
        "opened_seq": run_seq,
        "requested_at": event.ts,
    }
    if event.kind is Kind.PENDING_HUMAN:
        return row | {
            "request_id": payload["approval_id"],
            "kind": RequestKind.APPROVAL.value,
            "risk": payload["risk"],
            "digest": payload["digest"],
        }
    return row | {
        "request_id": payload["request_id"],
        "kind": RequestKind.FORM.value,
        "risk": None,
        "digest": None,
    }


def pending_counter(request: Columns) -> str:
    """The counter of what waits for a person, of the request's kind and tenant."""
    return f"{request['kind']}:{RequestStatus.PENDING.value}/{request['tenant']}"


def closed_request(event: Event) -> tuple[str, RequestStatus] | None:
    """A request the run takes back: its id and new status, else None."""
    if event.kind is Kind.REQUEST_WITHDRAWN:
        return event.payload["request_id"], RequestStatus.WITHDRAWN
    if event.kind is Kind.APPROVAL_VOIDED and event.payload["approval_id"]:
        return event.payload["approval_id"], RequestStatus.VOID
    return None
