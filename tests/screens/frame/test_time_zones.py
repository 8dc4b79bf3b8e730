"""The console shows times in the zone that the settings name, and says which one it is."""

from __future__ import annotations

from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from engine.contracts.runs.listed import WaitingFor
from engine.contracts.status import RunStatus, WaitKind
from screens.run.screen import RunScreen
from screens.widgets.ages import clock_time, full_time, seconds_time, short_time, show_times_in
from screens.widgets.time_axis import Axis, ticks
from tests.fakes.engine import FakeEngine
from tests.fakes.views import NOW, a_run
from vasini_tui.console.options import ConsoleOptions
from vasini_tui.settings.in_force import read_groups

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.screens.conftest import OpenConsole

MOMENT = datetime(2026, 3, 14, 22, 30, 5, tzinfo=UTC)


def shown(zone: str, words: Callable[[], object]) -> object:
    """What is shown in that zone; others are not touched."""

    def there() -> object:
        show_times_in(zone)
        return words()

    return copy_context().run(there)


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("UTC", ["22:30:05.000", "2026-03-14 22:30:05 UTC", "22:30:05 UTC", "22:30 UTC"]),
        ("Europe/Berlin", ["23:30:05.000", "2026-03-14 23:30:05 CET", "23:30:05 CET", "23:30 CET"]),
        ("Asia/Kolkata", ["04:00:05.000", "2026-03-15 04:00:05 IST", "04:00:05 IST", "04:00 IST"]),
    ],
)
def test_times_are_of_the_zone_and_name_it(zone: str, words: list[str]) -> None:
    def times() -> list[str]:
        now = MOMENT + timedelta(minutes=5)
        return [clock_time(MOMENT), full_time(MOMENT), seconds_time(MOMENT), short_time(MOMENT, now)]

    assert shown(zone, times) == words
    assert full_time(MOMENT).endswith("UTC")


def test_a_day_is_that_of_the_zone() -> None:
    later = MOMENT + timedelta(hours=3)
    assert shown("UTC", lambda: short_time(MOMENT, later)) == "2026-03-14 22:30 UTC"
    assert shown("Asia/Kolkata", lambda: short_time(MOMENT, later)) == "04:00 IST"


def test_the_axis_has_its_hours_where_the_zone_has_them() -> None:
    axis = Axis(0.0, 6 * 3600.0, 6 * 3600.0, 60)

    def first_two() -> list[str]:
        return [words for _, words in ticks(axis, MOMENT)][:2]

    assert shown("UTC", first_two) == ["23:00", "00:00"]
    assert shown("Asia/Kolkata", first_two) == ["05:00", "06:00"]


async def test_every_screen_of_a_console_obeys_the_setting(console: OpenConsole) -> None:
    waits = WaitingFor(kind=WaitKind.MOMENT, id="2026-03-14T20:00:00.000000Z")
    run = a_run(status=RunStatus.WAITING, waiting_for=waits, created_at=NOW)
    options = ConsoleOptions(time_zone="Asia/Kolkata", bell=False)
    async with console(FakeEngine().add(run), size=(160, 32), options=options) as stage:
        await stage.shows("until 03-15 01:30")
        await stage.press("enter")
        await stage.on(RunScreen)
        await stage.shows("2026-03-14 14:56:53 IST")


def test_a_zone_that_there_is_not_is_refused() -> None:
    assert read_groups({"console": {"time_zone": "local"}})[0]["console"].time_zone == "local"
    _, (fault,) = read_groups({"console": {"time_zone": "Nowhere/Town"}})
    assert (fault["loc"], "is no time zone" in fault["msg"]) == (("console", "time_zone"), True)
