"""What happens to caps, as it is recorded: top-ups, soft caps that were reached, what people said there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.governing.money import BILLIONTHS, dollars
from engine.errors import InvalidInput
from engine.journal.spend_rows import TOPPED_UP, CapKey, cap_key_of

if TYPE_CHECKING:
    from engine.budget.caps import Limit
    from engine.journal.rules.store import Store
    from engine.journal.spend_rows import NewActRow

MOST_TOPPED_UP = 10**9 * BILLIONTHS
"""In one window of one cap."""


def cap_key(limit: Limit) -> CapKey:
    """The cap of a limit, and its window."""
    return CapKey(limit.scope.value, limit.tenant, limit.name, limit.window.value, limit.since)


def act_of(
    limit: Limit,
    kind: str,
    now: int,
    *,
    actor: str = "engine",
    via: str = "engine",
    amount: int | None = None,
    comment: str = "",
) -> NewActRow:
    """Something that happens to a limit now."""
    key = cap_key(limit)
    return {
        "ts": now,
        "kind": kind,
        "scope": key.scope,
        "tenant": key.tenant,
        "name": key.name,
        "cap_window": key.cap_window,
        "since": key.since,
        "actor": actor,
        "via": via,
        "amount": amount,
        "soft": limit.soft,
        "hard": limit.hard,
        "comment": comment,
    }


def record_act(store: Store, act: NewActRow) -> None:
    """Record what a person did. Raises InvalidInput for top-ups of one window that are too much to count."""
    if act["kind"] == TOPPED_UP:
        _, before = store.sum_of_acts(TOPPED_UP, cap_key_of(act))
        if before + (act["amount"] or 0) > MOST_TOPPED_UP:
            raise InvalidInput(
                "top-ups of one cap are at most a billion dollars in its window; "
                f"{dollars(before)} were added already"
            )
    store.add_act(act)


def topped_up(store: Store, limit: Limit) -> Limit:
    """A limit as it was written, with the top-ups of its window."""
    _, amount = store.sum_of_acts(TOPPED_UP, cap_key(limit))
    return limit.raised(amount) if amount else limit
