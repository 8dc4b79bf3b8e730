"""Soft caps: told once in their window, and what becomes of calls above one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.contracts.status import RUN_TERMINAL, CancelMode, RunStatus
from engine.journal.rules.spending.acts import act_of, cap_key
from engine.journal.spend_rows import LOWERED, SOFT_REACHED, STOPPED
from engine.machine.model.inputs import Cancel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.budget.admission import Balance
    from engine.budget.caps import Limit
    from engine.journal.rules.store import Store


@dataclass(frozen=True, slots=True)
class HeldBack:
    """It may not begin at the soft cap `limit`: its run waits for a person's word, or (`stop`) ends."""

    limit: Limit
    stop: bool


@dataclass(frozen=True, slots=True)
class UseLowerTier:
    """The model of the next lower tier is to be asked: a person said so at the soft cap `limit`."""

    limit: Limit


def tell_soft(store: Store, limit: Limit, spent: int, now: int) -> None:
    """Record that a soft cap is reached, once in its window: people are asked and told because of it."""
    if limit.soft is None or spent < limit.soft:
        return
    times, _ = store.sum_of_acts(SOFT_REACHED, cap_key(limit))
    if not times:
        store.add_act(act_of(limit, SOFT_REACHED, now, amount=spent))


def above_soft_caps(
    store: Store, balances: Iterable[Balance], run_id: str, tree: str, now: int, *, may_lower: bool
) -> HeldBack | UseLowerTier | None:
    """What people answered, or have to answer, at the soft caps that are reached; None: the call may go on.

    To stop comes before to wait, that before to ask another model. What ends is the whole tree.
    """
    found: dict[str, Limit] = {}
    for one in balances:
        if one.limit.soft is None or one.spent < one.limit.soft:
            continue
        tell_soft(store, one.limit, one.spent, now)
        answer = store.soft_cap_answer(cap_key(one.limit))
        found.setdefault(answer or ("waits" if one.limit.pause else ""), one.limit)
    if STOPPED in found:
        _stop_tree(store, run_id, tree, now)
        return HeldBack(found[STOPPED], stop=True)
    if "waits" in found:
        key = cap_key(found["waits"])
        store.put_wait(
            {
                "run_id": run_id,
                "scope": key.scope,
                "tenant": key.tenant,
                "name": key.name,
                "cap_window": key.cap_window,
                "since": key.since,
            }
        )
        return HeldBack(found["waits"], stop=False)
    return UseLowerTier(found[LOWERED]) if LOWERED in found and may_lower else None


def _stop_tree(store: Store, run_id: str, tree: str, now: int) -> None:
    """The run ends by itself; the outermost one, which waits for it, is told."""
    head = store.head(tree) if tree != run_id else None
    if head is not None and RunStatus(head["status"]) not in RUN_TERMINAL:
        store.put_mail(tree, Cancel(now=now, mode=CancelMode.BOUNDARY))
