"""Events to rows: for every kind of event, the rows it changes. The one place that says so; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.flows.agent_step import MODEL
from engine.contracts.flows.outside_agent import PROMPT
from engine.contracts.status import RequestKind, RequestStatus, StepStatus
from engine.frozen import frozen
from engine.journal.spend_rows import SLOT
from engine.machine.events.agent_facts import AgentConfidence
from engine.machine.events.model_facts import ModelUsage
from engine.machine.events.request_facts import (
    ApprovalDecided,
    ApprovalVoided,
    OutcomeDecided,
    OutcomeUnknown,
    PendingHuman,
    RequestExpired,
    RequestWithdrawn,
    UserInputReceived,
    UserInputRequested,
    told_decision,
)
from engine.machine.events.run_facts import (
    RunCancelled,
    RunCompleted,
    RunDeadLettered,
    RunExcluded,
    RunFailed,
    RunFlagged,
    RunFlagRemoved,
    RunRefused,
    RunRetried,
    RunStarted,
)
from engine.machine.events.step_facts import (
    AttemptFailed,
    AttemptStarted,
    CallApproved,
    CallChanged,
    RetryScheduled,
    StepCancelled,
    StepCompleted,
    StepFailed,
    StepRecovered,
    StepSkipped,
    StepStarted,
    WaitStarted,
)
from engine.machine.model.state import outer_path_of, step_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.journal.rows import (
        FlowNames,
        NewRequestRow,
        NewStepRow,
        RequestColumns,
        RunColumns,
        StepColumns,
    )
    from engine.journal.spend_rows import SpendRow
    from engine.machine.events.event import Event


@frozen
class RunChanges:
    """Columns of the run's own row."""

    columns: RunColumns


@frozen
class StepBegins:
    """An execution begins, or begins again."""

    row: NewStepRow


@frozen
class StepChanges:
    """Columns of an execution."""

    path: str
    columns: StepColumns


@frozen
class RequestOpens:
    """A person is asked."""

    row: NewRequestRow


@frozen
class RequestEnds:
    """A request is decided, taken back, void, or past its time."""

    request_id: str
    status: RequestStatus
    columns: RequestColumns


@frozen
class MoneySpent:
    """A call of a model used something, for which money was held."""

    row: SpendRow
    hold: str | None


RowChange = RunChanges | StepBegins | StepChanges | RequestOpens | RequestEnds | MoneySpent


@frozen
class StoredAt:
    """An event with what its rows need beside it: its number in the run, and whose run it is."""

    event: Event
    run_seq: int
    run: FlowNames

    @property
    def path(self) -> str:
        """The execution's path."""
        return self.event.step_id or ""


def changes_of(event: Event, run_seq: int, run: FlowNames) -> Sequence[RowChange]:
    """The rows that an event changes; `run_seq` is its number in its run."""
    rows = EVENT_ROWS.get(event.kind)
    return rows(StoredAt(event, run_seq, run)) if rows is not None else ()


def _run_started(at: StoredAt) -> Sequence[RowChange]:
    return (RunChanges({"started_at": at.event.ts}),)


def _run_ended(at: StoredAt) -> Sequence[RowChange]:
    return (RunChanges({"finished_at": at.event.ts}),)


def _run_completed(at: StoredAt) -> Sequence[RowChange]:
    return (RunChanges({"finished_at": at.event.ts, "output_seq": at.run_seq}),)


def _run_retried(at: StoredAt) -> Sequence[RowChange]:
    """A retry opens executions again: those that go on, and those that wait their turn."""
    opened: StepColumns = {"finished_at": None, "error_seq": None, "retry_at": None}
    payload = at.event.payload
    running: StepColumns = {"status": StepStatus.RUNNING.value, **opened}
    waiting: StepColumns = {"status": StepStatus.NOT_STARTED.value, **opened}
    return [StepChanges(path, running) for path in payload.get("running", ())] + [
        StepChanges(path, waiting) for path in payload.get("waiting", ())
    ]


