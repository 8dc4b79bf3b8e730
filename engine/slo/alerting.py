"""What of a service level is worth an alert."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.governing.slo import AlertKind
from engine.slo.burn import LEAST_BAD

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.contracts.governing.slo import DriftMetric, Severity


def holding(
    failed: int, may_fail: int, firing: Iterable[Severity] = (), drifting: Iterable[DriftMetric] = ()
) -> tuple[AlertKind, ...]:
    """The alerts that hold, the most urgent first: of burn, of a budget that is used up, of drift.

    Of a window so many runs `failed`, and so many more `may_fail` (too many did below 0).
    """
    found = dict.fromkeys(AlertKind(severity.value) for severity in firing)
    if may_fail < 0 and failed >= LEAST_BAD:
        found[AlertKind.EXHAUSTED] = None
    found.update((AlertKind(f"drift_{metric}"), None) for metric in drifting)
    return tuple(found)
