"""Ages and times in words. Seconds show only under a minute, so an idle screen changes once a minute.

Times are in the zone that this console shows them in (`console.time_zone`), which those with a date name.
"""

from __future__ import annotations

from contextvars import ContextVar
from datetime import UTC, datetime, tzinfo

SECOND_TICK = 1.0
MINUTE_TICK = 60.0
_MINUTE = 60
_HOUR = 3600
_DAY = 86_400
_zone: ContextVar[tzinfo | None] = ContextVar("zone", default=UTC)
"""Of the console that this context belongs to; None is the zone of the machine."""


def show_times_in(name: str) -> None:
    """Show times in a zone (`UTC`, `local` for that of the machine, `Europe/Berlin`) in this context.

    Raises ZoneInfoNotFoundError for a zone that there is not; settings know it before.
    """
    if name in {"local", "UTC"}:
        _zone.set(UTC if name == "UTC" else None)
        return
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - for the few who set another one

    _zone.set(ZoneInfo(name))


def zoned(moment: datetime) -> datetime:
    """The moment in the zone in which times are shown."""
    return moment.astimezone(_zone.get())


def age(moment: datetime, now: datetime) -> str:
    """Time since `moment`: `12s`, `5m`, `3h05m`, `2d04h`. A moment in the future is `0s`."""
    seconds = max(0, int((now - moment).total_seconds()))
    if seconds < _MINUTE:
        return f"{seconds}s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE}m"
    if seconds < _DAY:
        return f"{seconds // _HOUR}h{seconds % _HOUR // _MINUTE:02d}m"
    return f"{seconds // _DAY}d{seconds % _DAY // _HOUR:02d}h"


def span(start: datetime | None, end: datetime | None) -> str:
    """Duration between two times: `0.42s`, `12.0s`, else as `age`; empty while one is missing."""
    if start is None or end is None:
        return ""
    seconds = (end - start).total_seconds()
    return f"{seconds:.2f}s" if seconds < 10 else f"{seconds:.1f}s" if seconds < _MINUTE else age(start, end)


def clock_time(moment: datetime) -> str:
    """Time of day with milliseconds, for logs."""
    return zoned(moment).strftime("%H:%M:%S.%f")[:-3]


def since_start(moment: datetime, start: datetime) -> str:
    """Time since `start` for logs: `+0.420s`, `+12m03.5s`, `+3h05m10s`."""
    seconds = (moment - start).total_seconds()
    if seconds < 0:
        return f"-{-seconds:.3f}s"
    if seconds < _MINUTE:
        return f"+{seconds:.3f}s"
    whole = int(seconds)
    if seconds < _HOUR:
        return f"+{whole // _MINUTE}m{seconds % _MINUTE:04.1f}s"
    return f"+{whole // _HOUR}h{whole % _HOUR // _MINUTE:02d}m{whole % _MINUTE:02d}s"


def full_time(moment: datetime) -> str:
    """Date, time and zone, for cards."""
    return zoned(moment).strftime("%Y-%m-%d %H:%M:%S %Z")


def expiry(moment: datetime, around: str | None) -> str:
    """Until when a request can be decided, and with what its time ends, where that is not its own."""
    return f"expires {full_time(moment)}" + (f" with {around}" if around else "")


def seconds_time(moment: datetime) -> str:
    """Time of day and zone: `10:32:07 UTC`."""
    return zoned(moment).strftime("%H:%M:%S %Z")


def short_time(moment: datetime, now: datetime) -> str:
    """`10:32 UTC`; with the date when it is not today."""
    there = zoned(moment)
    return there.strftime("%H:%M %Z" if there.date() == zoned(now).date() else "%Y-%m-%d %H:%M %Z")


def list_time(moment: datetime, now: datetime) -> str:
    """`10:32`, or `03-14 10:32` when it is not today, for columns."""
    there = zoned(moment)
    return there.strftime("%H:%M" if there.date() == zoned(now).date() else "%m-%d %H:%M")


def next_tick(moments: list[datetime], now: datetime) -> float | None:
    """Seconds until a shown age changes: a second while one is under a minute, else a minute.

    None when no age is shown: then no timer runs at all.
    """
    if not moments:
        return None
    youngest = (now - max(moments)).total_seconds()
    return SECOND_TICK if youngest < _MINUTE else MINUTE_TICK
