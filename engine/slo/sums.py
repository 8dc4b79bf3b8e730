"""Sums of a pack over its window: what a list of very many packs is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from engine.slo.buckets import merged, since
from engine.slo.drift import LEAST_RUNS, Side, side_of
from engine.slo.sketch import quantile, total

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.slo.buckets import Bucket


class SumsAsked(NamedTuple):
    """Which sums: of what ended after `moment` until `now`; `lately` begins at `cut`, `recent_bad` counts
    failures after `recent`. Microseconds."""

    moment: int
    now: int
    cut: int
    recent: int


class PackSums(NamedTuple):
    """What ended of a pack of a tenant. Times are microseconds: `p50` and `p95` of working times, `worked`
    and `waited` all of those of runs and of people; `oldest_end` is the end of the oldest stretch that
    counts. `sides` are the days before and lately, where both have enough runs to be compared."""

    tenant: str
    pack: str
    good: int
    bad: int
    flagged: int
    doubtful: int
    stated: int
    p50: int | None
    p95: int | None
    worked: int
    waited: int
    oldest_end: int
    recent_bad: int
    sides: tuple[Side, Side] | None

    @property
    def total(self) -> int:
        """Runs that count."""
        return self.good + self.bad

    @property
    def wrong(self) -> int:
        """Runs that are flagged or doubtful."""
        return self.flagged + self.doubtful


def no_sums(tenant: str, pack: str) -> PackSums:
    """Of a pack of which nothing ended."""
    return PackSums(
        tenant,
        pack,
        good=0,
        bad=0,
        flagged=0,
        doubtful=0,
        stated=0,
        p50=None,
        p95=None,
        worked=0,
        waited=0,
        oldest_end=0,
        recent_bad=0,
        sides=None,
    )


def sums_of(tenant: str, pack: str, buckets: Sequence[Bucket], asked: SumsAsked) -> PackSums | None:
    """The sums of buckets in any order; None without any in the window."""
    found = [bucket for bucket in since(buckets, asked.moment) if bucket.start <= asked.now]
    if not found:
        return None
    counts = merged(found, asked.moment, asked.now - asked.moment)
    before, lately = (
        side_of(merged([bucket for bucket in found if (bucket.start >= asked.cut) is late], 0, 1))
        for late in (False, True)
    )
    return PackSums(
        tenant,
        pack,
        counts.good,
        counts.bad,
        counts.flagged,
        counts.doubtful,
        counts.stated,
        quantile(counts.times, 0.5),
        quantile(counts.times, 0.95),
        total(counts.times),
        total(counts.waits),
        min(bucket.end for bucket in found),
        sum(bucket.bad for bucket in since(found, asked.recent)),
        compared(before, lately),
    )


def compared(before: Side, lately: Side) -> tuple[Side, Side] | None:
    """Both, where they are enough to say something."""
    enough = min(before.good + before.bad, lately.good + lately.bad) >= LEAST_RUNS
    return (before, lately) if enough else None
