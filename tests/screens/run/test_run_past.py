"""One run as it was after one of its events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.runs.run import RunDetail
from engine.contracts.status import RunStatus, StepStatus
from screens.overlays.value_screen import ValueScreen
from screens.run.screen import RunScreen
from screens.run.step_screen import StepScreen
from screens.runs.screen import RunsScreen
from tests.fakes.views import a_run, a_step, ago, an_approval, an_event
from tests.screens.run.one_run import an_engine, log, opened, screen, timeline
from tests.screens.run.test_run_output import a_file

if TYPE_CHECKING:
    from tests.fakes.engine import FakeEngine
    from tests.screens.conftest import OpenConsole


def a_past(engine: FakeEngine, number: int, status: RunStatus) -> None:
    run = a_run("run-1", status, created_at=ago(300), input={"name": "Ana"}, run_seq=number)
    step = a_step("greet", StepStatus.RUNNING, input={"who": "Ana"}, finished_at=None)
    engine.stored_pasts["run-1", number] = RunDetail(
        run=run, steps=(step,), approvals=(an_approval(),), forms=(), files=(a_file("early.txt"),)
    )


async def test_the_past_is_shown_whole_and_nothing_can_be_done_to_it(console: OpenConsole) -> None:
    engine = an_engine()
    a_past(engine, 2, RunStatus.QUEUED)
    a_past(engine, 3, RunStatus.RETRYING)
    async with console(engine) as stage:
        await opened(stage)
        await stage.press("l")
        await stage.until(lambda: log(stage).cursor_key == "5")
        await stage.press("g", "j", "m")
        await stage.shows("as of event 2")
        await stage.shows("read-only")
        await stage.shows("○ queued")
        assert log(stage).selected == {"2"}
        for key in ("p", "x", ".", "i", "exclamation_mark"):
            stage.app.clear_notifications()
            await stage.press(key)
            await stage.until(lambda: "This is the past" in stage.notices())
            assert isinstance(stage.app.screen, RunScreen)
        assert not engine.asked("pause")
        await stage.press("shift+tab")
        await stage.until(lambda: timeline(stage).row_count == 1)
        await stage.press("right")
        await stage.shows("as of event 3")
        await stage.shows("↻ retrying")
        await stage.press("enter")
        await stage.on(StepScreen)
        await stage.shows("as of event 3")
        assert "output" not in stage.text()
        await stage.press("escape", "tab", "tab", "tab", "tab")
        await stage.shows("early.txt")
        await stage.press("tab", "enter")
        await stage.on(ValueScreen)
        await stage.press("escape", "escape")
        await stage.until(lambda: "as of event" not in stage.text())
        await stage.shows("● running")
        await stage.press("escape")
        await stage.on(RunsScreen)


async def test_the_line_of_looking_back_is_one_line_on_a_narrow_terminal(console: OpenConsole) -> None:
    engine = an_engine()
    a_past(engine, 3, RunStatus.RUNNING)
    longest = an_event(3, "user_input_requested", step_id="ask-for-everything-there-is/0/and-more")
    engine.stored_events["run-1"] = (an_event(1), an_event(2), longest, an_event(4))
    async with console(engine, size=(80, 24)) as stage:
        await opened(stage, "log")
        await stage.until(lambda: log(stage).row_count == 4)
        await stage.press("g", "j", "j", "m")
        await stage.shows("as of event 3")
        line = stage.app.screen.query_one("#as-of")
        assert line.size.height == 1
        text = stage.text()
        assert "read-only, Esc returns · user_input_requested" in text
        assert text.split("as of event 3 · ")[1][2] == ":", "when it was"


async def test_the_marker_of_a_step_is_its_first_event(console: OpenConsole) -> None:
    engine = an_engine()
    engine.stored_events["run-1"] = (an_event(1, step_id="greet/0/a"), an_event(2), an_event(3))
    async with console(engine) as stage:
        await opened(stage)
        await stage.until(lambda: timeline(stage).row_count)
        await stage.press("m")
        await stage.shows("as of event 2")
        await stage.press("m")
        await stage.until(lambda: "as of event" not in stage.text())
        assert "As it was" in stage.plain("#keys")
        screen(stage).show_pane("files")
        await stage.until(lambda: "As it was" not in stage.plain("#keys"), "what does nothing is not offered")
        assert "Follow" not in stage.plain("#keys")
        await stage.press("m", "t", "w", "F")
        told = ("m looks back", "no times to change", "nothing to wrap", "Nothing to follow")
        await stage.until(lambda: all(words in stage.notices() for words in told))
