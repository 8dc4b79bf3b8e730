"""Moments as a person writes them: RFC 3339, a date, or an age such as `30m`, `2h`, `7d`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from vasini_tui.exit_codes import UsageError

_AGE = re.compile(r"([0-9]{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def optional_moment(text: str | None, option: str) -> datetime | None:
    """As `moment_named`, None for an option that nobody wrote."""
    return None if text is None else moment_named(text, option)


def moment_named(text: str, option: str, now: datetime | None = None) -> datetime:
    """The moment in UTC; one without a zone is UTC. Raises UsageError."""
    age = _AGE.fullmatch(text)
    try:
        if age is not None:
            return (now or datetime.now(UTC)) - timedelta(**{_UNITS[age[2]]: int(age[1])})
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        words = "takes a time such as 2026-01-31T08:00:00Z, a date, or an age such as 30m, 2h, 7d"
        raise UsageError(f"{option} {words}; not {text!r}") from None