def _begins(status: StepStatus) -> Callable[[StoredAt], Sequence[RowChange]]:
    def rows(at: StoredAt) -> Sequence[RowChange]:
        fact = at.event.fact
        assert isinstance(fact, StepStarted | StepSkipped | StepFailed), fact.kind
        begun = fact if isinstance(fact, StepStarted) else None
        row: NewStepRow = {
            "path": at.path,
            "first_seq": at.run_seq,
            "type": fact.type,
            "name": fact.name or "",
            "status": status.value,
            "attempt": begun.attempt or 1 if begun is not None else 1,
            "started_at": at.event.ts,
            "finished_at": None if begun is not None else at.event.ts,
            "input_seq": at.run_seq if begun is not None and begun.input is not None else None,
            "error_seq": at.run_seq if status is StepStatus.FAILED else None,
            "child_run_id": begun.child_run_id if begun is not None else None,
        }
        return (StepBegins(row),)

    return rows


def _step(columns: Callable[[StoredAt], StepColumns]) -> Callable[[StoredAt], Sequence[RowChange]]:
    return lambda at: (StepChanges(at.path, columns(at)),)


def _ended(at: StoredAt, status: StepStatus) -> StepColumns:
    return {"status": status.value, "finished_at": at.event.ts, "retry_at": None}


def _completed(at: StoredAt) -> StepColumns:
    return {**_ended(at, StepStatus.COMPLETED), "output_seq": at.run_seq, "error_seq": None}


def _asks(kind: RequestKind, status: StepStatus, id_key: str) -> Callable[[StoredAt], Sequence[RowChange]]:
    """A request of that kind opens, and its execution waits with `status`."""

    def rows(at: StoredAt) -> Sequence[RowChange]:
        payload, run = at.event.payload, at.run
        request: NewRequestRow = {
            "request_id": payload[id_key],
            "kind": kind.value,
            "status": RequestStatus.PENDING.value,
            "tenant": run["tenant"],
            "pack": run["pack"],
            "flow": run["flow"],
            "step_id": at.path,
            "step": step_of(at.path),
            "risk": payload.get("risk"),
            "digest": payload.get("digest"),
            "opened_seq": at.run_seq,
            "requested_at": at.event.ts,
            "expires_at": payload.get("expires_at"),
        }
        waits: StepColumns = {"status": status.value, "request_id": payload[id_key]}
        if "body" in payload:
            waits["input_seq"] = at.run_seq
        return (StepChanges(at.path, waits), RequestOpens(request))

    return rows


def _taken_back(status: RequestStatus, id_key: str) -> Callable[[StoredAt], Sequence[RowChange]]:
    def rows(at: StoredAt) -> Sequence[RowChange]:
        request_id = at.event.payload.get(id_key)
        if not request_id:  # an approval is void that had been given once for all
            return ()
        return (RequestEnds(request_id, status, {"status": status.value, "decided_at": at.event.ts}),)

    return rows


def _call_changed(at: StoredAt) -> Sequence[RowChange]:
    waits = StepChanges(at.path, {"status": StepStatus.NOT_STARTED.value})
    return (waits, *_taken_back(RequestStatus.VOID, "approval_id")(at))


def _decided(id_key: str) -> Callable[[StoredAt], Sequence[RowChange]]:
    def rows(at: StoredAt) -> Sequence[RowChange]:
        payload = at.event.payload
        decision = RequestStatus(payload.get("decision", RequestStatus.ANSWERED))
        columns: RequestColumns = {
            "status": decision.value,
            "decided_at": at.event.ts,
            "decided_by": at.event.actor,
            "decision": told_decision(at.path, decision.value, payload.get("edits")),
            "comment": payload.get("comment") or None,
        }
        return (RequestEnds(payload[id_key], decision, columns),)

    return rows


def _outcome_decided(at: StoredAt) -> Sequence[RowChange]:
    payload = at.event.payload
    columns: RequestColumns = {
        "status": RequestStatus.ANSWERED.value,
        "decided_at": at.event.ts,
        "decided_by": at.event.actor,
        "decision": payload["decision"],
        "comment": payload.get("comment") or None,
    }
    return (RequestEnds(payload["request_id"], RequestStatus.ANSWERED, columns),)


