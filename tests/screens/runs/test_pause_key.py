"""`p` pauses or resumes what is shown, and the run that was meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.status import RunStatus
from screens.run.screen import RunScreen
from screens.runs.screen import SETTLED_SECONDS
from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_run
from tests.screens.runs.test_runs_screens import keys_of

if TYPE_CHECKING:
    from tests.screens.conftest import OpenConsole


async def test_the_pause_of_a_colleague_that_is_not_shown_yet_is_not_taken_back(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run())
    async with console(engine) as stage:
        await stage.shows("● running")
        engine.stored_runs["run-1"] = a_run(status=RunStatus.PAUSED)
        await stage.press("p")
        await stage.until(lambda: "run-1 is paused, or about to be, already." in stage.notices())
        assert not engine.asked("resume")


async def test_a_second_press_does_nothing_to_the_run_that_took_the_place_of_the_first(
    console: OpenConsole,
) -> None:
    engine = FakeEngine().add(*(a_run(f"run-{number}") for number in range(3)))
    engine.add(a_run("run-9", RunStatus.COMPLETED))
    async with console(engine) as stage:
        await stage.until(lambda: len(keys_of(stage)) == 4)
        await stage.press("/")
        await stage.write("status:running")
        await stage.press("enter")
        await stage.until(lambda: len(keys_of(stage)) == 3)
        await stage.press("g")
        first, second, _ = keys_of(stage)
        await stage.press("p")
        await stage.until(lambda: stage.paged("#runs").cursor_key == second)
        await stage.press("p", "p", ".")
        await stage.until(lambda: "another run came under the cursor just now" in stage.notices())
        assert engine.asked("pause") == [(first, "ben")]
        assert not engine.asked("retry")
        stage.clock.seconds += SETTLED_SECONDS
        await stage.press("p")
        await stage.until(lambda: engine.asked("pause") == [(first, "ben"), (second, "ben")])


async def test_a_pause_that_was_asked_for_is_taken_back_where_it_is_told(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run(pause_requested=True))
    async with console(engine) as stage:
        await stage.press("enter")
        await stage.on(RunScreen)
        await stage.shows("pause asked for")
        await stage.press("p")
        await stage.until(lambda: engine.asked("resume") == [("run-1", "ben")])
        assert not engine.asked("pause")
        engine.add(a_run(status=RunStatus.PAUSED, pause_requested=True)).news()
        await stage.shows("‖ paused")
        assert "pause asked for" not in stage.text()
