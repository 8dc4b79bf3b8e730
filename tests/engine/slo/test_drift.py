from __future__ import annotations

import pytest

from engine.contracts.governing.slo import DriftMetric, DriftSeverity
from engine.slo.buckets import DAY, HOUR, Bucket
from engine.slo.drift import Drift, deviation, drifts_between, halves, side_of
from engine.slo.sketch import bin_of

NOW = 20_000 * DAY + 5 * HOUR


def drifts(buckets: list[Bucket]) -> list[Drift]:
    return drifts_between(*map(side_of, halves(buckets, NOW)))


def _days(good: int, bad: int, ms: int, *, ago: int) -> Bucket:
    return Bucket((20_000 - ago) * DAY, DAY, good=good, bad=bad, times={bin_of(ms * 1_000): good})


def _found(before: Bucket, lately: Bucket) -> list[tuple[DriftMetric, DriftSeverity]]:
    return [(drift.metric, drift.severity) for drift in drifts([before, lately])]


@pytest.mark.parametrize(
    ("ms", "severity"),
    [(105, None), (290, None), (310, DriftSeverity.WARNING), (510, DriftSeverity.CRITICAL)],
)
def test_runs_that_take_longer_than_before_drift(ms: int, severity: DriftSeverity | None) -> None:
    found = _found(_days(50, 0, 100, ago=9), _days(50, 0, ms, ago=0))
    assert found == ([] if severity is None else [(DriftMetric.TIME, severity)])


def test_success_drifts_by_its_error_side() -> None:
    assert _found(_days(99, 1, 100, ago=9), _days(50, 50, 100, ago=1)) == [
        (DriftMetric.FAILURES, DriftSeverity.CRITICAL)
    ]


def test_failures_from_none_are_a_drift() -> None:
    assert _found(_days(100, 0, 100, ago=9), _days(50, 50, 100, ago=0))
    assert not _found(_days(100, 0, 100, ago=9), _days(99, 1, 100, ago=0))


def test_few_runs_on_a_side_say_nothing() -> None:
    assert not _found(_days(19, 0, 100, ago=9), _days(500, 0, 900, ago=0))
    assert not _found(_days(500, 0, 100, ago=9), _days(10, 9, 900, ago=0))
    assert drifts([]) == []


def test_quicker_runs_are_no_drift() -> None:
    assert not _found(_days(50, 0, 900, ago=9), _days(50, 0, 100, ago=0))


def test_nothing_differs_from_nothing() -> None:
    assert deviation(0.0, 5.0) == 0.0


def _money(runs: int, cost: int, tokens: int, *, ago: int) -> Bucket:
    start = (20_000 - ago) * DAY
    return Bucket(start, DAY, good=runs, cost=cost * runs, priced=runs, tokens=tokens * runs, metered=runs)


@pytest.mark.parametrize(
    ("cost", "severity"), [(290, None), (310, DriftSeverity.WARNING), (510, DriftSeverity.CRITICAL)]
)
def test_runs_that_cost_more_than_before_drift(cost: int, severity: DriftSeverity | None) -> None:
    found = _found(_money(20, 100, 7, ago=9), _money(20, cost, 7, ago=0))
    assert found == ([] if severity is None else [(DriftMetric.COST, severity)])


def test_runs_that_use_more_tokens_drift_though_they_cost_nothing() -> None:
    assert _found(_money(20, 0, 100, ago=9), _money(20, 0, 900, ago=0)) == [
        (DriftMetric.TOKENS, DriftSeverity.CRITICAL)
    ]


def test_of_few_runs_on_a_side_or_none_that_used_anything_cost_and_tokens_say_nothing() -> None:
    assert not _found(_money(19, 100, 7, ago=9), _money(500, 900, 90, ago=0))
    assert not _found(_money(50, 0, 0, ago=9), _money(50, 900, 90, ago=0))
