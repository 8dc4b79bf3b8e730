"""The engine's one clock and its source of ids."""

from __future__ import annotations

import os
import time
from threading import Lock
from typing import Protocol

from engine.journal.records import ClockOffset

_UPTIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_RANDOM_BITS = 80
_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [high + low for high in _DIGITS for low in _DIGITS]


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
    """A fresh id that sorts by time: `run_01k...`, a ULID in small letters."""
    number = _NUMBERS.next()
    return f"{prefix}_{''.join([_PAIRS[number >> bits & 1023] for bits in range(120, -1, -10)])}"


class _Numbers:
    """48 bits of milliseconds before 80 random ones; within a millisecond they count up."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._last = 0

    def next(self) -> int:
        """The next one. Called in any thread."""
        with self._lock:
            now = time.time_ns() // 1_000_000
            again = self._last >> _RANDOM_BITS == now
            self._last = self._last + 1 if again else now << _RANDOM_BITS | _random()
            return self._last


def _random() -> int:
    return int.from_bytes(os.urandom(_RANDOM_BITS // 8))


_NUMBERS = _Numbers()
