"""Whether the runs of a pack are other than they were: slower, dearer, or failing more often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from engine.contracts.governing.slo import DriftMetric, DriftSeverity
from engine.slo.buckets import DAY, merged, start_of
from engine.slo.sketch import total

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.slo.buckets import Bucket

FACTOR = 2.0
"""A deviation of so much is a warning, of twice as much critical."""
LEAST_RUNS = 20
"""On either side."""
LEAST_FAILURES = 0.01
"""A share of failures below this counts as this: from none to half of all is a drift, too."""


@dataclass(frozen=True, slots=True)
class Drift:
    """Means of the days before and of the last ones: microseconds, billionths of a dollar, tokens, or shares
    of runs that failed."""

    metric: DriftMetric
    baseline: float
    current: float
    severity: DriftSeverity


class Side(NamedTuple):
    """What was counted of some days: `took` is the working time of `timed` runs in microseconds."""

    good: int
    bad: int
    took: int
    timed: int
    cost: float
    priced: int
    tokens: float
    metered: int

    @property
    def total(self) -> int:
        """Runs that count."""
        return self.good + self.bad


def side_of(counts: Bucket) -> Side:
    """What a bucket says of its days."""
    times = counts.times
    return Side(
        counts.good,
        counts.bad,
        total(times),
        sum(times.values()),
        counts.cost,
        counts.priced,
        counts.tokens,
        counts.metered,
    )


def cut_of(now: int) -> int:
    """Where yesterday begins (UTC)."""
    return start_of(now, DAY) - DAY


def halves(buckets: Sequence[Bucket], now: int) -> tuple[Bucket, Bucket]:
    """What was counted before, and today and yesterday."""
    cut = cut_of(now)
    before = merged([bucket for bucket in buckets if bucket.start < cut], 0, DAY)
    return before, merged([bucket for bucket in buckets if cut <= bucket.start <= now], 0, DAY)


def drifts_between(before: Side, lately: Side) -> list[Drift]:
    """What is other lately than before."""
    found = []
    if min(before.good, lately.good, before.timed, lately.timed) >= LEAST_RUNS:
        found.append(_drift(DriftMetric.TIME, before.took / before.timed, lately.took / lately.timed))
    if min(before.total, lately.total) >= LEAST_RUNS:
        baseline = max(LEAST_FAILURES, before.bad / before.total)
        found.append(_drift(DriftMetric.FAILURES, baseline, lately.bad / lately.total))
    if min(before.priced, lately.priced) >= LEAST_RUNS:
        found.append(_drift(DriftMetric.COST, before.cost / before.priced, lately.cost / lately.priced))
    if min(before.metered, lately.metered) >= LEAST_RUNS:
        tokens = before.tokens / before.metered, lately.tokens / lately.metered
        found.append(_drift(DriftMetric.TOKENS, *tokens))
    return [drift for drift in found if drift is not None]


def deviation(baseline: float, current: float) -> float:
    """By what part of the baseline both differ."""
    return abs(current - baseline) / abs(baseline) if baseline else 0.0


def _drift(metric: DriftMetric, baseline: float, current: float) -> Drift | None:
    by = deviation(baseline, current)
    if by < FACTOR:
        return None
    severity = DriftSeverity.CRITICAL if by >= 2 * FACTOR else DriftSeverity.WARNING
    return Drift(metric, baseline, current, severity)
