"""What of a service level is worth an alert."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.governing.slo import AlertKind, SloState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.contracts.governing.slo import DriftMetric, Severity


def holding(
    state: SloState, may_fail: int, firing: Iterable[Severity] = (), drifting: Iterable[DriftMetric] = ()
) -> tuple[AlertKind, ...]:
    """The alerts that hold, the most urgent first: of burn, of a budget that is used up, of drift."""
    found = dict.fromkeys(AlertKind(severity.value) for severity in firing)
    if state is SloState.VIOLATED and may_fail < 0:
        found[AlertKind.EXHAUSTED] = None
    found.update((AlertKind(f"drift_{metric}"), None) for metric in drifting)
    return tuple(found)
