"""Service levels of very many packs in short, kept in memory: asked again, only what changed is read."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from engine.contracts.governing.slo import SloState
from engine.contracts.times import from_micros
from engine.facade.levels import LevelSummary
from engine.governance.access import DEFAULT_TENANT
from engine.journal.rules.levels.level_reads import LevelSpan
from engine.slo.alerting import holding
from engine.slo.buckets import DAY, SECOND, start_of
from engine.slo.burn import burns
from engine.slo.drift import cut_of, drifts_between
from engine.slo.report import RATE_DAYS, runs_out, state_of
from engine.slo.sums import PackSums, SumsAsked, no_sums

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from engine.contracts.governing.slo import ServiceLevel
    from engine.journal.rules.levels.level_reads import ChangedLevel, LevelSums
    from engine.runtime.clock import Clock
    from engine.slo.buckets import Bucket
    from engine.slo.objectives import Objective

AT_ONCE = 1_000
"""Packs that are read by one question, so that none takes long."""
FEW = 500
"""So many packs that changed are read each by itself; of more, all that lie between them too."""
MOST_KEPT = 4
"""Lists (of a tenant and a window) that are kept, those that were asked for last."""
AGAIN = 60 * SECOND
"""After so long burns are computed again: they fall as time goes by, also when no run ends."""
Place = tuple[str, str]
_WORST_FIRST = {state: number for number, state in enumerate(SloState)}


def worst_first(level: LevelSummary | ServiceLevel) -> tuple[int, int, str, str]:
    """Sorts levels: the worst comes first."""
    return _WORST_FIRST[level.state], level.may_fail, level.tenant, level.pack


def _worse(level: LevelSummary) -> int:
    return (_WORST_FIRST[level.state] << 40) + level.may_fail


def summary(sums: PackSums, recent: Sequence[Bucket], objective: Objective, now: int) -> LevelSummary:
    """One pack in short; `recent` are its runs of the last three days, if any of them failed."""
    runs, bad = sums.total, sums.bad
    allowed = objective.allowed(runs)
    left, days = allowed - bad, objective.window_days
    found = burns(recent, objective, now) if recent else []
    state = state_of(sums, left, sums.p95, found, objective)
    short = LevelSummary(
        sums.tenant,
        sums.pack,
        state,
        days,
        runs,
        bad,
        sums.good / runs if runs else None,
        objective.success,
        left,
        allowed,
        milliseconds(sums.p50),
        milliseconds(sums.p95),
        objective.p95 // 1_000,
        sums.worked // 1_000,
        sums.waited // 1_000,
        sums.flagged,
        sums.doubtful,
        sums.stated,
    )
    if left >= 0 and not recent and sums.sides is None:
        return short  # as most of very many are
    failed = sum(bucket.bad for bucket in recent if bucket.end > now - RATE_DAYS * DAY)
    out = runs_out(failed, left, now, now + days * DAY)
    firing = [burn.pair.severity for burn in found if burn.fires]
    drifting = [drift.metric for drift in drifts_between(*sums.sides)] if sums.sides is not None else ()
    return short._replace(
        burns=tuple(burn.long for burn in found) or short.burns,
        runs_out=None if out is None else from_micros(out),
        alerts=holding(bad, left, firing, drifting),
    )


def milliseconds(micros: int | None) -> int | None:
    """Of microseconds, rounded; None stays None."""
    return None if micros is None else round(micros / 1_000)


def with_unused(found: Sequence[LevelSummary], tenant: str, goals: PackObjectives) -> Sequence[LevelSummary]:
    """And the packs that are there and of which nobody's runs ended: they stand at the end, as a tenant's."""
    known = {level.pack for level in found}
    unused = [
        summary(no_sums(tenant, pack), (), objective, now=0)
        for pack, objective in goals.by_pack.items()
        if pack not in known
    ]
    first = bisect_left(found, _WORST_FIRST[SloState.NO_DATA], key=lambda level: _WORST_FIRST[level.state])
    return (*found[:first], *sorted((*found[first:], *unused), key=worst_first))


class PackObjectives(NamedTuple):
    """What packs promise, by name; `gone` holds for those that are not there any more."""

    by_pack: Mapping[str, Objective]
    gone: Objective

    def of(self, pack: str) -> Objective:
        """What one promises."""
        return self.by_pack.get(pack, self.gone)


@dataclass(slots=True)
class _Kept:
    """A list as it was read. `recent` is kept of packs of which runs failed lately."""

    goals: PackObjectives
    cut: int
    now: int
    aged: int
    mark: int = -1
    sums: dict[Place, PackSums] = field(default_factory=dict)
    recent: dict[Place, list[Bucket]] = field(default_factory=dict)
    levels: dict[Place, LevelSummary] = field(default_factory=dict)
    worst_first: Sequence[LevelSummary] = ()
    in_order: bool = True
    last: Place = ("", "")

    def fits(self, goals: PackObjectives, now: int) -> bool:
        """Whether it goes on: nothing else is promised, no day has begun, no clock was set back."""
        return self.goals == goals and self.cut == cut_of(now) and self.now <= now

    def fallen_out(self) -> list[Place]:
        """Packs of which something is older than the window by now."""
        starts = {days: start_of(self.now - days * DAY) for days in range(91)}
        return [
            place
            for place, sums in self.sums.items()
            if sums.oldest_end <= starts[self.goals.of(place[1]).window_days]
        ]

    def take(
        self, asked: Iterable[Place], found: Iterable[PackSums], recent: Mapping[Place, list[Bucket]]
    ) -> None:
        """What was read of some packs replaces what was known of them."""
        gone = set(asked)
        for sums in found:
            place = (sums.tenant, sums.pack)
            gone.discard(place)
            self.in_order = self.in_order and (place in self.levels or place > self.last)
            self.last = max(self.last, place)
            self.sums[place] = sums
            if place in recent:
                self.recent[place] = recent[place]
            else:
                self.recent.pop(place, None)
            self._tell(place)
        for place in gone:
            for known in (self.sums, self.recent, self.levels):
                known.pop(place, None)

    def age(self) -> None:
        """Burns and what follows from them, as time goes by."""
        for place in self.recent:
            self._tell(place)

    def sort(self, owner: str) -> None:
        """Put the worst first; packs that are as bad stay in the order of their names.

        It is sorted by one number: comparing names would hold up everything else for too long.
        """
        if not self.in_order:
            self.levels = dict(sorted(self.levels.items()))
            self.in_order = True
        self.worst_first = with_unused(sorted(self.levels.values(), key=_worse), owner, self.goals)

    def _tell(self, place: Place) -> None:
        objective = self.goals.of(place[1])
        self.levels[place] = summary(self.sums[place], self.recent.get(place, ()), objective, self.now)


class Summaries:
    """Lists of the packs of a tenant, or of all, each over its window."""

    def __init__(self, levels: LevelSums, clock: Clock) -> None:
        self._levels = levels
        self._clock = clock
        self._kept: dict[tuple[str | None, int | None], _Kept] = {}
        self._lock = asyncio.Lock()

    async def read(
        self, tenant: str | None, window_days: int | None, goals: PackObjectives
    ) -> Sequence[LevelSummary]:
        """All of which anything ended, or that are there, the worst first; each over its own window."""
        async with self._lock:
            now = self._clock.now()
            kept = self._kept.pop((tenant, window_days), None)
            if kept is None or not kept.fits(goals, now):
                kept = _Kept(goals, cut_of(now), now, now)
            kept.now = now
            await self._refresh(kept, tenant)
            self._kept[tenant, window_days] = kept
            while len(self._kept) > MOST_KEPT:
                del self._kept[next(iter(self._kept))]
            return kept.worst_first

    async def _refresh(self, kept: _Kept, tenant: str | None) -> None:
        """What is read may be newer than its mark: then it is read once more, and never missed."""
        changed = await self._levels.changed(kept.mark, tenant)
        parts = await asyncio.to_thread(_parts, changed, kept)
        for part in parts:
            await self._read(kept, *part)
        aged = kept.now - kept.aged >= AGAIN
        if aged:
            await asyncio.to_thread(kept.age)
            kept.aged = kept.now
        if parts or aged or not kept.worst_first:
            await asyncio.to_thread(kept.sort, tenant or DEFAULT_TENANT)
        kept.mark = max((one.mark for one in changed), default=kept.mark)

    async def _read(
        self, kept: _Kept, places: Sequence[Place], spans: Sequence[LevelSpan], days: int
    ) -> None:
        now, recent = kept.now, kept.now - RATE_DAYS * DAY
        asked = SumsAsked(start_of(now - days * DAY), now, kept.cut, recent)
        found: list[PackSums] = []
        for span in spans:
            found += await self._levels.sums(span, asked)
        failing = [(sums.tenant, sums.pack) for sums in found if sums.recent_bad]
        runs = await self._levels.recent(failing, recent, now) if failing else {}
        await asyncio.to_thread(kept.take, places, found, runs)


def _parts(changed: Sequence[ChangedLevel], kept: _Kept) -> list[tuple[list[Place], list[LevelSpan], int]]:
    """What is to be read: packs in order, the spans in which they are, and the days of their window."""
    places = {(one.tenant, one.pack) for one in changed}
    places.update(kept.fallen_out())

    def days(place: Place) -> int:
        return kept.goals.of(place[1]).window_days

    found: list[tuple[list[Place], list[LevelSpan], int]] = []
    for window, group in groupby(sorted(places, key=lambda place: (days(place), place)), key=days):
        asked = list(group)
        packs = frozenset(pack for _, pack in asked) if len(asked) < len(places) else frozenset()
        for first in range(0, len(asked), AT_ONCE):
            some = asked[first : first + AT_ONCE]
            ends = [(place, place) for place in some] if len(places) <= FEW else [(some[0], some[-1])]
            found.append((some, [LevelSpan(*each, packs) for each in ends], window))
    return found
