"""Runs that ended by hour: a line below the runs where there is room, a column of the packs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.contracts.governing.slo import Trend
from screens.widgets.sparkline import sparkline
from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_run

if TYPE_CHECKING:
    from tests.screens.conftest import OpenConsole

HOURS = Trend(pack="hello", runs=(0, 2, 4, 6, *[0] * 20), failed=(0, 0, 0, 1, *[0] * 20))


@pytest.mark.parametrize(
    ("numbers", "cells", "line"),
    [((), 5, ""), ((0, 0), 2, "  "), ((1, 2, 3, 0), 4, "_▄█ "), ((1, 1, 0, 4), 2, "▄█"), ((5,), 9, "█")],
)
def test_a_cell_is_as_high_as_what_it_stands_for(numbers: tuple[int, ...], cells: int, line: str) -> None:
    assert sparkline(numbers, cells) == line


async def test_the_runs_tell_the_last_day_where_there_is_room(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run("run-1"))
    engine.levels.stored_trends = (HOURS, HOURS.model_copy(update={"pack": "other"}))
    async with console(engine, size=(120, 40)) as stage:
        await stage.shows("Ended, 24 h   _▄█")
        await stage.shows("24 runs · 91.66 % completed · at most 12 in an hour")


async def test_a_narrow_terminal_leaves_out_whole_words(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run("run-1"))
    engine.levels.stored_trends = (HOURS,)
    async with console(engine, size=(80, 40)) as stage:
        await stage.shows("Ended, 24 h   _▄█")
        await stage.shows("12 runs · 91.66 % completed")
        assert "at most" not in stage.text()


async def test_a_low_terminal_asks_for_no_trend(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run("run-1"))
    engine.levels.stored_trends = (HOURS,)
    async with console(engine, size=(80, 24)) as stage:
        await stage.shows("running")
        await stage.press("4", "1")
        assert "Ended, 24 h" not in stage.text()


async def test_the_packs_have_a_column_of_it(console: OpenConsole) -> None:
    engine = FakeEngine()
    engine.levels.stored_trends = (HOURS,)
    async with console(engine, size=(140, 40)) as stage:
        await stage.press("5")
        await stage.shows("Ended, 24 h")
        await stage.shows("_█ ")
        await stage.shows("91.6")