def _recovered(at: StoredAt) -> StepColumns:
    return {"status": StepStatus.RUNNING.value, "recoveries": at.event.payload["recoveries"]}


def _model_used(at: StoredAt) -> Sequence[RowChange]:
    """Spent by the agent whose model it is."""
    fact, run, step = at.event.fact, at.run, step_of(at.path)
    assert isinstance(fact, ModelUsage), fact.kind
    if step in {MODEL, PROMPT}:
        step = step_of(outer_path_of(at.path))
    row: SpendRow = {
        "tenant": run["tenant"],
        "pack": run["pack"],
        "flow": run["flow"],
        "step": step,
        "model": fact.model,
        "slot": at.event.ts // SLOT,
        "calls": 1,
        "unpriced": int(fact.cost is None),
        "estimated": int(fact.estimated),
        "input_tokens": fact.input,
        "output_tokens": fact.output,
        "cached_tokens": fact.cached,
        "sent_bytes": fact.sent,
        "cost": fact.cost or 0,
    }
    return (MoneySpent(row, fact.hold),)


def _confidence_stated(at: StoredAt) -> Sequence[RowChange]:
    stated, least = at.event.payload["stated"], at.event.payload["least"]
    return (
        StepChanges(at.path, {"confidence": stated, "least_confidence": least}),
        RunChanges({"confidence": stated}),
    )


EVENT_ROWS: dict[str, Callable[[StoredAt], Sequence[RowChange]]] = {
    RunRefused.kind: _run_ended,
    RunStarted.kind: _run_started,
    RunCompleted.kind: _run_completed,
    RunFailed.kind: _run_ended,
    RunCancelled.kind: _run_ended,
    RunDeadLettered.kind: _run_ended,
    RunRetried.kind: _run_retried,
    RunExcluded.kind: lambda at: (RunChanges({"excluded": at.event.payload["reason"]}),),
    RunFlagged.kind: lambda at: (RunChanges({"flagged": at.event.payload["comment"], "doubtful": None}),),
    RunFlagRemoved.kind: lambda _at: (RunChanges({"flagged": None, "doubtful": None}),),
    AgentConfidence.kind: _confidence_stated,
    StepStarted.kind: _begins(StepStatus.RUNNING),
    StepSkipped.kind: _begins(StepStatus.SKIPPED),
    StepFailed.kind: _begins(StepStatus.FAILED),
    StepCompleted.kind: _step(_completed),
    StepCancelled.kind: _step(lambda at: _ended(at, StepStatus.CANCELLED)),
    StepRecovered.kind: _step(_recovered),
    CallApproved.kind: _step(lambda _at: {"status": StepStatus.RUNNING.value}),
    CallChanged.kind: _call_changed,
    AttemptFailed.kind: _step(lambda at: {"error_seq": at.run_seq}),
    RetryScheduled.kind: _step(
        lambda at: {"retry_at": at.event.payload["retry_at"], "status": StepStatus.RUNNING.value}
    ),
    AttemptStarted.kind: _step(lambda at: {"attempt": at.event.payload["attempt"], "retry_at": None}),
    WaitStarted.kind: _step(lambda _at: {"status": StepStatus.WAITING.value}),
    PendingHuman.kind: _asks(RequestKind.APPROVAL, StepStatus.PENDING_HUMAN, "approval_id"),
    UserInputRequested.kind: _asks(RequestKind.FORM, StepStatus.PENDING_USER_INPUT, "request_id"),
    OutcomeUnknown.kind: _asks(RequestKind.OUTCOME, StepStatus.PENDING_HUMAN, "request_id"),
    OutcomeDecided.kind: _outcome_decided,
    ApprovalDecided.kind: _decided("approval_id"),
    UserInputReceived.kind: _decided("request_id"),
    RequestWithdrawn.kind: _taken_back(RequestStatus.WITHDRAWN, "request_id"),
    RequestExpired.kind: _taken_back(RequestStatus.EXPIRED, "request_id"),
    ApprovalVoided.kind: _taken_back(RequestStatus.VOID, "approval_id"),
    ModelUsage.kind: _model_used,
}
"""Kinds that are not here change no rows but the run's number and time."""
