"""Runs whose call waits until others have ended, since a hard cap or a ceiling of tokens leaves no room:
their rows say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.governing.budget import words_of_cap
from engine.contracts.status import WaitKind
from engine.journal.rules.spending.holding import OverHardCap, begin
from engine.journal.rules.spending.tokens import OverTokenCeiling

if TYPE_CHECKING:
    from engine.journal.rules.spending.holding import CallAdmission, PaidCall
    from engine.journal.rules.store import Store


def begin_or_wait(store: Store, call: PaidCall) -> CallAdmission:
    """As `begin`. A call that waits asks again every second, and any step of its run writes the row anew."""
    found = begin(store, call)
    head = store.head(call.run_id)
    if head is None:
        return found
    if isinstance(found, OverTokenCeiling) and found.waits:
        store.change_run(head, {"waiting_for": WaitKind.TOKENS.value, "waiting_for_id": None})
    elif isinstance(found, OverHardCap) and found.waits:
        limit = found.balance.limit
        which = words_of_cap(limit.scope, limit.name, limit.window)
        store.change_run(head, {"waiting_for": WaitKind.MONEY.value, "waiting_for_id": which})
    elif head["waiting_for"] in {WaitKind.MONEY, WaitKind.TOKENS}:
        store.change_run(head, {"waiting_for": None, "waiting_for_id": None})
    return found
