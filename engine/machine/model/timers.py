"""Names of timers: what they are for, and the execution they belong to."""

from __future__ import annotations

from enum import StrEnum


class TimerKind(StrEnum):
    """What a timer is for."""

    RETRY = "retry"
    """The next attempt of a step."""
    TIMEOUT = "timeout"
    """The end of a step's time."""
    WAIT = "wait"
    """The end of a wait that was given as a time."""
    UNTIL = "until"
    """The end of a wait that was given as a moment: it does not move when the clock is set."""
    MAX_DURATION = "max_duration"
    """The end of the run's time."""


def timer_name(kind: TimerKind, path: str = "") -> str:
    """The name of a timer: of the execution at `path`, or of the run."""
    return f"{kind.value}:{path}" if path else kind.value


def timer_parts(name: str) -> tuple[TimerKind, str]:
    """The inverse of `timer_name`. Raises ValueError for a name that it did not make."""
    kind, _, path = name.partition(":")
    return TimerKind(kind), path
