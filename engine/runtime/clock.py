"""The engine's one clock and its source of ids."""

from __future__ import annotations

import time
from typing import Protocol

from ulid import ULID


class Clock(Protocol):
    """Tells the time in microseconds UTC."""

    def now(self) -> int:
        """Microseconds since the epoch."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        """Microseconds since the epoch."""
        return time.time_ns() // 1_000


def new_id(prefix: str) -> str:
    """A fresh id that sorts by time: `run_01k...`."""
    return f"{prefix}_{str(ULID()).lower()}"
