"""A clock that is ahead of the machine's: to an engine that has it, others look slow or dead."""

from __future__ import annotations

import time

from engine.runtime.clock import SystemClock

SLOWLY = 0.001
"""A lease of 0.3 s holds for minutes of a busy machine, and is prolonged ten times a second."""


class FakeClock:
    """The machine's time plus `ahead` seconds, which a test may change; `set_by` moves the wall clock.

    With a `pace` below 1 its uptime goes so much slower, from `began` on: leases hold for long, while
    workers beat as often as before.
    """

    def __init__(self, ahead: float = 0.0, *, pace: float = 1.0, began: int = 0) -> None:
        self.ahead = ahead
        self._set_by = 0.0
        self._pace = pace
        self._began = began

    def set_by(self, seconds: float) -> None:
        """Set the wall clock forward, or back."""
        self._set_by += seconds

    def now(self) -> int:
        """See `engine.runtime.clock.Clock`."""
        return time.time_ns() // 1_000 + round((self.ahead + self._set_by) * 1_000_000)

    def uptime(self) -> int:
        """See `engine.runtime.clock.Clock`."""
        gone_by = (SystemClock().uptime() - self._began) * self._pace
        return self._began + round(gone_by + self.ahead * 1_000_000)


def slow_clock() -> FakeClock:
    """Leases by it hold on the busiest machine, while what broke off is tried again after one by the loop."""
    return FakeClock(pace=SLOWLY, began=SystemClock().uptime())
