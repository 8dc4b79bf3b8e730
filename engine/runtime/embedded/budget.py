"""The facade's part for money: what was spent, told apart by what one asks for."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from engine.contracts.budget import SpendBy, Spending, SpendRow, SpendSum
from engine.errors import NotFound
from engine.governance.access import Scoped
from engine.journal.spend_rows import SLOT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.budget.settings import BudgetSettings
    from engine.journal.port import Journal
    from engine.journal.spend_rows import SpendRow as Row

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_QUARTER = timedelta(microseconds=SLOT)
_ALWAYS = 2**40
"""A slot later than any."""


class Budget(Scoped):
    """Implements `engine.facade.budget.Budget`."""

    def __init__(self, journal: Journal, settings: BudgetSettings) -> None:
        self._journal = journal
        self._zone = settings.time_zone

    async def spending(
        self,
        by: SpendBy = SpendBy.MODEL,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Spending:
        """See facade."""
        first, last = _slot(since, 0), _slot(until, _ALWAYS)
        sums = self._journal.spending
        read = sums.by_slot if by is SpendBy.DAY else sums.by_names
        rows = await read(self.access.tenant, first, last)
        zone = await asyncio.to_thread(ZoneInfo, self._zone)
        named = _told_apart((_name(row, by, zone), spend_sum(row)) for row in rows)
        ordered = sorted(named, key=lambda row: row.name) if by is SpendBy.DAY else _dearest_first(named)
        total = SpendSum()
        for row in ordered:
            total = total.plus(row.sum)
        return Spending(
            by=by, since=since, until=until, time_zone=self._zone, total=total, rows=tuple(ordered)
        )

    async def of_run(self, run_id: str) -> SpendSum:
        """See facade."""
        row = await self._journal.run_row(run_id)
        if row is None or not self.access.sees(row["tenant"]):
            raise NotFound(f"there is no run {run_id}{self.access.where}", {"run_id": run_id})
        total = SpendSum()
        for one in await self._journal.spending.of_tree(run_id):
            total = total.plus(spend_sum(one))
        return total


def _name(row: Row, by: SpendBy, zone: ZoneInfo) -> str:
    match by:
        case SpendBy.TENANT:
            return row["tenant"]
        case SpendBy.PACK:
            return row["pack"]
        case SpendBy.STEP:
            return f"{row['pack']}/{row['flow']}/{row['step']}"
        case SpendBy.MODEL:
            return row["model"]
        case SpendBy.DAY:
            return (_EPOCH + row["slot"] * _QUARTER).astimezone(zone).date().isoformat()


def spend_sum(row: Row) -> SpendSum:
    """A row as it is told."""
    return SpendSum(
        calls=row["calls"],
        unpriced=row["unpriced"],
        estimated=row["estimated"],
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        cached_tokens=row["cached_tokens"],
        cost=row["cost"],
    )


def _slot(moment: datetime | None, otherwise: int) -> int:
    return otherwise if moment is None else (moment.astimezone(UTC) - _EPOCH) // _QUARTER


def _told_apart(named: Iterable[tuple[str, SpendSum]]) -> list[SpendRow]:
    sums: dict[str, SpendSum] = {}
    for name, one in named:
        sums[name] = sums[name].plus(one) if name in sums else one
    return [SpendRow(name=name, sum=total) for name, total in sums.items()]


def _dearest_first(rows: Iterable[SpendRow]) -> list[SpendRow]:
    return sorted(rows, key=lambda row: (-row.sum.cost, -row.sum.unpriced, -row.sum.calls, row.name))
