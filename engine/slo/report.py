"""One pack's service level as it is: budget left in runs, when it runs out, and the state it is in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.contracts.governing.slo import SloState
from engine.slo.buckets import DAY, Bucket, merged, since, start_of
from engine.slo.burn import LEAST_BAD, Burn, burns
from engine.slo.drift import Drift, drifts_between, halves, side_of
from engine.slo.sketch import quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.slo.objectives import Objective
    from engine.slo.sums import PackSums

LEAST_TIMED = 20
"""Of fewer runs the 95 % one is simply the longest: it breaks no promise."""
RATE_DAYS = 3
"""The budget runs out at the rate of the last so many days."""


@dataclass(frozen=True, slots=True)
class Report:
    """What `counts` of a window say of the `objective`.

    `left`: so many runs may still fail; negative when too many did. `runs_out`: the moment (microseconds)
    when the budget is used up at the rate of the last days; None when it lasts, or is used up already, which
    it was `out_since`.
    """

    objective: Objective
    start: int
    counts: Bucket
    state: SloState
    left: int
    allowed: int
    p95: int | None
    burns: tuple[Burn, ...]
    drifts: tuple[Drift, ...]
    runs_out: int | None
    out_since: int | None

    @property
    def success(self) -> float | None:
        """The share of good runs; None without any."""
        return self.counts.good / self.counts.total if self.counts.total else None

    @property
    def hallucination(self) -> float | None:
        """The share of runs that people flagged, or that are doubtful; None without any run."""
        return self.counts.wrong / self.counts.total if self.counts.total else None


def report(buckets: Sequence[Bucket], objective: Objective, now: int) -> Report:
    """The service level at `now`; buckets, ordered by time, may go back further than its window."""
    window = objective.window_days * DAY
    start = start_of(now - window)
    found = [bucket for bucket in since(buckets, start) if bucket.start <= now]
    before, lately = halves(found, now)
    counts = merged((before, lately), start, window)
    allowed = objective.allowed(counts.total)
    left = allowed - counts.bad
    pairs = tuple(burns(found, objective, now))
    p95 = quantile(counts.times, 0.95)
    failed = sum(bucket.bad for bucket in since(found, now - RATE_DAYS * DAY))
    return Report(
        objective=objective,
        start=start,
        counts=counts,
        state=state_of(counts, left, p95, pairs, objective),
        left=left,
        allowed=allowed,
        p95=p95,
        burns=pairs,
        drifts=tuple(drifts_between(side_of(before), side_of(lately))),
        runs_out=runs_out(failed, left, now, now + window),
        out_since=_out_since(found, allowed) if left < 0 else None,
    )


def state_of(
    counts: Bucket | PackSums, left: int, p95: int | None, pairs: Sequence[Burn], objective: Objective
) -> SloState:
    """What the counts of a window say of its promise."""
    if not counts.total:
        return SloState.NO_DATA
    too_slow = p95 is not None and p95 > objective.p95
    too_wrong = counts.wrong / counts.total > objective.hallucination
    if (left < 0 and counts.bad >= LEAST_BAD) or (too_slow and counts.good >= LEAST_TIMED):
        return SloState.VIOLATED
    if too_wrong and counts.wrong >= LEAST_BAD:
        return SloState.VIOLATED
    if any(pair.fires for pair in pairs):
        return SloState.AT_RISK
    if left < 0 or too_slow or too_wrong or any(pair.passed for pair in pairs):
        return SloState.FEW_EVENTS
    return SloState.MET


def runs_out(bad: int, left: int, now: int, until: int) -> int | None:
    """When the budget is used up if as many fail as `bad` of the last days; None behind `until`."""
    if left < 0 or not bad:
        return None
    moment = now + left * RATE_DAYS * DAY // bad
    return moment if moment <= until else None


def _out_since(buckets: Sequence[Bucket], allowed: int) -> int | None:
    bad = 0
    for bucket in buckets:
        bad += bucket.bad
        if bad > allowed:
            return bucket.start
    return None


def budget_over_time(found: Report, buckets: Sequence[Bucket], now: int, points: int) -> list[float | None]:
    """The share of the budget that was left at the end of each of `points` equal parts of the window.

    Below 0 when more failed than may; None before the first run that counts, or where none may fail.
    """
    inside = since(buckets, found.start)
    shares: list[float | None] = []
    bad, following = 0, 0
    for number in range(1, points + 1):
        moment = found.start + (now - found.start) * number // points
        while following < len(inside) and (inside[following].start < moment or number == points):
            bad += inside[following].bad
            following += 1
        shares.append(1 - bad / found.allowed if found.allowed and following else None)
    return shares
