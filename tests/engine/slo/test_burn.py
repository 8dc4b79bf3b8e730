"""Against the tables of The Site Reliability Workbook, chapter 5, and by simulation of few runs."""

from __future__ import annotations

import random
import statistics

import pytest

from engine.contracts.governing.slo import Severity
from engine.slo.buckets import DAY, HOUR, MINUTE, Bucket, start_of
from engine.slo.burn import (
    PAIRS,
    believable,
    burn_rate,
    burns,
    factor_in_force,
    poisson_tail,
)
from engine.slo.objectives import Objective

NOW = 20_000 * DAY
THREE_NINES = Objective(success=0.999, p95=1_000_000)
LOW = Objective(success=0.98, p95=5_000_000)


@pytest.mark.parametrize(
    ("factor", "window", "share"), [(14.4, HOUR, 0.02), (6, 6 * HOUR, 0.05), (1, 3 * DAY, 0.1)]
)
def test_factors_use_the_shares_of_the_budget_that_the_workbook_recommends(
    factor: float, window: int, share: float
) -> None:
    assert factor * window / (30 * DAY) == pytest.approx(share)
    assert (factor, window) in [(pair.factor, pair.long) for pair in PAIRS]


@pytest.mark.parametrize(("burn", "error_rate"), [(1, 0.001), (2, 0.002), (10, 0.01), (1000, 1.0)])
def test_burn_rates_are_those_of_the_workbook(burn: float, error_rate: float) -> None:
    assert burn_rate(round(error_rate * 1000), 1000, THREE_NINES) == pytest.approx(burn)


def test_the_pairs_are_those_of_the_workbook() -> None:
    assert [(pair.severity, pair.long // HOUR, pair.short // MINUTE, pair.factor) for pair in PAIRS] == [
        (Severity.PAGE, 1, 5, 14.4),
        (Severity.PAGE, 6, 30, 6.0),
        (Severity.TICKET, 24, 120, 3.0),
        (Severity.TICKET, 72, 360, 1.0),
    ]


def test_a_factor_that_no_failures_reach_is_lowered() -> None:
    loose = Objective(success=0.9, p95=1)
    assert factor_in_force(14.4, loose) == pytest.approx(9.0)
    assert factor_in_force(14.4, LOW) == 14.4
    assert burn_rate(10, 10, loose) > factor_in_force(14.4, loose)


def test_no_runs_and_no_failures_burn_nothing() -> None:
    assert burn_rate(0, 0, LOW) == burn_rate(0, 50, LOW) == 0.0


def test_the_poisson_tail_agrees_with_its_table() -> None:
    assert poisson_tail(0, 2.0) == 1.0
    assert poisson_tail(3, 1.0) == pytest.approx(0.0803, abs=1e-4)
    assert poisson_tail(10, 2.0) == pytest.approx(0.0000465, abs=1e-7)


@pytest.mark.parametrize(
    ("least", "mean", "tail"),
    [(700, 700.0, 0.505), (1000, 1000.0, 0.504), (1074, 1000.0, 0.0106), (10_234, 10_000.0, 0.0098)],
)
def test_the_poisson_tail_of_many_events_is_that_of_the_normal_distribution(
    least: int, mean: float, tail: float
) -> None:
    assert poisson_tail(least, mean) == pytest.approx(tail, rel=0.02)


def test_the_poisson_tail_of_far_more_or_fewer_than_expected_is_sure() -> None:
    assert poisson_tail(2_000_000, 1_000_000.0) == 0.0
    assert poisson_tail(1, 1_000_000.0) == 1.0


def test_an_alert_fires_however_many_runs_there_are() -> None:
    buckets = [Bucket(NOW - MINUTE * 5, good=500_000, bad=500_000)]
    assert all(found.fires for found in burns(buckets, LOW, NOW - 1))


def test_two_bad_runs_are_never_believed_and_likely_ones_neither() -> None:
    assert not believable(2, 2, LOW)
    assert believable(3, 5, LOW)
    assert not believable(3, 100, LOW)


def _steady(minutes: int, bad_of_hundred: int) -> list[Bucket]:
    return [
        Bucket(NOW - number * 5 * MINUTE, good=100 - bad_of_hundred, bad=bad_of_hundred)
        for number in range(1, minutes // 5 + 1)
    ]


def test_an_outage_fires_and_stops_with_the_short_window() -> None:
    outage = _steady(60, 100)
    assert [burn.fires for burn in burns(outage, LOW, NOW)] == [True] * 4
    over = burns(outage, LOW, NOW + 7 * MINUTE)
    assert not over[0].fires
    assert over[0].long > 14.4
    assert over[0].short == 0.0


def test_as_many_failures_as_allowed_alert_nobody() -> None:
    assert not any(burn.fires for burn in burns(_steady(3 * 24 * 60, 2), LOW, NOW))


class Service:
    """Runs that end at random moments; pages are looked for whenever a run went bad."""

    def __init__(self, seed: int, per_day: int, objective: Objective) -> None:
        self._chance = random.Random(seed)
        self._mean = DAY / per_day
        self._objective = objective
        self._buckets: list[Bucket] = []
        self.now = NOW

    def run(self, failing: float) -> bool:
        """One more run; whether somebody is paged by it."""
        self.now += round(self._chance.expovariate(1 / self._mean))
        start = start_of(self.now)
        if not self._buckets or self._buckets[-1].start != start:
            self._buckets = [bucket for bucket in self._buckets if bucket.start > start - 4 * DAY]
            self._buckets.append(Bucket(start))
        if self._chance.random() >= failing:
            self._buckets[-1].good += 1
            return False
        self._buckets[-1].bad += 1
        found = burns(self._buckets, self._objective, self.now)
        return any(burn.fires for burn in found if burn.pair.severity is Severity.PAGE)


def test_twenty_runs_a_day_at_half_the_allowed_failures_page_nobody_for_years() -> None:
    service = Service(11, 20, LOW)
    months, paged_until, pages = 120, 0, 0
    for _ in range(months * 30 * 20):
        if service.run(failing=0.01):
            pages += service.now > paged_until  # an alert that lasts is told once
            paged_until = service.now + 6 * HOUR
    assert pages / months <= 0.1


@pytest.mark.parametrize(("per_day", "at_most"), [(100, 75 * MINUTE), (20, 4 * HOUR)])
def test_a_full_outage_pages_soon(per_day: int, at_most: int) -> None:
    waits = []
    for seed in range(60):
        service = Service(seed, per_day, LOW)
        for _ in range(per_day * 2):
            service.run(failing=0.01)
        began = service.now
        while not service.run(failing=1.0):
            pass
        waits.append(service.now - began)
    assert statistics.median(waits) <= at_most
