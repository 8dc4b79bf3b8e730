"""What a decision on a request, or a claim, needs and does. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.status import RequestKind, RequestStatus
from engine.contracts.times import from_micros, rfc3339, told_time
from engine.errors import AlreadyDecided, ErrorCode, NotFound, Refused
from engine.journal.rules.rows.time_limits import limit_words
from engine.machine.events import request_facts
from engine.machine.events.table import read_event
from engine.machine.model.inputs import ChildEnded, FormSubmitted, OutcomeDecided, RequestDecided

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.journal.records import Decision
    from engine.journal.rows import ClaimRow, RequestRow, TimeLimit
    from engine.machine.events.event import Event
    from engine.machine.model.inputs import Input

_ANSWERS: Mapping[str, tuple[str, Callable[..., Input]]] = {
    RequestKind.APPROVAL: (request_facts.ApprovalDecided.kind, RequestDecided),
    RequestKind.FORM: (request_facts.UserInputReceived.kind, FormSubmitted),
    RequestKind.OUTCOME: (request_facts.OutcomeDecided.kind, OutcomeDecided),
}
"""By the kind of a request: the event that records its answer, and what the run is told."""
_ID_NAMES = {RequestKind.APPROVAL.value: "approval_id"}
MAY_END = (RequestDecided, FormSubmitted, OutcomeDecided, ChildEnded)
"""Inputs after which what is asked beside them may have ended."""


def refuse_past_limit(row: RequestRow, limit: TimeLimit | None, now: int) -> None:
    """Raises Refused (`request_expired`) when the time of what is around the request is over."""
    if limit is not None and limit.due <= now:
        what, when = limit_words(limit, row["run_id"]), told_time(from_micros(limit.due))
        raise Refused(
            ErrorCode.REQUEST_EXPIRED,
            f"the time of {what}, which asks this, was over at {when}: nothing was decided",
            {"request_id": row["request_id"], "run_id": limit.run_id, "step_id": limit.path or None},
        )


def cancelled_meanwhile(row: RequestRow, run_id: str, *, late: bool) -> Refused:
    """The refusal of what is said to a run that was told to end, or whose parent `run_id` was; `late` when
    the time of what started it was over."""
    whose = "its run" if run_id == row["run_id"] else f"the run {run_id} above"
    why = "was cancelled, as its time was over" if late else "was cancelled"
    return Refused(
        ErrorCode.REQUEST_EXPIRED if late else ErrorCode.REQUEST_WITHDRAWN,
        f"{whose} {why}: {row['kind']} {row['request_id']} waits no more, nothing was decided",
        {_id_name(row): row["request_id"], "run_id": run_id},
    )


def ended_meanwhile(kind: str, request_id: str, run_id: str) -> Refused:
    """The refusal of what is said after something, known to the run `run_id`, that ends what asks."""
    return Refused(
        ErrorCode.REQUEST_WITHDRAWN,
        f"what happened beside it ends it: {kind} {request_id} waits no more, nothing was decided",
        {_ID_NAMES.get(kind, "request_id"): request_id, "run_id": run_id},
    )


def unknown_request(kind: str, request_id: str) -> NotFound:
    """The error of a request that is not there."""
    return NotFound(f"there is no {kind} {request_id}", {"id": request_id})


def refuse_claim(row: RequestRow, held: ClaimRow | None, by: str, now: int) -> None:
    """Raise when the request of `row` cannot be claimed; `held` is the claim there is.

    Raises AlreadyDecided, Refused (`request_withdrawn`, `request_expired`, `already_claimed`).
    """
    refuse_closed(row)
    if is_past(row, now):
        raise expired(row)
    if held is not None and held["claimed_by"] != by and held["expires_at"] > now:
        until = from_micros(held["expires_at"])
        raise Refused(
            ErrorCode.ALREADY_CLAIMED,
            f"{held['claimed_by']} is looking at {row['kind']} {row['request_id']} until {told_time(until)}",
            {
                "approval_id": row["request_id"],
                "claimed_by": held["claimed_by"],
                "claimed_until": rfc3339(until),
            },
        )


def refuse_decision(row: RequestRow, decision: Decision) -> None:
    """Raise Refused (`approval_changed`) when the open request of `row` is not what was shown."""
    if decision.digest is not None and decision.digest != row["digest"]:
        raise Refused(
            ErrorCode.APPROVAL_CHANGED,
            f"approval {decision.request_id} is not what was shown any more; look at it again",
            {"approval_id": decision.request_id, "shown": decision.digest, "stored": row["digest"]},
        )


def is_past(row: RequestRow, now: int) -> bool:
    """Whether the time of a pending request is over, whether or not its run knows."""
    limit = row["expires_at"]
    return row["status"] == RequestStatus.PENDING.value and limit is not None and now >= limit


def expired(row: RequestRow) -> Refused:
    """The error of a request whose time is over."""
    moment = row["expires_at"] or row["decided_at"] or 0
    return Refused(
        ErrorCode.REQUEST_EXPIRED,
        f"{row['kind']} {row['request_id']} expired at {told_time(from_micros(moment))}: nothing was decided",
        {_id_name(row): row["request_id"], "run_id": row["run_id"], "status": RequestStatus.EXPIRED.value},
    )


def _id_name(row: RequestRow) -> str:
    return _ID_NAMES.get(row["kind"], "request_id")


def refuse_closed(row: RequestRow) -> None:
    """Raise AlreadyDecided or Refused when the request of `row` does not wait any more."""
    status = row["status"]
    if status == RequestStatus.PENDING.value:
        return
    if status == RequestStatus.EXPIRED.value:
        raise expired(row)
    id_name = _id_name(row)
    if status in {RequestStatus.WITHDRAWN.value, RequestStatus.VOID.value} and row["decided_by"] is None:
        raise Refused(
            ErrorCode.REQUEST_WITHDRAWN,
            f"{row['kind']} {row['request_id']} was withdrawn: its run does not wait for it any more",
            {id_name: row["request_id"], "run_id": row["run_id"], "status": status},
        )
    when = from_micros(row["decided_at"] or 0)
    raise AlreadyDecided(
        f"already decided by {row['decided_by']} at {told_time(when)}: {row['decision']}",
        {
            id_name: row["request_id"],
            "run_id": row["run_id"],
            "decision": row["decision"],
            "decided_by": row["decided_by"],
            "decided_at": rfc3339(when),
        },
    )


def decision_event(decision: Decision, step_id: str, not_before: int) -> Event:
    """The event that records the decision; times of a run never go back."""
    kind, _ = _ANSWERS[decision.kind]
    return read_event(kind, max(decision.now, not_before), decision.actor, step_id, decision.payload)


def decision_input(decision: Decision, step_id: str) -> Input:
    """What the run is told."""
    _, given = _ANSWERS[decision.kind]
    return given(now=decision.now, actor=decision.actor, path=step_id, request_id=decision.request_id)
