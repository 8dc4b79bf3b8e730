"""Money that is written down: what was spent, by what it is told apart by, and what may be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.contracts.governing.budget import CapOf, Caps, CapView, SpendBy, Spending, SpendRow, SpendSum
from engine.contracts.governing.outlook import SpendOutlook
from engine.errors import ErrorCode, Refused

if TYPE_CHECKING:
    from datetime import datetime

    from engine.contracts.actor import Actor
    from engine.contracts.governing.budget import AsShown, CapTerms


def a_cap(**fields: Any) -> CapView:
    given = {"scope": "tenant", "tenant": "acme", "name": "acme", "window": "day", "source": "settings"}
    return CapView.model_validate({**given, "state": "ok", "hard": 10 * 10**9, **fields})


@dataclass
class FakeBudget:
    rows: dict[SpendBy, tuple[SpendRow, ...]] = field(default_factory=dict)
    outlooks: dict[str, SpendOutlook] = field(default_factory=dict)
    of_runs: dict[str, SpendSum] = field(default_factory=dict)
    of_caps: Caps = field(default_factory=lambda: Caps(time_zone="UTC"))
    refusal: Refused | None = None
    done: list[tuple[Any, ...]] = field(default_factory=list)

    async def spending(
        self,
        by: SpendBy = SpendBy.MODEL,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Spending:
        rows = self.rows.get(by, ())
        total = SpendSum()
        for row in rows:
            total = total.plus(row.sum)
        return Spending(by=by, since=since, until=until, time_zone="UTC", total=total, rows=rows)

    async def of_run(self, run_id: str) -> SpendSum:
        return self.of_runs.get(run_id, SpendSum())

    async def outlook(self, run_id: str, step_id: str) -> SpendOutlook:
        return self.outlooks.get(run_id) or SpendOutlook(spent=await self.of_run(run_id), runs=0)

    async def caps(self, *, acts: int = 20) -> Caps:
        return self.of_caps

    async def cap(self, of: CapOf) -> CapView | None:
        return next((one for one in self.of_caps.caps if CapOf(one.scope, one.name, one.window) == of), None)

    async def set_cap(
        self,
        of: CapOf,
        terms: CapTerms,
        *,
        actor: Actor,
        comment: str = "",
        seen: AsShown | None = None,
    ) -> None:
        await self._require_as(of, seen)
        self.done.append(("set_cap", of, terms, actor.name, comment))

    async def top_up(
        self,
        of: CapOf,
        amount: int,
        *,
        actor: Actor,
        comment: str,
        seen: AsShown | None = None,
    ) -> CapView | None:
        await self._require_as(of, seen)
        self.done.append(("top_up", of, amount, actor.name, comment))
        return next((one for one in self.of_caps.caps if (one.scope, one.name) == (of.scope, of.name)), None)

    async def _require_as(self, of: CapOf, seen: AsShown | None) -> None:
        if self.refusal is not None:
            raise self.refusal
        cap = await self.cap(of)
        now = (cap.soft, cap.hard) if cap is not None else (None, None)
        if seen is not None and (seen.soft, seen.hard) != now:
            raise Refused(ErrorCode.CAP_CHANGED, f"somebody changed the cap of {of.name} meanwhile")
