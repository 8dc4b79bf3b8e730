from __future__ import annotations

import pytest

from engine.contracts.governing.slo import Severity, SloState
from engine.contracts.status import Risk
from engine.slo.buckets import DAY, HOUR, MINUTE, Bucket, start_of
from engine.slo.objectives import BY_RISK, Objective
from engine.slo.report import budget_over_time, report
from engine.slo.sketch import bin_of

NOW = 20_000 * DAY + HOUR
LOW = BY_RISK[Risk.LOW]


def _bucket(good: int, bad: int, *, ago: int = 10 * DAY, seconds: int = 1) -> Bucket:
    times = {bin_of(seconds * 1_000_000): good} if good else {}
    return Bucket(start_of(NOW - ago), good=good, bad=bad, times=times, codes={"timeout": bad} if bad else {})


@pytest.mark.parametrize(
    ("good", "bad", "state", "left"),
    [
        (98, 2, SloState.MET, 0),
        (90, 10, SloState.VIOLATED, -8),
        (400, 12, SloState.VIOLATED, -4),
        (954, 6, SloState.MET, 13),
        (6, 1, SloState.FEW_EVENTS, -1),
        (7, 0, SloState.MET, 0),
        (0, 0, SloState.NO_DATA, 0),
    ],
)
def test_the_state_follows_from_the_budget_in_runs(good: int, bad: int, state: SloState, left: int) -> None:
    found = report([_bucket(good, bad)], LOW, NOW)
    assert (found.state, found.left) == (state, left)


def test_ninety_five_of_a_hundred_keep_an_objective_of_ninety_five() -> None:
    found = report([_bucket(95, 5)], Objective(success=0.95, p95=5_000_000), NOW)
    assert (found.state, found.success) == (SloState.MET, 0.95)


def test_slow_runs_break_the_promise_when_there_are_enough_of_them() -> None:
    assert report([_bucket(100, 0, seconds=9)], LOW, NOW).state is SloState.VIOLATED
    assert report([_bucket(10, 0, seconds=9)], LOW, NOW).state is SloState.FEW_EVENTS


def test_a_burning_budget_is_at_risk_and_says_when_it_runs_out() -> None:
    found = report([_bucket(1_000, 0), _bucket(0, 6, ago=10 * MINUTE)], LOW, NOW)
    assert found.state is SloState.AT_RISK
    assert Severity.PAGE in {burn.pair.severity for burn in found.burns if burn.fires}
    assert found.left == 14
    assert found.runs_out == NOW + 14 * 3 * DAY // 6
    assert found.out_since is None


def test_one_failure_among_few_runs_is_no_alert() -> None:
    found = report([_bucket(100, 0), _bucket(1, 1, ago=2 * MINUTE)], LOW, NOW)
    assert found.state is SloState.FEW_EVENTS
    assert not any(burn.fires for burn in found.burns)


def test_an_exhausted_budget_says_since_when() -> None:
    first, second = _bucket(90, 2, ago=9 * DAY), _bucket(0, 8, ago=3 * DAY)
    found = report([first, second], LOW, NOW)
    assert found.out_since == second.start
    assert found.runs_out is None


def test_what_is_older_than_the_window_does_not_count_and_what_a_wrong_clock_wrote_neither() -> None:
    assert report([_bucket(10, 90, ago=32 * DAY)], LOW, NOW).state is SloState.NO_DATA
    assert report([_bucket(10, 90, ago=-2 * DAY)], LOW, NOW).state is SloState.NO_DATA


def test_the_budget_over_time_goes_down_with_the_failures() -> None:
    buckets = [_bucket(98, 0, ago=20 * DAY), _bucket(0, 1, ago=10 * DAY), _bucket(0, 1, ago=2 * HOUR)]
    found = report(buckets, LOW, NOW)
    shares = budget_over_time(found, buckets, NOW, 30)
    assert shares[0] is None
    assert shares[15] == 1.0
    assert shares[25] == 0.5
    assert shares[-1] == 0.0


def test_the_targets_are_those_of_the_risk_levels() -> None:
    assert [(objective.success, objective.p95 // 1_000_000) for objective in BY_RISK.values()] == [
        (0.98, 5),
        (0.99, 8),
        (0.995, 15),
        (0.999, 15),
    ]


def test_as_many_as_may_tell_what_is_not_so_keep_the_promise() -> None:
    bucket = Bucket(start_of(NOW - DAY), good=1_500, flagged=27)
    found = report([bucket], Objective(success=0.98, p95=5_000_000, hallucination=0.018), NOW)
    assert (found.state, found.hallucination) == (SloState.MET, 0.018)


@pytest.mark.parametrize(
    ("runs", "flagged", "state"),
    [
        (100, 8, SloState.MET),
        (100, 9, SloState.VIOLATED),
        (20, 2, SloState.FEW_EVENTS),
        (20, 3, SloState.VIOLATED),
        (0, 0, SloState.NO_DATA),
    ],
)
def test_runs_that_told_what_is_not_so_break_the_promise_when_they_are_enough(
    runs: int, flagged: int, state: SloState
) -> None:
    bucket = Bucket(start_of(NOW - DAY), good=runs, flagged=flagged)
    found = report([bucket], LOW, NOW)
    assert found.state is state
    assert found.hallucination == (flagged / runs if runs else None)
