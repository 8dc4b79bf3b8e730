"""Money and tokens for calls of models: held and the call begun in one transaction, settled in that of its
answer."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from engine.budget.admission import Admission, Balance, admit, likely_tokens
from engine.budget.caps import Cap, Limit, Subject, limits_of
from engine.contracts.governing.budget import CapScope, CapWindow
from engine.journal.encoding import decode, encode
from engine.journal.errors import LeaseLost
from engine.journal.rules.spending.acts import topped_up
from engine.journal.rules.spending.soft_caps import HeldBack, UseLowerTier, above_soft_caps, tell_soft
from engine.journal.rules.spending.tokens import OverTokenCeiling, over_token_ceiling
from engine.journal.spend_rows import SLOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.budget.price import Price
    from engine.journal.rules.store import Store
    from engine.journal.spend_rows import CapRow, HoldRow, SpendRow

LEARNED_FROM = 30 * 96
"""Slots of which is learned how many bytes make a token: thirty days."""


@dataclass(frozen=True, slots=True)
class PaidCall:
    """A call of a model that wants to begin."""

    hold_id: str
    run_id: str
    epoch: int
    """The lease of its run."""
    step_id: str
    subject: Subject
    price: Price | None
    """None is unknown."""
    sent: int
    """Bytes that it is told; 0 of a program that asks models by itself."""
    added: int
    """Tokens that a server adds to these at the most."""
    answer: int
    """Tokens of its answer at the most."""
    caps: Sequence[Cap]
    """Those of the settings and of the pack."""
    zone: ZoneInfo
    """That of their windows."""
    allow_unpriced: bool
    now: int
    boot_id: str
    uptime: int
    deadline: int
    may_lower: bool = False
    """There is a lower tier whose model may be asked in place of this one."""
    ceiling: int | None = None
    """That of the tokens of its tree."""
    told: int = 0
    """The tokens that what it is told counts as."""

    @property
    def most(self) -> int:
        """The most it may cost: a token is at least one byte of what it is told."""
        return self.price.bound(self.sent + self.added, self.answer) if self.price is not None else 0


@dataclass(frozen=True, slots=True)
class Granted:
    """It may begin. `amount` is held until it ends; `capped` says that a hard cap, or a ceiling of tokens,
    holds for it."""

    amount: int
    capped: bool


@dataclass(frozen=True, slots=True)
class OverHardCap:
    """It may not, or not yet (`waits`): of what, and how it stands; `most` is what the call may cost."""

    balance: Balance
    most: int | None
    waits: bool


CallAdmission = Granted | OverHardCap | OverTokenCeiling | HeldBack | UseLowerTier
"""What becomes of a call that wants to begin."""


def begin(store: Store, call: PaidCall) -> CallAdmission:
    """Hold what a call may cost and take at the most, which lets it begin. Raises LeaseLost."""
    head = store.head(call.run_id)
    if head is None or head["lease_epoch"] != call.epoch or head["lease_worker"] is None:
        raise LeaseLost(call.run_id)
    store.end_holds(call.boot_id, call.uptime)
    if call.ceiling is not None:
        full = over_token_ceiling(store, call.subject.tree, call.ceiling, call.told + call.answer)
        if full is not None:
            store.drop_wait(call.run_id)
            return full
    limits = _limits(store, call)
    holds = store.holds()
    balances = [_balance(store, one, holds) for one in limits]
    above = above_soft_caps(
        store, balances, call.run_id, call.subject.tree, call.now, may_lower=call.may_lower
    )
    if not isinstance(above, HeldBack):
        store.drop_wait(call.run_id)
    if above is not None:
        return above
    hard = [one for one in balances if one.limit.hard is not None]
    if call.price is None:
        if hard and not call.allow_unpriced:
            return OverHardCap(hard[0], None, waits=False)
    elif hard:
        admission, found = admit(hard, call.most, _likely(store, call, call.price))
        if found is not None:
            return OverHardCap(found, call.most, waits=admission is Admission.WAIT)
    if call.sent:  # nothing is held for a program that asks by itself
        store.put_hold(_hold(call))
    return Granted(call.most, bool(hard) or call.ceiling is not None)


def settle(store: Store, hold_id: str, row: SpendRow, now: int) -> None:
    """The call has ended, and what it cost is counted already; soft caps that it reached are told: those that
    hold now, which is perhaps another day than that on which the call began."""
    hold = store.hold(hold_id)
    if hold is None:  # the run was removed meanwhile
        return
    store.drop_hold(hold_id)
    read = decode(hold["limits"])
    if not isinstance(read, dict):  # it costs nothing, or an earlier version held it: the next call tells
        return
    subject = Subject(hold["tenant"], hold["pack"], hold["model"], hold["tree"])
    caps = (*(_read(one) for one in read["caps"]), *map(set_cap, store.caps()))
    for limit in limits_of(caps, subject, now, ZoneInfo(read["zone"])):
        if limit.soft is not None:
            spent = store.spent(limit.scope, limit.tenant, limit.name, limit.since // SLOT)
            # a run's own row is written after its events
            added = row["cost"] if limit.scope is CapScope.RUN else 0
            tell_soft(store, topped_up(store, limit), spent + added, now)


def lower(store: Store, hold_id: str, amount: int, tokens: tuple[int, int] = (0, 0)) -> None:
    """A call has ended of which nobody will know more: it cost so much, if that is less than is held, and
    took so many tokens of input and of output."""
    hold = store.hold(hold_id)
    if not amount and not any(tokens):
        store.drop_hold(hold_id)
    elif hold is not None:
        used, answered = tokens
        lowered = min(amount, hold["amount"])
        store.put_hold({**hold, "amount": lowered, "input_tokens": used, "output_tokens": answered})


def set_cap(row: CapRow) -> Cap:
    """A cap that a person set."""
    scope, window = CapScope(row["scope"]), CapWindow(row["cap_window"])
    return Cap(
        scope, window, row["tenant"], row["name"], row["soft"], row["hard"], "person", bool(row["pause"])
    )


def held_for(limit: Limit, holds: Iterable[HoldRow]) -> list[HoldRow]:
    """The holds of money that count for a limit."""
    column = {CapScope.TENANT: "tenant", CapScope.PACK: "pack", CapScope.MODEL: "model", CapScope.RUN: "tree"}
    name: Any = column[limit.scope]
    held = (one for one in holds if one["amount"] and one["tenant"] == limit.tenant)
    return [one for one in held if dict(one)[name] == limit.name]


def _limits(store: Store, call: PaidCall) -> list[Limit]:
    """What caps hold for a call; for one that costs nothing there are none."""
    if call.price is not None and call.price.is_free:
        return []
    caps = (*call.caps, *map(set_cap, store.caps()))
    return [topped_up(store, one) for one in limits_of(caps, call.subject, call.now, call.zone)]


def _balance(store: Store, limit: Limit, holds: Sequence[HoldRow]) -> Balance:
    spent = store.spent(limit.scope, limit.tenant, limit.name, limit.since // SLOT)
    return Balance(limit, spent, sum(one["amount"] for one in held_for(limit, holds)))


def _likely(store: Store, call: PaidCall, price: Price) -> int:
    since = call.now // SLOT - LEARNED_FROM
    learned = store.learned(call.subject.tenant, call.subject.model, since)
    return price.bound(likely_tokens(call.sent, *learned) + call.added, call.answer)


def _hold(call: PaidCall) -> HoldRow:
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
        "ended": 0,
        "input_tokens": call.told,
        "output_tokens": call.answer,
        "sent_bytes": call.sent,
        "priced": int(call.price is not None),
        "limits": encode(_written(call)),
    }


def _written(call: PaidCall) -> dict[str, Any] | None:
    """The caps of the settings and of the pack that may hold for a call, as `settle` needs them; None for one
    that costs nothing."""
    if call.price is None or call.price.is_free:
        return None
    caps = [astuple(one) for one in call.caps if one.may_hold(call.subject)]
    return {"zone": call.zone.key, "caps": caps}


def _read(told: Sequence[Any]) -> Cap:
    scope, window, *rest = told
    return Cap(CapScope(scope), CapWindow(window), *rest)
