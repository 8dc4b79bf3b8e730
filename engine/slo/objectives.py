"""What a pack promises: targets by how risky it is, or its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.contracts.status import Risk

if TYPE_CHECKING:
    from engine.contracts.governing.slo import SloTargets

PARTS = 1_000_000
"""Shares are counted in millionths, so that 10 % of 100 is 10."""


@dataclass(frozen=True, slots=True)
class Objective:
    """`success` and `hallucination` are shares of runs (0 to 1), `p95` microseconds of working time; all over
    `window_days`."""

    success: float
    p95: int
    window_days: int = 30
    hallucination: float = 0.05

    @property
    def may_fail(self) -> int:
        """The error budget: of a million runs so many may fail; at least 1."""
        return max(1, PARTS - round(self.success * PARTS))

    def allowed(self, runs: int) -> int:
        """How many of `runs` may fail: whole runs."""
        return runs * self.may_fail // PARTS


BY_RISK = {
    Risk.LOW: Objective(success=0.98, p95=5_000_000, hallucination=0.08),
    Risk.MEDIUM: Objective(success=0.99, p95=8_000_000, hallucination=0.05),
    Risk.HIGH: Objective(success=0.995, p95=15_000_000, hallucination=0.02),
    Risk.CRITICAL: Objective(success=0.999, p95=15_000_000, hallucination=0.01),
}


def objective(risk: Risk, *said: SloTargets | None) -> Objective:
    """What holds: of each target the first that says it, else that of the risk level."""
    base = BY_RISK[risk]
    given = [targets for targets in said if targets is not None]
    success = next((each.success_rate for each in given if each.success_rate is not None), base.success)
    p95 = next((each.response_p95_ms * 1_000 for each in given if each.response_p95_ms is not None), base.p95)
    days = (each.error_budget_window_days for each in given if each.error_budget_window_days is not None)
    flagged = (each.hallucination_rate for each in given if each.hallucination_rate is not None)
    return Objective(success, p95, next(days, base.window_days), next(flagged, base.hallucination))
