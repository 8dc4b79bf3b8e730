"""The engine's one clock and its source of ids."""

from __future__ import annotations

import time
from typing import Protocol

from engine.journal.records import ClockOffset

_UPTIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Clock(Protocol):
    """Tells the time in microseconds: UTC, and since the machine was started."""

    def now(self) -> int:
        """Microseconds since the epoch; jumps when somebody sets the machine's clock."""
        ...

    def uptime(self) -> int:
        """Microseconds since the machine was started, sleep included; nothing makes it jump."""
        ...


def offset_of(clock: Clock, boot_id: str) -> ClockOffset:
    """How the wall clock stands in this boot of the machine."""
    return ClockOffset(boot_id, clock.now() - clock.uptime())


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        """Microseconds since the epoch."""
        return time.time_ns() // 1_000

    def uptime(self) -> int:
        """Microseconds since the machine was started."""
        return time.clock_gettime_ns(_UPTIME) // 1_000


def new_id(prefix: str) -> str:
    """A fresh id that sorts by time: `run_01k...`."""
    from ulid import ULID  # noqa: PLC0415 - reading needs no new ids, and this loads half the package metadata

    return f"{prefix}_{str(ULID()).lower()}"
