"""A clock that is ahead of the machine's: to an engine that has it, others look slow or dead."""

from __future__ import annotations

import time


class FakeClock:
    """The machine's time plus `ahead` seconds, which a test may change."""

    def __init__(self, ahead: float) -> None:
        self.ahead = ahead

    def now(self) -> int:
        """See `engine.runtime.clock.Clock`."""
        return time.time_ns() // 1_000 + round(self.ahead * 1_000_000)
