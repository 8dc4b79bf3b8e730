"""Money that is written down: what was spent, by what it is told apart by."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.contracts.budget import SpendBy, Spending, SpendRow, SpendSum

if TYPE_CHECKING:
    from datetime import datetime


@dataclass
class FakeBudget:
    rows: dict[SpendBy, tuple[SpendRow, ...]] = field(default_factory=dict)
    of_runs: dict[str, SpendSum] = field(default_factory=dict)

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
