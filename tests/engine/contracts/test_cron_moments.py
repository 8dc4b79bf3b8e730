"""Moments of a calendar on the days on which clocks are set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from engine.contracts.flows.trigger import CronTrigger

MINUTE, HOUR = 60_000_000, 3_600_000_000
DAYS = [
    ("Europe/Berlin", "2026-10-25"),
    ("Europe/Berlin", "2026-03-29"),
    ("America/New_York", "2026-11-01"),
    ("America/Havana", "2026-11-01"),
    ("Africa/Cairo", "2026-10-29"),
    ("Africa/Cairo", "2026-04-24"),
    ("America/Santiago", "2026-04-04"),
    ("Antarctica/Troll", "2026-10-25"),
]


def once_a_day(zone: str, day: str, hour: int, minute: int) -> list[int]:
    """The moments of the day before, of the day and of the two after it: the first of two, after a gap."""
    found = []
    for number in range(-1, 3):
        wall = datetime.fromisoformat(day) + timedelta(days=number, hours=hour, minutes=minute)
        while (
            wall.replace(tzinfo=ZoneInfo(zone))
            .astimezone(UTC)
            .astimezone(ZoneInfo(zone))
            .replace(tzinfo=None, fold=0)
            != wall
        ):
            wall += timedelta(minutes=1)
        found.append(round(wall.replace(tzinfo=ZoneInfo(zone)).timestamp()) * 1_000_000)
    return found


@pytest.mark.parametrize(("zone", "day"), DAYS)
@pytest.mark.parametrize(("hour", "minute"), [(0, 0), (0, 30), (1, 59), (2, 0), (2, 30), (3, 0), (23, 30)])
def test_at_each_minute_the_last_moment_and_the_next_one_are_those_of_the_wall_clock(
    zone: str, day: str, hour: int, minute: int
) -> None:
    trigger = CronTrigger(id="x", type="cron", schedule=f"{minute} {hour} * * *", time_zone=zone)
    moments = once_a_day(zone, day, hour, minute)
    for now in range(moments[0] + 12 * HOUR, moments[-1] - HOUR, 7 * MINUTE):
        told = trigger.local(now).isoformat()
        assert (told, trigger.last(now)) == (told, max(one for one in moments if one <= now))
        assert (told, next(trigger.moments(now))) == (told, min(one for one in moments if one > now))
    for moment in moments[1:]:
        assert trigger.last(moment) == moment
        assert trigger.last(moment - 1) == max(one for one in moments if one < moment)


@pytest.mark.parametrize(("zone", "day"), DAYS)
def test_what_comes_every_few_minutes_comes_by_elapsed_time(zone: str, day: str) -> None:
    trigger = CronTrigger(id="x", type="cron", schedule="*/10 * * * *", time_zone=zone)
    begins = round(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * 1_000_000
    for now in range(begins - 12 * HOUR, begins + 36 * HOUR, 7 * MINUTE):
        due = now - now % (10 * MINUTE)
        assert (trigger.last(now), next(trigger.moments(now))) == (due, due + 10 * MINUTE)
