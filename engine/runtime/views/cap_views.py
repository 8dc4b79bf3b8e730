"""Caps as they stand: of whoever spent, was topped up or has one of their own, and of the tenant in view."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from engine.budget.admission import Balance
from engine.budget.caps import EACH, Limit, Subject, limits_of, window_around
from engine.budget.standing import standing
from engine.contracts.actor import recorded_account
from engine.contracts.governing.budget import BudgetAct, CapScope, CapState, CapWindow, TokenCeiling
from engine.contracts.times import from_micros
from engine.journal.rules.spending.acts import cap_key
from engine.journal.rules.spending.holding import held_for
from engine.journal.spend_rows import SLOT, cap_key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from engine.budget.caps import Cap
    from engine.contracts.governing.budget import CapView
    from engine.governance.policies import Policies
    from engine.journal.rules.spend_store import Spending
    from engine.journal.spend_rows import ActRow, CapKey, HoldRow, SpendRow, TopUpRow

    _Subject = tuple[CapScope, str, str]
    """Scope, tenant and name."""
    _Spent = dict[_Subject, tuple[int, int]]
    """Of each subject: billionths, and calls of unknown cost."""

_ALWAYS = 2**40
_WORST = {CapState.HARD: 0, CapState.SOFT: 1, CapState.OK: 2}


@dataclass(frozen=True, slots=True)
class CapViews:
    """Reads how caps stand at a moment (microseconds), with what is held then."""

    money: Spending
    caps: Sequence[Cap]
    now: int
    zone: ZoneInfo
    holds: Sequence[HoldRow]

    async def all(self, tenant: str | None) -> list[CapView]:
        """Those of a tenant, or of all, the worst first."""
        found: list[CapView] = []
        for window in CapWindow:
            caps = [one for one in self.caps if one.window is window]
            if tenant is not None:
                caps = [one for one in caps if one.tenant in {EACH, tenant}]
            if caps:
                rows = await self._rows(tenant, window)
                topped = await self._topped_up(tenant, window)
                limits = await asyncio.to_thread(list, self._limits(caps, tenant, rows, topped))
                found += await self._views(limits, rows)
        return sorted(found, key=lambda one: (_WORST[one.state], _share_left(one), one.scope, one.name))

    async def one(self, scope: CapScope, tenant: str, name: str, window: CapWindow) -> CapView | None:
        """The cap that holds for one subject; None where none does."""
        subject = Subject(tenant, name, name, name)
        caps = [one for one in self.caps if one.scope is scope and one.window is window]
        limits = limits_of(caps, subject, self.now, self.zone)
        views = await self._views(limits, await self._rows(tenant, window))
        return views[0] if views else None

    async def _rows(self, tenant: str | None, window: CapWindow) -> Sequence[SpendRow]:
        since, _ = window_around(window, self.now, self.zone)
        return await self.money.by_names(tenant, since // SLOT, _ALWAYS)

    async def _topped_up(self, tenant: str | None, window: CapWindow) -> set[_Subject]:
        """Whose caps of the window that holds now were raised; they need not have spent anything."""
        since, _ = window_around(window, self.now, self.zone)
        return {
            (CapScope(one["scope"]), one["tenant"], one["name"])
            for one in await self.money.top_ups()
            if one["scope"] != CapScope.RUN.value
            and (one["cap_window"], one["since"]) == (window.value, since)
            and tenant in {None, one["tenant"]}
        }

    def _limits(
        self, caps: Sequence[Cap], tenant: str | None, rows: Iterable[SpendRow], topped: set[_Subject]
    ) -> Iterator[Limit]:
        """For the tenant in view, and every subject that spent, was topped up or has a cap of its own."""
        subjects = {(scope, row["tenant"], _name(scope, row)) for row in rows for scope in CapScope} | topped
        if tenant is not None:
            subjects.add((CapScope.TENANT, tenant, tenant))
        known = {(scope, name) for scope, _, name in subjects}
        subjects |= {
            (one.scope, one.tenant if one.tenant != EACH else tenant or EACH, one.name)
            for one in caps
            if (one.name != EACH or one.scope is CapScope.RUN)
            and (one.tenant != EACH or (one.scope, one.name) not in known)
        }
        named: dict[_Subject, list[Cap]] = {}
        for one in caps:
            named.setdefault((one.scope, one.tenant, one.name), []).append(one)
        for scope, owner, name in sorted(subjects):
            subject = Subject(owner, name, name, name)
            wanted = dict.fromkeys((scope, *one) for one in product((EACH, owner), (EACH, name)))
            own = [one for each in wanted for one in named.get(each, ())]
            yield from limits_of(own, subject, self.now, self.zone)

    async def _views(self, limits: Sequence[Limit], rows: Iterable[SpendRow]) -> list[CapView]:
        top_ups = by_cap(await self.money.top_ups())
        holds: dict[str, list[HoldRow]] = {}
        for hold in self.holds:
            holds.setdefault(hold["tenant"], []).append(hold)
        raised_limits = [with_top_ups(limit, top_ups) for limit in limits]
        return await asyncio.to_thread(self._stand, raised_limits, rows, holds)

    def _stand(
        self, limits: Sequence[Limit], rows: Iterable[SpendRow], holds: Mapping[str, Sequence[HoldRow]]
    ) -> list[CapView]:
        spent = _spent(rows)
        return [self._view(limit, spent, holds.get(limit.tenant, ())) for limit in limits]

    def _view(self, limit: Limit, spent: _Spent, holds: Sequence[HoldRow]) -> CapView:
        cost, unpriced = spent.get((limit.scope, limit.tenant, limit.name), (0, 0))
        held = held_for(limit, holds)
        balance = Balance(limit, cost, sum(one["amount"] for one in held))
        return standing(balance, self.now, calls=len(held), unpriced=unpriced)


def _spent(rows: Iterable[SpendRow]) -> _Spent:
    """What each subject spent, and how many of its calls are of unknown cost. A run is told by itself."""
    sums: _Spent = {}
    for row in rows:
        for scope in (CapScope.TENANT, CapScope.PACK, CapScope.MODEL):
            subject = (scope, row["tenant"], _name(scope, row))
            cost, unpriced = sums.get(subject, (0, 0))
            sums[subject] = (cost + row["cost"], unpriced + row["unpriced"])
    return sums


def _share_left(cap: CapView) -> float:
    """Of the hard cap; one without any comes after those."""
    return 2.0 if cap.left is None or not cap.hard else cap.left / cap.hard


def token_ceilings(policies: Policies) -> tuple[TokenCeiling, ...]:
    """The ceiling of every run that has one, and those of packs that have another."""
    own = {pack: policies.for_pack(pack).max_tokens_per_run for pack in sorted(policies.by_pack)}
    of_all = policies.max_tokens_per_run
    found = {
        **({} if of_all is None else {EACH: of_all}),
        **{p: one for p, one in own.items() if one != of_all},
    }
    return tuple(TokenCeiling(pack=pack, limit=limit) for pack, limit in found.items())


def act_view(row: ActRow) -> BudgetAct:
    """Something that happened to a cap, as it is told."""
    return BudgetAct(
        ts=from_micros(row["ts"]),
        kind=row["kind"],
        scope=CapScope(row["scope"]),
        tenant=row["tenant"],
        name=row["name"],
        window=CapWindow(row["cap_window"]),
        actor=row["actor"],
        account=None if row["via"] == "engine" else recorded_account(row["actor"]),
        via=row["via"],
        amount=row["amount"],
        soft=row["soft"],
        hard=row["hard"],
        comment=row["comment"],
    )


def _name(scope: CapScope, row: SpendRow) -> str:
    names = {
        CapScope.TENANT: row["tenant"],
        CapScope.PACK: row["pack"],
        CapScope.MODEL: row["model"],
        CapScope.RUN: EACH,
    }
    return names[scope]


def by_cap(rows: Iterable[TopUpRow]) -> dict[CapKey, int]:
    """By how much each cap was topped up in a window."""
    return {cap_key_of(row): row["amount"] for row in rows}


def with_top_ups(limit: Limit, top_ups: Mapping[CapKey, int]) -> Limit:
    """A limit as it was written, with the top-ups of its window."""
    amount = top_ups.get(cap_key(limit))
    return limit if amount is None else limit.raised(amount)
