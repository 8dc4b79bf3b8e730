"""One step: its screen follows it, its failed tries stand there, its output grows; the past stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.runs.listed import RunError
from engine.contracts.runs.run import OutputLine, RunDetail
from engine.contracts.runs.timeline import FailedTry, Timeline
from engine.contracts.status import RunStatus, StepStatus
from screens.run.screen import RunScreen
from screens.run.step_screen import StepScreen
from screens.widgets.text_lines import MOST_LINES, TextLines, safe_lines
from tests.fakes.engine import FakeEngine
from tests.fakes.views import NOW, a_row, a_run, a_step, ago, an_event, an_event_head

if TYPE_CHECKING:
    from tests.screens.conftest import OpenConsole, Stage

ERROR = RunError(code="timeout", message="it took\nlonger than 5 s")


def a_try(number: int, **more: Any) -> FailedTry:
    known: dict[str, Any] = {"code": "backend_error", "message": f"no answer, the {number}. time"}
    return FailedTry(attempt=number, run_seq=number, at=ago(300 - number), **(known | more))


def a_line(number: int, step_id: str = "greet") -> OutputLine:
    return OutputLine(ts=ago(300 - number), step_id=step_id, attempt=1, stream="out", text=f"line {number}")


def an_engine(**step: Any) -> FakeEngine:
    engine = FakeEngine().add(a_run(status=RunStatus.RUNNING))
    engine.stored_events["run-1"] = (an_event(1, "run_started", step_id=None), an_event(2))
    return with_step(engine, **step)


def with_step(engine: FakeEngine, **step: Any) -> FakeEngine:
    known: dict[str, Any] = {"status": StepStatus.RUNNING, "started_at": ago(42), "finished_at": None}
    engine.stored_steps["run-1"] = (a_step("greet", input={"who": "Ana"}, **(known | step)),)
    return engine


async def opened(stage: Stage) -> None:
    await stage.until(lambda: stage.paged("#runs").row_count, "a run")
    await stage.press("enter")
    await stage.on(RunScreen)
    await stage.shows("began")
    await stage.press("enter")
    await stage.on(StepScreen)
    await stage.shows("greet")
    await stage.until(lambda: "who" in stage.text() or "Nothing is recorded" in stage.text(), "its values")


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_an_open_step_follows_what_becomes_of_it(console: OpenConsole, size: tuple[int, int]) -> None:
    engine = an_engine()
    async with console(engine, size=size) as stage:
        await opened(stage)
        await stage.shows("● running  greet  tool · try 1 · began 09:26:11.589 · for 42s")
        assert "output" not in stage.text()
        with_step(engine, attempt=2, tries=(a_try(1),), retry_at=None)
        engine.news("tool_call_attempt_started")
        await stage.shows("✗ try 1 failed 09:21:54.589 · backend_error: no answer, the 1. time")
        await stage.shows("try 2 · began")
        done = {"status": StepStatus.COMPLETED, "finished_at": NOW, "output": {"text": "hi"}}
        with_step(engine, attempt=2, tries=(a_try(1),), **done)
        engine.news("step_completed")
        await stage.shows("✓ completed")
        await stage.shows("took 42.0s")
        await stage.shows('"hi"')


async def test_news_of_other_steps_are_no_concern_and_those_of_the_run_are(console: OpenConsole) -> None:
    engine = an_engine()
    async with console(engine) as stage:
        await opened(stage)
        with_step(engine, status=StepStatus.CANCELLED, finished_at=NOW)
        engine.news_of(an_event_head(3, "step_started", step_id="other"))
        engine.news_of(an_event_head(4, "run_cancelled", step_id=None))
        await stage.shows("⊘ cancelled")


async def test_every_failed_try_is_there_and_the_last_ones_stand_above(console: OpenConsole) -> None:
    tries = tuple(a_try(number) for number in range(1, 6))
    engine = an_engine(status=StepStatus.FAILED, finished_at=NOW, attempt=6, tries=tries, error=ERROR)
    async with console(engine, size=(80, 24)) as stage:
        await opened(stage)
        head = stage.plain("#step-head")
        assert "2 earlier tries failed too" in head
        assert "try 2 failed" not in head
        assert all(f"✗ try {number} failed" in head for number in (3, 4, 5))
        assert head.endswith("✗ timeout: it took longer than 5 s")
        await stage.shows("[5 items]")


async def test_output_has_no_space_before_there_is_any_and_then_grows(console: OpenConsole) -> None:
    engine = an_engine()
    engine.stored_output["run-1"] = [a_line(1, "other")]
    async with console(engine, size=(80, 24)) as stage:
        await opened(stage)
        lines = stage.app.screen.query_one("#output-lines", TextLines)
        await stage.still()
        assert (lines.size.height, lines.can_focus) == (0, False)
        assert "No output" not in stage.text()
        assert "Follow" not in stage.text()
        engine.stored_output["run-1"] += [a_line(number) for number in range(2, 30)]
        await stage.shows("09:22:22.589 │ line 29")
        assert "other" not in stage.text()
        await stage.shows("F Follow")
        await stage.press("F")
        await stage.until(lambda: "Not following" in stage.notices())
        await stage.press("tab")
        assert lines.has_focus


async def test_the_item_of_a_loop_stands_at_its_steps(console: OpenConsole) -> None:
    engine = an_engine(item="a\x1b[31m.txt")
    (step,) = engine.stored_steps["run-1"]
    row = a_row(step, depth=1).model_copy(update={"item": step.item})
    engine.stored_timelines["run-1"] = Timeline(run_id="run-1", start=ago(300), rows=(row,))
    async with console(engine, size=(140, 40)) as stage:
        await stage.until(lambda: stage.paged("#runs").row_count, "a run")
        await stage.press("enter")
        await stage.shows("item: a␛[31m.txt")
        await stage.shows("greet a␛[31m.txt")
        await stage.press("enter")
        await stage.on(StepScreen)
        await stage.shows("item: a␛[31m.txt")


async def test_failed_tries_stand_below_the_bars_the_newest_first(console: OpenConsole) -> None:
    tries = (a_try(1), a_try(2))
    engine = an_engine(attempt=3, tries=tries)
    async with console(engine, size=(140, 40)) as stage:
        await stage.until(lambda: stage.paged("#runs").row_count, "a run")
        await stage.press("enter")
        await stage.shows("✗ try 1 failed")
        about = stage.plain("#about")
        assert about.index("try 2 failed") < about.index("try 1 failed")


async def test_a_step_of_the_past_stays_as_it_was(console: OpenConsole) -> None:
    engine = an_engine()
    then = RunDetail(run=a_run(), steps=engine.stored_steps["run-1"], approvals=(), forms=())
    engine.stored_pasts["run-1", 2] = then
    done = {"status": StepStatus.COMPLETED, "finished_at": NOW, "output": {"text": "hi"}}
    with_step(engine, **done)
    async with console(engine) as stage:
        await stage.until(lambda: stage.paged("#runs").row_count, "a run")
        await stage.press("enter")
        await stage.on(RunScreen)
        await stage.shows("began")
        await stage.press("m")
        await stage.shows("as of event 2")
        await stage.press("enter")
        await stage.on(StepScreen)
        await stage.shows("as of event 2")
        await stage.shows("● running  greet")
        assert '"hi"' not in stage.text()


def test_lines_that_come_before_their_part_has_a_size_are_kept() -> None:
    lines = TextLines()
    assert not lines.extend(safe_lines("one\ntwo words"), to_end=False)
    assert lines.virtual_size.height > 1


async def test_who_reads_further_up_stays_there_when_old_lines_go(console: OpenConsole) -> None:
    engine = an_engine()
    engine.stored_output["run-1"] = [a_line(number) for number in range(2, 30)]
    async with console(engine, size=(80, 24)) as stage:
        await opened(stage)
        await stage.shows("line 29")
        lines = stage.app.screen.query_one("#output-lines", TextLines)
        assert lines.extend(
            safe_lines("\n".join(f"new {number}" for number in range(MOST_LINES))), to_end=True
        )
        lines.scroll_to(y=5_000, animate=False, immediate=True)
        await stage.shows("new 5000")
        assert lines.extend(safe_lines("\n".join(["more"] * 100)), to_end=False)
        assert lines.scroll_offset.y == 4_900
        await stage.shows("new 5000")
        assert lines.virtual_size.height == MOST_LINES
