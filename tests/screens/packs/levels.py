"""Packs that keep their promise, do not, and have no runs."""

from __future__ import annotations

from datetime import timedelta

from engine.contracts.governing.slo import FailureCount, PeopleView, SloState
from tests.fakes.levels import a_level, some_burns
from tests.fakes.views import NOW

SOME_LEVELS = (
    a_level(
        "on-call",
        SloState.VIOLATED,
        runs=412,
        failed=12,
        success_rate=400 / 412,
        may_fail=-4,
        allowed=8,
        p95_ms=4_100,
        out_since=NOW - timedelta(days=2),
        burns=some_burns(0.0, 6.2, 3.1, 1.4, fires=True),
        why=(FailureCount(code="timeout", runs=9), FailureCount(code="model_error", runs=3)),
        people=PeopleView(asked=40, expired=2, waited_ms=3_600_000, p50_ms=180_000, p95_ms=9_000_000),
        worked_ms=2_400_000,
    ),
    a_level("log-triage", may_fail=13, allowed=19, runs=960, runs_out=NOW + timedelta(days=9)),
    a_level("hello", SloState.NO_DATA, runs=0, failed=0, success_rate=None, p50_ms=None, p95_ms=None),
)
