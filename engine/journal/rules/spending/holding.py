"""Money for calls of models: held and the call begun in one transaction, settled in that of its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.budget.admission import Admission, Balance, admit, likely_tokens
from engine.budget.caps import Cap, Limit, Subject, limits_of
from engine.contracts.governing.budget import CapScope, CapWindow
from engine.contracts.governing.money import BILLIONTHS, dollars
from engine.errors import InvalidInput
from engine.journal.encoding import decode, encode
from engine.journal.errors import LeaseLost
from engine.journal.spend_rows import SLOT, SOFT_REACHED, TOPPED_UP

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from zoneinfo import ZoneInfo

    from engine.budget.price import Price
    from engine.journal.rules.store import Store
    from engine.journal.spend_rows import CapRow, HoldRow, NewActRow, SpendRow

MOST_TOPPED_UP = 10**9 * BILLIONTHS
"""In one window of one cap."""
LEARNED_FROM = 30 * 96
"""Slots of which is learned how many bytes make a token: thirty days."""


@dataclass(frozen=True, slots=True)
class PaidCall:
    """A call of a model that wants to begin, under the lease `epoch` of its run.

    `price` None is unknown. It is told `sent` bytes, to which a server adds at most `added` tokens, and
    answers with at most `answer` tokens. `caps` are those of the settings and of the pack, `zone` that of
    their windows.
    """

    hold_id: str
    run_id: str
    epoch: int
    step_id: str
    subject: Subject
    price: Price | None
    sent: int
    added: int
    answer: int
    caps: Sequence[Cap]
    zone: ZoneInfo
    allow_unpriced: bool
    now: int
    boot_id: str
    uptime: int
    deadline: int

    @property
    def most(self) -> int:
        """The most it may cost: a token is at least one byte of what it is told."""
        return self.price.bound(self.sent + self.added, self.answer) if self.price is not None else 0


@dataclass(frozen=True, slots=True)
class Granted:
    """It may begin. `amount` is held until it ends; `capped` says that a hard cap holds for it."""

    amount: int
    capped: bool


@dataclass(frozen=True, slots=True)
class InTheWay:
    """It may not, or not yet (`waits`): of what, and how it stands; `most` is what the call may cost."""

    balance: Balance
    most: int | None
    waits: bool


def begin(store: Store, call: PaidCall) -> Granted | InTheWay:
    """Hold what a call may cost at the most, which lets it begin. Raises LeaseLost."""
    head = store.head(call.run_id)
    if head is None or head["lease_epoch"] != call.epoch or head["lease_worker"] is None:
        raise LeaseLost(call.run_id)
    store.end_holds(call.boot_id, call.uptime)
    caps = (*call.caps, *map(set_cap, store.caps()))
    limits = [topped_up(store, one) for one in limits_of(caps, call.subject, call.now, call.zone)]
    holds = store.holds()
    balances = [_balance(store, one, holds) for one in limits]
    hard = [one for one in balances if one.limit.hard is not None]
    if call.price is None:
        if hard and not call.allow_unpriced:
            return InTheWay(hard[0], None, waits=False)
    elif hard:
        admission, found = admit(hard, call.most, _likely(store, call, call.price))
        if found is not None:
            return InTheWay(found, call.most, waits=admission is Admission.WAIT)
    for one in balances:
        _tell_soft(store, one.limit, one.spent, call.now)
    if call.price is not None:
        store.put_hold(_hold(call, limits))
    return Granted(call.most, bool(hard))


def settle(store: Store, hold_id: str, row: SpendRow, now: int) -> None:
    """The call has ended, and what it cost is counted already; soft caps that it reached are told."""
    hold = store.hold(hold_id)
    if hold is None:  # it took longer than anybody waits
        return
    store.drop_hold(hold_id)
    for told in decode(hold["limits"]):
        limit = topped_up(store, _read(told))
        spent = store.spent(limit.scope, limit.tenant, limit.name, limit.since // SLOT)
        # a run's own row is written after its events
        _tell_soft(store, limit, spent + (row["cost"] if limit.scope is CapScope.RUN else 0), now)


def record_act(store: Store, act: NewActRow) -> None:
    """Record what a person did. Raises InvalidInput for top-ups of one window that are too much to count."""
    if act["kind"] == TOPPED_UP:
        key = (act["scope"], act["tenant"], act["name"], act["cap_window"], act["since"])
        _, before = store.sum_of_acts(TOPPED_UP, *key)
        if before + (act["amount"] or 0) > MOST_TOPPED_UP:
            raise InvalidInput(
                "top-ups of one cap are at most a billion dollars in its window; "
                f"{dollars(before)} were added already"
            )
    store.add_act(act)


def topped_up(store: Store, limit: Limit) -> Limit:
    """A limit as it was written, with the top-ups of its window."""
    _, amount = store.sum_of_acts(TOPPED_UP, *_key(limit))
    return limit.raised(amount) if amount else limit


def set_cap(row: CapRow) -> Cap:
    """A cap that a person set."""
    scope, window = CapScope(row["scope"]), CapWindow(row["cap_window"])
    return Cap(scope, window, row["tenant"], row["name"], row["soft"], row["hard"], "person")


def held_for(limit: Limit, holds: Iterable[HoldRow]) -> list[HoldRow]:
    """The holds that count for a limit."""
    column = {CapScope.TENANT: "tenant", CapScope.PACK: "pack", CapScope.MODEL: "model", CapScope.RUN: "tree"}
    name: Any = column[limit.scope]
    return [one for one in holds if one["tenant"] == limit.tenant and dict(one)[name] == limit.name]


def act_of(limit: Limit, kind: str, now: int, **fields: Any) -> NewActRow:
    """Something that happens to a limit now."""
    scope, tenant, name, window, since = _key(limit)
    row: NewActRow = {
        "ts": now,
        "kind": kind,
        "scope": scope,
        "tenant": tenant,
        "name": name,
        "cap_window": window,
        "since": since,
        "actor": "engine",
        "via": "engine",
        "amount": None,
        "soft": limit.soft,
        "hard": limit.hard,
        "comment": "",
    }
    row.update(fields)  # type: ignore[typeddict-item]  # names of the row, by callers of this file's kind
    return row


def _balance(store: Store, limit: Limit, holds: Sequence[HoldRow]) -> Balance:
    spent = store.spent(limit.scope, limit.tenant, limit.name, limit.since // SLOT)
    return Balance(limit, spent, sum(one["amount"] for one in held_for(limit, holds)))


def _likely(store: Store, call: PaidCall, price: Price) -> int:
    since = call.now // SLOT - LEARNED_FROM
    learned = store.learned(call.subject.tenant, call.subject.model, since)
    return price.bound(likely_tokens(call.sent, *learned) + call.added, call.answer)


def _tell_soft(store: Store, limit: Limit, spent: int, now: int) -> None:
    if limit.soft is None or spent < limit.soft:
        return
    times, _ = store.sum_of_acts(SOFT_REACHED, *_key(limit))
    if not times:
        store.add_act(act_of(limit, SOFT_REACHED, now, amount=spent))


def _hold(call: PaidCall, limits: Iterable[Limit]) -> HoldRow:
    return {
        "hold_id": call.hold_id,
        "run_id": call.run_id,
        "step_id": call.step_id,
        "tenant": call.subject.tenant,
        "pack": call.subject.pack,
        "model": call.subject.model,
        "tree": call.subject.tree,
        "amount": call.most,
        "boot_id": call.boot_id,
        "deadline": call.deadline,
        "limits": encode([[*_key(one), one.soft - one.topped_up] for one in limits if one.soft is not None]),
    }


def _key(limit: Limit) -> tuple[str, str, str, str, int]:
    return limit.scope.value, limit.tenant, limit.name, limit.window.value, limit.since


def _read(told: Sequence[Any]) -> Limit:
    scope, tenant, name, window, since, soft = told
    return Limit(CapScope(scope), CapWindow(window), tenant, name, soft, None, "", since)
