"""The event log of one run: it follows, is filtered and searched, and reads only what is visible."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from screens.overlays.value_screen import ValueScreen
from screens.run.log.pane import LogPane
from screens.run.screen import RunScreen
from screens.runs.screen import RunsScreen
from tests.fakes.runs import FakeRuns
from tests.fakes.views import an_event
from tests.screens.run.one_run import an_engine, events, log, opened, screen

if TYPE_CHECKING:
    from engine.contracts.runs.run import EventFilter, EventMatches
    from tests.screens.conftest import OpenConsole


async def test_the_log_follows_the_newest_event(console: OpenConsole) -> None:
    engine = an_engine()
    async with console(engine) as stage:
        await opened(stage)
        await stage.press("l")
        await stage.until(lambda: log(stage).cursor_key == "5")
        await stage.shows("5 events · follows the newest")
        engine.stored_events["run-1"] = events(6)
        engine.news()
        await stage.until(lambda: log(stage).cursor_key == "6")
        await stage.press("F")
        engine.stored_events["run-1"] = events(7)
        engine.news()
        await stage.shows("7 events")
        assert log(stage).cursor_key == "6"
        await stage.press("F")
        await stage.until(lambda: log(stage).cursor_key == "7")
        await stage.press("enter")
        await stage.on(ValueScreen)
        await stage.shows("event 7 · step_started")


async def test_times_and_whole_events_in_the_log(console: OpenConsole) -> None:
    async with console(an_engine()) as stage:
        await opened(stage)
        await stage.press("l")
        await stage.until(lambda: log(stage).cursor_key == "5")
        await stage.press("t")
        await stage.shows("+5.000s")
        await stage.press("w")
        await stage.shows("event 5 · pending_human · ask · engine")
        await stage.press("k")
        await stage.shows("event 4 · step_failed")
        await stage.press("w")
        await stage.until(lambda: "event 4" not in stage.text())


async def test_the_log_is_filtered_and_then_searched(console: OpenConsole) -> None:
    engine = an_engine()
    engine.stored_events["run-1"] = events(40)
    async with console(engine) as stage:
        await opened(stage)
        await stage.press("n")
        await stage.until(lambda: "Nothing to look for" in stage.notices())
        await stage.press("/")
        await stage.write("kind:failed")
        await stage.shows("8 found of 40 events")
        await stage.press("enter")
        assert [row.key for row in log(stage).visible_rows] == [str(4 + 5 * place) for place in range(8)]
        await stage.until(lambda: log(stage).cursor_key == "39")
        await stage.press("n", "n")
        await stage.until(lambda: log(stage).cursor_key == "9")
        await stage.press("escape")
        await stage.shows("n N look for kind:failed")
        await stage.until(lambda: log(stage).row_count == 40)
        assert log(stage).cursor_key == "9"
        await stage.press("n")
        await stage.until(lambda: log(stage).cursor_key == "14")
        await stage.press("N", "N")
        await stage.until(lambda: log(stage).cursor_key == "4")
        await stage.press("N")
        await stage.until(lambda: log(stage).cursor_key == "39")
        await stage.press("n")
        await stage.until(lambda: log(stage).cursor_key == "4")
        await stage.press("escape")
        await stage.on(RunsScreen)


async def test_a_filter_finds_what_comes_later_too(console: OpenConsole) -> None:
    engine = an_engine()
    async with console(engine) as stage:
        await opened(stage)
        await stage.press("/")
        await stage.write("by:ana step:gre")
        await stage.shows("1 found of 5 events")
        engine.stored_events["run-1"] += (an_event(6, "late", step_id="greet", actor="ana"),)
        engine.news()
        await stage.shows("2 found of 6 events")
        await stage.press(*["backspace"] * 15)
        await stage.until(lambda: log(stage).row_count == 6)


async def test_a_long_log_reads_only_what_is_visible(console: OpenConsole) -> None:
    engine = an_engine()
    engine.stored_events["run-1"] = events(12_000)
    async with console(engine) as stage:
        await opened(stage)
        await stage.press("l")
        await stage.until(lambda: log(stage).cursor_key == "12000")
        await stage.press("g")
        await stage.until(lambda: log(stage).cursor_key == "1")
        await stage.press("/")
        await stage.write("kind:pending")
        await stage.shows("2,400 found of 12,000 events")
        await stage.press("escape")
        await stage.until(lambda: not screen(stage).query_one("#log", LogPane).leave())


class FakeStuckSearch(FakeRuns):
    """Looks for events and never comes back."""

    async def find_events(
        self, run_id: str, filters: EventFilter, *, after_run_seq: int = 0, limit: int = 10_000
    ) -> EventMatches:
        await asyncio.Event().wait()
        raise AssertionError("it never comes back")


async def test_a_search_that_lasts_is_stopped_by_esc(console: OpenConsole) -> None:
    engine = an_engine()
    engine.runs = FakeStuckSearch(engine)
    async with console(engine) as stage:
        await opened(stage)
        await stage.press("/")
        await stage.write("x")
        await stage.shows("0 found of 5 events · looked at 0")
        await stage.press("enter", "escape")
        await stage.shows("n N look for x")
        await stage.press("n")
        await stage.shows("looking for x … Esc stops")
        await stage.press("escape")
        await stage.shows("n N look for x")
        assert isinstance(stage.app.screen, RunScreen)
        assert not {worker.group for worker in stage.app.workers if worker.is_running} & {"scan", "find"}


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_the_log_says_who_and_why_before_anything_else(
    console: OpenConsole, size: tuple[int, int]
) -> None:
    error = {"code": "timeout", "message": "no answer"}
    engine = an_engine()
    engine.stored_events["run-1"] = (
        an_event(1, "run_queued", step_id=None, actor="ana", payload={"subject": "srv-7", "pack": "hello"}),
        an_event(2, "tool_call_attempt_failed", payload={"error": error, "attempt": 1}),
        an_event(3, "tool_call_attempt_started", actor="timer", payload={"attempt": 2}),
        an_event(4, "approval_decided", actor="bo", payload={"decision": "REJECTED", "comment": "not\nnow"}),
        an_event(5, "step_completed", payload={"output": {"n": 1}}),
    )
    async with console(engine, size=size) as stage:
        await opened(stage, "log")
        for words in (
            "ana: srv-7",
            "timeout: no answer",
            "timer · ",
            "bo: rejected, not now",
            '{"output": {',
        ):
            await stage.shows(words)
        assert stage.text().index("Who and why") < stage.text().index("Step ")
        assert "tool_call_attempt_failed" in stage.text()
        assert ("09:25:53.589" in stage.text()) == (size[0] > 100)
        assert "09:25:53 " in stage.text() or size[0] > 100
