"""Service levels of the journal in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.journal.memory.tables import standing
from engine.journal.rules.levels.level_reads import ChangedLevel
from engine.slo.buckets import HOUR, Bucket
from engine.slo.sums import sums_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence

    from engine.journal.alert_rows import AlertRow, AlertWithEnd
    from engine.journal.memory.store import MemoryStore
    from engine.journal.rules.levels.level_reads import LevelSpan
    from engine.journal.rules.levels.levels import HourRow, Levels
    from engine.slo.sums import PackSums, SumsAsked


class MemoryLevelReads:
    """Implements `engine.journal.rules.levels.level_reads.LevelReads`."""

    def __init__(self, read: Callable[[], Awaitable[MemoryStore]]) -> None:
        self._read = read

    async def since(self, moment: int, tenant: str | None, pack: str | None = None) -> Levels:
        """See port."""
        found: Levels = {}
        levels = (await self._read()).levels
        for place in sorted(levels):
            owner, named, start, width = place
            if start + width > moment and tenant in {None, owner} and pack in {None, named}:
                found.setdefault((owner, named), []).append(levels[place])
        return found

    async def pages(self, moment: int, tenant: str | None) -> AsyncIterator[Levels]:
        """See port."""
        yield await self.since(moment, tenant)

    async def changed(self, mark: int, tenant: str | None) -> Sequence[ChangedLevel]:
        """See port."""
        marks = sorted((await self._read()).level_marks.items())
        return [
            ChangedLevel(owner, pack, last)
            for (owner, pack), last in marks
            if last > mark and tenant in {None, owner}
        ]

    async def sums(self, span: LevelSpan, asked: SumsAsked) -> Sequence[PackSums]:
        """See port."""
        counted = await self.since(asked.moment, None)
        found = (
            sums_of(*place, buckets, asked)
            for place, buckets in counted.items()
            if span.first <= place <= span.last and (not span.packs or place[1] in span.packs)
        )
        return [sums for sums in found if sums is not None]

    async def recent(self, places: Collection[tuple[str, str]], moment: int, now: int) -> Levels:
        """See port."""
        counted = await self.since(moment, None)
        found: Levels = {}
        for place in places:
            for bucket in counted.get(place, ()):
                if bucket.start <= now:
                    counts = Bucket(bucket.start, bucket.width, bucket.good, bucket.bad)
                    found.setdefault(place, []).append(counts)
        return found

    async def by_hour(self, moment: int, tenant: str | None) -> Sequence[HourRow]:
        """See port."""
        sums: dict[tuple[str, int], HourRow] = {}
        for (owner, pack, start, width), bucket in (await self._read()).levels.items():
            if start >= moment and width <= HOUR and tenant in {None, owner}:
                hour = start // HOUR
                row = sums.setdefault((pack, hour), {"pack": pack, "hour": hour, "good": 0, "bad": 0})
                row["good"] += bucket.good
                row["bad"] += bucket.bad
        return list(sums.values())

    async def standing_alerts(self) -> Sequence[AlertRow]:
        """See port."""
        return standing((await self._read()).alerts)

    async def newest_alerts(self, tenant: str, pack: str, limit: int) -> Sequence[AlertWithEnd]:
        """See port."""
        alerts = (await self._read()).alerts
        ends = {row["ends"]: row["ts"] for row in alerts.values()}
        found = [row for row in reversed(alerts.values()) if (row["tenant"], row["pack"]) == (tenant, pack)]
        begun = [row for row in found if row["ends"] is None]
        return [{**row, "ended": ends.get(row["alert"])} for row in begun[:limit]]

    async def alerts_after(self, place: int, limit: int) -> Sequence[AlertRow]:
        """See port."""
        return [row for number, row in (await self._read()).alerts.items() if number > place][:limit]

    async def last_alert(self) -> int:
        """See port."""
        return max((await self._read()).alerts, default=0)
