"""Service levels on SQLite: rows of counts."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, cast

from engine.journal.rules.levels.level_reads import ChangedLevel
from engine.journal.sqlite.level_rows import read_level
from engine.journal.sqlite.queries import query
from engine.slo.buckets import HOUR, Bucket
from engine.slo.drift import LEAST_RUNS, Side
from engine.slo.sketch import decode_all, quantile, total
from engine.slo.sums import PackSums

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence

    from engine.journal.alert_rows import AlertRow, AlertWithEnd
    from engine.journal.rules.levels.level_reads import LevelSpan
    from engine.journal.rules.levels.levels import HourRow, Levels
    from engine.slo.sketch import Sketch
    from engine.slo.sums import SumsAsked


def _read_sums(row: sqlite3.Row) -> PackSums:
    """A row of `level_sums`."""
    times = _sketches(row["times"])
    lately_runs = (row["lately_good"] or 0) + (row["lately_bad"] or 0)
    enough = min(lately_runs, row["good"] + row["bad"] - lately_runs) >= LEAST_RUNS
    waits = row["waits"]
    return PackSums(
        row["tenant"],
        row["pack"],
        row["good"],
        row["bad"],
        row["flagged"],
        row["doubtful"],
        row["stated"],
        quantile(times, 0.5),
        quantile(times, 0.95),
        total(times),
        total(_sketches(waits)) if waits else 0,
        row["oldest_end"],
        row["recent_bad"] or 0,
        _sides(row, times) if enough else None,
    )


def _sides(row: sqlite3.Row, times: Sketch) -> tuple[Side, Side]:
    """The days before and lately: what is not of the latter is of the former."""
    late_times = _sketches(row["lately_times"])
    names = ("good", "bad", "cost", "priced", "tokens", "metered")
    late = {name: row[f"lately_{name}"] or 0 for name in names}
    late |= {"took": total(late_times), "timed": sum(late_times.values())}
    whole = {name: row[name] for name in names} | {"took": total(times), "timed": sum(times.values())}
    return Side(**{name: whole[name] - late[name] for name in whole}), Side(**late)


def _sketches(text: str | None) -> Sketch:
    return decode_all(bytes.fromhex(text)) if text else {}


PAGE = 4_000
"""Rows that are read at once; those of one pack are far fewer."""


class SqliteLevelReads:
    """Implements `engine.journal.rules.levels.level_reads.LevelReads`."""

    def __init__(self, read: Callable[..., Awaitable[list[sqlite3.Row]]]) -> None:
        self._read = read

    async def since(self, moment: int, tenant: str | None, pack: str | None = None) -> Levels:
        """See port."""
        asked = {"tenant": tenant, "pack": pack, "moment": moment}
        rows = await self._read(query("select_every_level"), asked)
        return await asyncio.to_thread(_by_pack, rows)

    async def pages(self, moment: int, tenant: str | None) -> AsyncIterator[Levels]:
        """See port."""
        asked: dict[str, Any] = {"tenant": tenant, "moment": moment, "owner": "", "pack": "", "limit": PAGE}
        rows: list[sqlite3.Row] = []
        while not asked["owner"] or len(rows) == PAGE:
            rows = await self._read(query("page_levels"), asked)
            found = await asyncio.to_thread(_by_pack, rows)
            if len(rows) == PAGE and len(found) > 1:
                found.popitem()  # the last one may go on behind the page
            if not found:
                return
            asked["owner"], asked["pack"] = next(reversed(found))
            yield found

    async def changed(self, mark: int, tenant: str | None) -> Sequence[ChangedLevel]:
        """See port."""
        rows = await self._read(query("changed_levels"), {"mark": mark, "tenant": tenant})
        return await asyncio.to_thread(lambda: [ChangedLevel(*row) for row in rows])

    async def sums(self, span: LevelSpan, asked: SumsAsked) -> Sequence[PackSums]:
        """See port."""
        (tenant, pack), (last_tenant, last_pack) = span.first, span.last
        packs = json.dumps(sorted(span.packs)) if span.packs else None
        places = {"tenant": tenant, "pack": pack, "last_tenant": last_tenant, "last_pack": last_pack}
        rows = await self._read(query("level_sums"), {**places, **asked._asdict(), "packs": packs})
        return await asyncio.to_thread(lambda: [_read_sums(row) for row in rows])

    async def recent(self, places: Collection[tuple[str, str]], moment: int, now: int) -> Levels:
        """See port."""
        asked = {"places": json.dumps(list(places)), "moment": moment, "now": now}
        found: Levels = {}
        for tenant, pack, *counts in await self._read(query("recent_levels"), asked):
            found.setdefault((tenant, pack), []).append(Bucket(*counts))
        return found

    async def by_hour(self, moment: int, tenant: str | None) -> Sequence[HourRow]:
        """See port."""
        asked = {"tenant": tenant, "moment": moment, "hour": HOUR}
        return [cast("HourRow", dict(row)) for row in await self._read(query("level_hours"), asked)]

    async def standing_alerts(self) -> Sequence[AlertRow]:
        """See port."""
        return [cast("AlertRow", dict(row)) for row in await self._read(query("all_standing_alerts"))]

    async def newest_alerts(self, tenant: str, pack: str, limit: int) -> Sequence[AlertWithEnd]:
        """See port."""
        asked = {"tenant": tenant, "pack": pack, "limit": limit}
        rows = await self._read(query("newest_alerts"), asked)
        return [cast("AlertWithEnd", dict(row)) for row in rows]

    async def alerts_after(self, place: int, limit: int) -> Sequence[AlertRow]:
        """See port."""
        rows = await self._read(query("alerts_after"), (place, limit))
        return [cast("AlertRow", dict(row)) for row in rows]

    async def last_alert(self) -> int:
        """See port."""
        return int((await self._read(query("last_alert")))[0][0])


def _by_pack(rows: list[sqlite3.Row]) -> Levels:
    found: Levels = {}
    for row in rows:
        found.setdefault((row["tenant"], row["pack"]), []).append(read_level(row))
    return found
