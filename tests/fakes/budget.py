"""Money that is written down: what was spent, by what it is told apart by, and what may be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.contracts.governing.budget import Caps, SpendBy, Spending, SpendRow, SpendSum

if TYPE_CHECKING:
    from datetime import datetime

    from engine.contracts.actor import Actor
    from engine.contracts.governing.budget import CapScope, CapView, CapWindow


@dataclass
class FakeBudget:
    rows: dict[SpendBy, tuple[SpendRow, ...]] = field(default_factory=dict)
    of_runs: dict[str, SpendSum] = field(default_factory=dict)
    of_caps: Caps = field(default_factory=lambda: Caps(time_zone="UTC"))
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

    async def caps(self, *, acts: int = 20) -> Caps:
        return self.of_caps

    async def set_cap(
        self,
        scope: CapScope,
        name: str,
        window: CapWindow,
        *,
        soft: int | None,
        hard: int | None,
        actor: Actor,
        comment: str = "",
    ) -> None:
        self.done.append(("set_cap", scope, name, window, soft, hard, actor.name, comment))

    async def top_up(
        self, scope: CapScope, name: str, window: CapWindow, amount: int, *, actor: Actor, comment: str
    ) -> CapView | None:
        self.done.append(("top_up", scope, name, window, amount, actor.name, comment))
        return next((one for one in self.of_caps.caps if (one.scope, one.name) == (scope, name)), None)
