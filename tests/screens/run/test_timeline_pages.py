"""The timeline of a long run is shown by pages: the newest one first, others where somebody goes there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events

from engine.contracts.runs.run import RunDetail
from engine.contracts.runs.timeline import Timeline
from engine.contracts.status import RunStatus, StepStatus
from engine.errors import ErrorCode, Unavailable
from engine.runtime.views.timelines.timeline import page_of
from screens.run.timeline.table import TimelineTable
from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_row, a_run, a_step, ago, an_event
from tests.screens.run.one_run import opened, screen

if TYPE_CHECKING:
    from tests.screens.conftest import OpenConsole, Stage

HALF = 10
STEPS = 60


def page(since: int, last: int) -> Timeline:
    """Steps of an agent, of which each takes one event, with the agent around them."""
    there = page_of(last, min(since + 2 * HALF, last), HALF)
    numbers = range(there.since + 1, there.until + 1)
    steps = [a_step(f"work/{number}/call", started_at=ago(300 - number)) for number in numbers]
    work = a_step("work", StepStatus.RUNNING, type="agent", started_at=ago(300), finished_at=None)
    return Timeline(
        run_id="run-1",
        start=ago(300),
        rows=(a_row(work), *(a_row(step, "run-1", depth=1) for step in steps)),
        since=there.since,
        until=there.until,
        last=last,
        above=int(there.since > 0),
        older=there.older,
        newer=there.newer,
    )


def pages(last: int = STEPS) -> list[Timeline]:
    newest = page_of(last, None, HALF)
    return [page(since, last) for since in range(0, newest.since + 1, HALF)]


def an_engine(**more: RunStatus) -> FakeEngine:
    engine = FakeEngine().add(a_run(created_at=ago(300), **more))
    engine.stored_pages["run-1"] = pages()
    return engine


def table(stage: Stage) -> TimelineTable:
    return stage.app.screen.query_one("#steps", TimelineTable)


def under_cursor(stage: Stage) -> str:
    return table(stage).cursor_key.removeprefix("run-1 ")


def wheel(stage: Stage, kind: type[events.MouseScrollUp] | type[events.MouseScrollDown]) -> None:
    """The wheel is turned above the bars."""
    at = table(stage).region
    stage.app.screen._forward_event(
        kind(None, at.x + 3, at.y + 3, 0, 0, 0, shift=False, meta=False, ctrl=False)
    )


async def gone(stage: Stage, key: str, times: int) -> list[str]:
    """The steps that the cursor comes to."""
    found = []
    for _ in range(times):
        await stage.press(key)
        found.append(under_cursor(stage))
    return found


def calls(*numbers: int) -> list[str]:
    return [f"work/{number}/call" for number in numbers]


async def test_the_newest_page_comes_first_with_the_cursor_on_its_last_row(console: OpenConsole) -> None:
    async with console(an_engine(), size=(100, 30)) as stage:
        await opened(stage)
        assert under_cursor(stage) == "work/60/call"
        text = stage.text()
        assert "events 41–60 of 60 · ↑ older, g first" in text
        assert "↓ newer" not in text
        assert table(stage).row_count == 2 * HALF + 1


async def test_going_up_and_down_comes_to_every_step_once(console: OpenConsole) -> None:
    async with console(an_engine(), size=(100, 30)) as stage:
        await opened(stage)
        assert await gone(stage, "up", STEPS) == [*calls(*range(STEPS - 1, 0, -1)), "work"]
        assert "events 1–20 of 60 · ↓ newer, G newest" in stage.text()
        assert await gone(stage, "up", 1) == ["work"]
        assert await gone(stage, "down", STEPS) == calls(*range(1, STEPS + 1))
        assert "events 41–60 of 60" in stage.text()
        assert await gone(stage, "down", 1) == ["work/60/call"]


async def test_half_a_page_goes_as_far_across_pages_as_within_one(console: OpenConsole) -> None:
    async with console(an_engine(), size=(100, 30)) as stage:
        await opened(stage)
        far = table(stage).size.height // 2
        up = await gone(stage, "pageup", 3)
        assert up == calls(*(STEPS - far * number for number in (1, 2, 3)))
        assert await gone(stage, "pagedown", 3) == calls(*(STEPS - far * number for number in (2, 1, 0)))


async def test_the_ends_of_the_run_are_one_key_away(console: OpenConsole) -> None:
    async with console(an_engine(), size=(100, 30)) as stage:
        await opened(stage)
        assert await gone(stage, "g", 1) == ["work"]
        assert await gone(stage, "down", 1) == ["work/1/call"]
        assert await gone(stage, "G", 1) == ["work/60/call"]


async def test_the_wheel_goes_on_beyond_the_first_and_the_last_line(console: OpenConsole) -> None:
    async with console(an_engine(), size=(100, 30)) as stage:
        await opened(stage)
        table(stage).scroll_to(y=0, animate=False, force=True)
        await stage.settle()
        wheel(stage, events.MouseScrollUp)
        await stage.settle()
        assert under_cursor(stage) == "work/40/call"
        assert "events 31–50 of 60" in stage.text()
        table(stage).scroll_to(y=table(stage).max_scroll_y, animate=False, force=True)
        await stage.settle()
        wheel(stage, events.MouseScrollDown)
        await stage.settle()
        assert under_cursor(stage) == "work/51/call"
        assert "events 41–60 of 60" in stage.text()


async def test_a_page_that_is_read_stays_while_the_run_goes_on(console: OpenConsole) -> None:
    engine = an_engine(status=RunStatus.RUNNING)
    async with console(engine, size=(100, 30)) as stage:
        await opened(stage)
        await gone(stage, "up", 17)
        assert under_cursor(stage) == "work/43/call"
        engine.stored_pages["run-1"] = pages(65)
        await screen(stage).load()
        assert under_cursor(stage) == "work/43/call"
        assert "events 41–60 of 65" in stage.text()
        await stage.press("G")
        assert under_cursor(stage) == "work/65/call"
        engine.stored_pages["run-1"] = pages(72)
        await screen(stage).load()
        assert under_cursor(stage) == "work/65/call"
        assert "events 61–72 of 72" in stage.text() or "events 51–70 of 72" in stage.text()


async def test_who_looks_at_the_beginning_stays_there_when_the_run_becomes_too_long_for_one_page(
    console: OpenConsole,
) -> None:
    engine = an_engine(status=RunStatus.RUNNING)
    engine.stored_pages["run-1"] = pages(15)
    async with console(engine, size=(100, 30)) as stage:
        await opened(stage)
        assert under_cursor(stage) == "work"
        for last in (35, 60):
            engine.stored_pages["run-1"] = pages(last)
            await screen(stage).load()
            await stage.settle()
            assert under_cursor(stage) == "work"
            assert f"events 1–20 of {last} · ↓ newer, G newest" in stage.text()


async def test_who_follows_the_present_is_shown_the_newest_page(console: OpenConsole) -> None:
    engine = an_engine(status=RunStatus.RUNNING)
    async with console(engine, size=(100, 30)) as stage:
        await opened(stage)
        await gone(stage, "up", 17)
        await stage.press("F")
        engine.stored_pages["run-1"] = pages(85)
        await screen(stage).load()
        assert "of 85 · ↑ older" in stage.text()
        assert "↓ newer" not in stage.text()


async def test_a_page_that_cannot_be_read_is_said_and_keys_go_on(console: OpenConsole) -> None:
    engine = an_engine()
    async with console(engine, size=(100, 30)) as stage:
        await opened(stage)
        await gone(stage, "up", 19)
        assert under_cursor(stage) == "work/41/call"
        engine.failures["timeline"] = Unavailable(ErrorCode.JOURNAL_LOCKED, "Busy.")
        await stage.press("up")
        await stage.until(lambda: "Busy." in stage.text(), "what went wrong")
        assert under_cursor(stage) == "work/41/call"
        del engine.failures["timeline"]
        assert await gone(stage, "up", 1) == calls(40)


async def test_a_run_that_fits_into_a_page_says_nothing_of_pages(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run(created_at=ago(300)))
    engine.stored_pages["run-1"] = pages(12)
    async with console(engine, size=(100, 30)) as stage:
        await opened(stage)
        assert under_cursor(stage) == "work"
        assert "events 1" not in stage.text()


async def test_looking_back_shows_the_page_of_that_moment_and_nothing_newer(console: OpenConsole) -> None:
    engine = an_engine()
    engine.stored_events["run-1"] = tuple(
        an_event(number, "step_started", step_id=f"work/{number}/call", ts=ago(300 - number))
        for number in range(1, STEPS + 1)
    )
    steps = [a_step("work", StepStatus.RUNNING, type="agent", started_at=ago(300), finished_at=None)]
    steps += [a_step(f"work/{number}/call", started_at=ago(300 - number)) for number in range(1, 26)]
    run = a_run(created_at=ago(300), status=RunStatus.RUNNING)
    engine.stored_pasts["run-1", 25] = RunDetail(run=run, steps=tuple(steps), approvals=(), forms=())
    async with console(engine, size=(100, 30)) as stage:
        await opened(stage)
        await gone(stage, "up", 35)
        assert under_cursor(stage) == "work/25/call"
        await stage.press("m")
        await stage.until(lambda: "as of event 25" in stage.text(), "the past")
        assert under_cursor(stage) == "work/25/call"
        looked = len(engine.asked("timeline"))
        assert "events 11–30 of 60 · ↑ older, g first" in stage.text()
        assert "newer" not in stage.text()
        there = ("work", *(f"work/{number}/call" for number in range(11, 31)))
        assert [paths for paths, as_of in engine.asked("steps_at") if as_of == 25] == [there]
        engine.news("step_started")
        await stage.until(lambda: len(engine.asked("timeline")) > looked)
        assert len([paths for paths, as_of in engine.asked("steps_at") if as_of == 25]) == 1, "the past stays"
        assert await gone(stage, "down", 1) == ["work/25/call"]
        assert await gone(stage, "up", 24) == calls(*range(24, 0, -1))
        assert await gone(stage, "G", 1) == ["work/25/call"]
        await stage.press("escape")
        await stage.until(lambda: "as of event" not in stage.text(), "the present")
        assert under_cursor(stage) == "work/25/call", "the place stays"
        assert "↓ newer, G newest" in stage.text()
