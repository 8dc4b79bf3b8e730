"""Alerts of service levels as views."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.governing.slo import AlertKind, AlertView
from engine.contracts.times import from_micros

if TYPE_CHECKING:
    from engine.journal.alert_rows import AlertRow, AlertWithEnd


def alert_view(row: AlertRow) -> AlertView:
    """What began or ended in this moment."""
    return _view(row, row["ends"] or row["alert"], row["ts"] if row["ends"] is not None else None)


def whole_alert_view(row: AlertWithEnd) -> AlertView:
    """An alert from its beginning to its end."""
    return _view(row, row["alert"], row["ended"])


def _view(row: AlertRow, number: int, ended: int | None) -> AlertView:
    return AlertView(
        number=number,
        tenant=row["tenant"],
        pack=row["pack"],
        kind=AlertKind(row["kind"]),
        title=row["title"],
        text=row["told"],
        began=from_micros(row["began"]),
        ended=None if ended is None else from_micros(ended),
    )
