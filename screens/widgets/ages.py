"""Ages and times in words. Seconds show only under a minute, so an idle screen changes once a minute."""

from __future__ import annotations

from datetime import UTC, datetime

SECOND_TICK = 1.0
MINUTE_TICK = 60.0
_MINUTE = 60
_HOUR = 3600
_DAY = 86_400


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
    """Time of day in UTC with milliseconds, for logs."""
    return moment.astimezone(UTC).strftime("%H:%M:%S.%f")[:-3]


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
    """Date and time in UTC, for cards."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def short_time(moment: datetime, now: datetime) -> str:
    """`10:32 UTC`; with the date when it is not today."""
    zoned = moment.astimezone(UTC)
    return zoned.strftime("%H:%M UTC" if zoned.date() == now.astimezone(UTC).date() else "%Y-%m-%d %H:%M UTC")


def next_tick(moments: list[datetime], now: datetime) -> float | None:
    """Seconds until a shown age changes: a second while one is under a minute, else a minute.

    None when no age is shown: then no timer runs at all.
    """
    if not moments:
        return None
    youngest = (now - max(moments)).total_seconds()
    return SECOND_TICK if youngest < _MINUTE else MINUTE_TICK
