"""Requests of the fake engine as the rows that the journal's rules of deciding look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

from engine.contracts.runs.listed import Page
from engine.contracts.runs.request import ApprovalView, FormView, OutcomeView
from engine.contracts.status import RequestKind, RequestStatus
from engine.errors import InvalidInput
from engine.journal.rules.request_rules import is_past
from engine.journal.rules.run_filter import micros
from engine.runtime.views.paging import page_size

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from engine.journal.rows import ClaimRow, RequestRow

View = TypeVar("View", ApprovalView, FormView, OutcomeView)


def request_row(view: ApprovalView | FormView | OutcomeView) -> RequestRow:
    """As much of a request's row as its rules look at."""
    if isinstance(view, FormView):
        decision = "ANSWERED" if view.answered_by else None
        decided = (decision, view.answered_by, view.answered_at)
    else:
        decided = (view.decision, view.decided_by, view.decided_at)
    row = {
        "request_id": id_of(view),
        "run_id": view.run_id,
        "kind": _kind(view).value,
        "status": view.status.value,
        "decision": decided[0],
        "decided_by": decided[1],
        "decided_at": micros(decided[2]),
        "expires_at": micros(view.expires_at),
        "digest": view.digest if isinstance(view, ApprovalView) else None,
    }
    return cast("RequestRow", row)


def claim_row(view: ApprovalView | FormView | OutcomeView) -> ClaimRow | None:
    """Who is on it, if anybody."""
    if not isinstance(view, ApprovalView) or view.claimed_by is None or view.claimed_until is None:
        return None
    return {"claimed_by": view.claimed_by, "expires_at": micros(view.claimed_until) or 0}


def id_of(view: ApprovalView | FormView | OutcomeView) -> str:
    return view.approval_id if isinstance(view, ApprovalView) else view.request_id


def as_of_now(view: View, now: datetime) -> View:
    """What the clock makes of a request: past its time it has expired, and so has a claim."""
    changes: dict[str, object] = {}
    if is_past(request_row(view), micros(now) or 0):
        changes["status"] = RequestStatus.EXPIRED
    claimed = claim_row(view)
    if claimed is not None and claimed["expires_at"] <= (micros(now) or 0):
        changes |= {"claimed_by": None, "claimed_until": None}
    return view.model_copy(update=changes) if changes else view


def page_of_requests(
    views: Iterable[View],
    status: RequestStatus | None,
    run_id: str | None,
    tenant: str | None,
    limit: int,
    after: str | None,
) -> Page[View]:
    """A page of those that fit, oldest first. Raises InvalidInput for a cursor that is none of the ids."""
    size = page_size(limit)
    found = sorted(views, key=lambda view: (view.requested_at, id_of(view)))
    if after is not None:
        ids = [id_of(view) for view in found]
        if after not in ids:
            raise InvalidInput(f"after={after[:80]!r} is no cursor of this list")
        found = found[ids.index(after) + 1 :]
    fitting = [
        view
        for view in found
        if status in (None, view.status) and run_id in (None, view.run_id) and tenant in (None, view.tenant)
    ]
    items = tuple(fitting[:size])
    return Page[View](items=items, next=id_of(items[-1]) if len(fitting) > size else None)


def _kind(view: ApprovalView | FormView | OutcomeView) -> RequestKind:
    match view:
        case ApprovalView():
            return RequestKind.APPROVAL
        case FormView():
            return RequestKind.FORM
        case OutcomeView():
            return RequestKind.OUTCOME
