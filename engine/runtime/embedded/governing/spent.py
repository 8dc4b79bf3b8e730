"""What models used and cost: rows of the journal told apart by what one asks for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from engine.contracts.governing.budget import SpendBy, SpendRow, SpendSum
from engine.journal.spend_rows import SLOT, added

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.journal.spend_rows import SpendRow as Row

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_QUARTER = timedelta(microseconds=SLOT)
ALWAYS = 2**40
"""A slot later than any."""


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


def sum_of(rows: Iterable[Row]) -> SpendSum:
    """Of all rows together."""
    total = SpendSum()
    for one in rows:
        total = total.plus(_spend_sum(one))
    return total


def _spend_sum(row: Row) -> SpendSum:
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


def slot_of(moment: datetime | None, otherwise: int) -> int:
    """The slot that a moment lies in."""
    return otherwise if moment is None else (moment.astimezone(UTC) - _EPOCH) // _QUARTER


def sums_by(rows: Iterable[Row], by: SpendBy, zone_name: str) -> tuple[SpendSum, list[SpendRow]]:
    """The sum of all, and of each name. There may be a row for each of ten thousand tenants."""
    zone = ZoneInfo(zone_name)
    whole: Row | None = None
    sums: dict[str, Row] = {}
    for row in rows:
        name = _name(row, by, zone)
        sums[name] = added(sums[name], row) if name in sums else row
        whole = row if whole is None else added(whole, row)
    total = SpendSum() if whole is None else _spend_sum(whole)
    return total, [SpendRow(name=name, sum=_spend_sum(one)) for name, one in sums.items()]


def costliest_first(rows: Iterable[SpendRow]) -> list[SpendRow]:
    """What cost most before what cost less, then by calls whose cost is not known."""
    return sorted(rows, key=lambda row: (-row.sum.cost, -row.sum.unpriced, -row.sum.calls, row.name))
