"""How fast an error budget is used, and when that is worth an alert.

Pairs of windows and factors are those of "Alerting on SLOs" in The Site Reliability Workbook (chapter 5);
the guard for services with few events is ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.contracts.governing.slo import Severity
from engine.slo.buckets import DAY, HOUR, MINUTE, since
from engine.slo.objectives import PARTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.slo.buckets import Bucket
    from engine.slo.objectives import Objective

LEAST_BAD = 3
"""So many bad runs at least make an alert."""
UNLIKELY = 0.01
"""Most probability that as many runs are bad while the objective is held."""
MOST_SHARE = 0.9
"""A factor that asks for more than this share of bad runs is lowered to it: else it could never alert."""


@dataclass(frozen=True, slots=True)
class Pair:
    """An alert's two windows, in microseconds, and the burn that both have to pass."""

    severity: Severity
    long: int
    short: int
    factor: float


PAIRS = (
    Pair(Severity.PAGE, HOUR, 5 * MINUTE, 14.4),
    Pair(Severity.PAGE, 6 * HOUR, 30 * MINUTE, 6.0),
    Pair(Severity.TICKET, DAY, 2 * HOUR, 3.0),
    Pair(Severity.TICKET, 3 * DAY, 6 * HOUR, 1.0),
)


@dataclass(frozen=True, slots=True)
class Burn:
    """One pair as it is: burns of both windows, the factor in force, runs of the long window.

    `passed`: both burns are above the factor. `fires`: and there were enough bad runs to believe it.
    """

    pair: Pair
    factor: float
    long: float
    short: float
    runs: int
    bad: int
    passed: bool
    fires: bool


def burns(buckets: Sequence[Bucket], objective: Objective, now: int) -> list[Burn]:
    """Every pair at the moment `now`; buckets may go back further."""
    return [_burn(pair, buckets, objective, now) for pair in PAIRS]


def _burn(pair: Pair, buckets: Sequence[Bucket], objective: Objective, now: int) -> Burn:
    factor = factor_in_force(pair.factor, objective)
    runs, bad = _counts(buckets, now - pair.long)
    long, short = burn_rate(bad, runs, objective), burn_rate(*_bad_of(buckets, now - pair.short), objective)
    passed = long > factor and short > factor
    return Burn(pair, factor, long, short, runs, bad, passed, passed and believable(bad, runs, objective))


def factor_in_force(factor: float, objective: Objective) -> float:
    """The factor, lowered to what a window of nothing but bad runs still passes."""
    return min(factor, MOST_SHARE * PARTS / objective.may_fail)


def burn_rate(bad: int, runs: int, objective: Objective) -> float:
    """How many times faster than allowed runs fail: 1 uses the budget up exactly by the end of its window."""
    return bad * PARTS / (runs * objective.may_fail) if runs else 0.0


def believable(bad: int, runs: int, objective: Objective) -> bool:
    """Whether that many bad runs say something: no chance would bring them while the objective is held."""
    return bad >= LEAST_BAD and poisson_tail(bad, runs * objective.may_fail / PARTS) < UNLIKELY


def poisson_tail(least: int, mean: float) -> float:
    """The probability of at least so many events where `mean` (above 0) are expected."""
    if least > mean:
        return _summed(least, mean, 1)
    return 1.0 - _summed(least - 1, mean, -1) if least else 1.0


def _summed(first: int, mean: float, step: int) -> float:
    """The probabilities of `first` events and of those further from the mean, until they add nothing.

    Begun at `first`, since that of no event at all is 0 in a float where very many are expected.
    """
    term = math.exp(first * math.log(mean) - mean - math.lgamma(first + 1))
    found, number = 0.0, first
    while found + term != found:
        found += term
        term *= mean / (number + 1) if step > 0 else number / mean
        number += step
    return found


def _counts(buckets: Sequence[Bucket], moment: int) -> tuple[int, int]:
    found = since(buckets, moment)
    return sum(bucket.total for bucket in found), sum(bucket.bad for bucket in found)


def _bad_of(buckets: Sequence[Bucket], moment: int) -> tuple[int, int]:
    runs, bad = _counts(buckets, moment)
    return bad, runs
