"""How spending stands to a limit now: what is left, and when it runs out if it goes on so. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.governing.budget import CapState, CapView, CapWindow
from engine.contracts.times import from_micros

if TYPE_CHECKING:
    from engine.budget.admission import Balance


def standing(balance: Balance, now: int, *, calls: int = 0, unpriced: int = 0) -> CapView:
    """A limit as it is told; `calls` are under way, `unpriced` ones are not in what was spent."""
    limit = balance.limit
    return CapView(
        scope=limit.scope,
        tenant=limit.tenant,
        name=limit.name,
        window=limit.window,
        source=limit.source,
        soft=limit.soft,
        hard=limit.hard,
        pauses=limit.pause,
        topped_up=limit.topped_up,
        spent=balance.spent,
        held=balance.held,
        held_calls=calls,
        unpriced=unpriced,
        left=balance.left,
        state=_state(balance),
        since=None if limit.window is CapWindow.TOTAL else from_micros(limit.since),
        until=None if limit.until is None else from_micros(limit.until),
        runs_out_at=None if (ends := _runs_out(balance, now)) is None else from_micros(ends),
    )


def _state(balance: Balance) -> CapState:
    limit = balance.limit
    if limit.hard is not None and balance.spent >= limit.hard:
        return CapState.HARD
    return CapState.SOFT if limit.soft is not None and balance.spent >= limit.soft else CapState.OK


def _runs_out(balance: Balance, now: int) -> int | None:
    """When the hard cap is reached at the pace of this window, if that is within it and still to come."""
    limit, spent = balance.limit, balance.spent
    if limit.until is None or limit.hard is None or not 0 < spent < limit.hard or now <= limit.since:
        return None
    ends = now + (limit.hard - spent) * (now - limit.since) // spent
    return ends if ends < limit.until else None
