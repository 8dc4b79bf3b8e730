"""The inbox as rows: its columns, its orders, and who is on what."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from engine.contracts.status import RequestStatus, Risk
from engine.safe_text import sanitize
from screens.widgets.ages import age, short_time
from screens.widgets.status_labels import REQUEST_LABELS, RISK_LABELS, Tone
from screens.widgets.tables.columns import Column
from screens.widgets.tables.rows import Cell, Cut, Row

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from engine.contracts.runs.request import ApprovalView

_COLUMNS = (
    Column("Risk", 10),
    Column("Title", 16, flex=6),
    Column("Subject", 10, flex=2, rank=1, room=6),
    Column("Flow", 12, flex=1, rank=2, cut=Cut.PACK),
    Column("Age", 6),
    Column("State", 11, flex=1),
)
_RISKIEST = {risk: place for place, risk in enumerate(reversed(Risk))}
_NAME = 40


@dataclass(frozen=True, slots=True)
class InboxOrder:
    """One order: its words, the column that carries the mark, and the key."""

    words: str
    column: int
    key: Callable[[ApprovalView], Any]


ORDERS = (
    InboxOrder(
        "riskiest first, the oldest of them on top",
        0,
        lambda view: (_RISKIEST[view.risk], view.requested_at, view.approval_id),
    ),
    InboxOrder("oldest first", 4, lambda view: (view.requested_at, view.approval_id)),
)


def columns(order: InboxOrder) -> list[Column]:
    """The columns, with a mark at the one that orders the rows."""
    return [
        replace(column, title=f"{column.title} ▼") if place == order.column else column
        for place, column in enumerate(_COLUMNS)
    ]


def claimed_by(view: ApprovalView, now: datetime) -> str:
    """Who is on it; empty when nobody is, or when the claim has run out."""
    ended = view.claimed_until is not None and view.claimed_until <= now
    return "" if ended or view.status is not RequestStatus.PENDING else view.claimed_by or ""


def format_claim(view: ApprovalView, now: datetime, me: str) -> str:
    """The sentence about a claim that lasts; empty without one."""
    by = claimed_by(view, now)
    if not by:
        return ""
    until = f" until {short_time(view.claimed_until, now)}" if view.claimed_until else ""
    return f"you are on it{until}" if by == me else f"{by[:_NAME]} is on it{until}"


def row(view: ApprovalView, now: datetime, me: str) -> Row:
    """One approval; a claim stands in place of `pending`."""
    risk, status = RISK_LABELS[view.risk], REQUEST_LABELS[view.status]
    by = claimed_by(view, now)
    if by:
        state = Cell(sanitize("● yours" if by == me else f"● {by[:_NAME]}'s"), Tone.BUSY)
    else:
        state = Cell(status.text, status.tone)
    return Row(
        view.approval_id,
        (
            Cell(risk.text, risk.tone),
            Cell(sanitize(view.title, limit=500)),
            Cell(sanitize(view.subject or "")),
            Cell(sanitize(f"{view.pack}/{view.flow}"), Tone.QUIET),
            Cell(sanitize(age(view.requested_at, now)), Tone.QUIET),
            state,
        ),
    )
