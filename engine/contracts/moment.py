"""Times as people write them: how long a step waits, until when, and in which time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from engine.contracts.quantity import duration_seconds

MAX_WAIT_SECONDS = 366 * 86_400
DURATION_WORDS = "seconds, or a text such as `30s`, `5m`, `1h30m` or `2d`; at most a year"
MOMENT_WORDS = "a moment with its offset such as `2026-03-01T08:00:00+01:00`"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def wait_seconds(duration: Any) -> float:
    """Seconds from 0 to a year. Raises ValueError with what was expected."""
    if isinstance(duration, str):
        try:
            return duration_seconds(duration)
        except ValueError:
            raise ValueError(DURATION_WORDS) from None
    number = isinstance(duration, int | float) and not isinstance(duration, bool)
    if number and 0 <= duration <= MAX_WAIT_SECONDS:
        return float(duration)
    raise ValueError(DURATION_WORDS)


def wait_moment(until: Any) -> int:
    """Microseconds UTC. Raises ValueError with what was expected."""
    try:
        moment = datetime.fromisoformat(until)
        if moment.tzinfo is not None:
            return (moment.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)
    except (TypeError, ValueError, OverflowError):  # in UTC it is of no year that a time can have
        pass
    raise ValueError(MOMENT_WORDS)


def _time_zone(name: str) -> str:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415 - for the few who set another one

    if name == "UTC":
        return name
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        expected = "a time zone such as `Europe/Berlin` or `UTC`"
        raise PydanticCustomError("time_zone", "expected {expected}", {"expected": expected}) from None
    return name


TimeZoneName = Annotated[str, AfterValidator(_time_zone), Field(max_length=80)]
