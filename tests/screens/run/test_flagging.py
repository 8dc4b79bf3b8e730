"""A run that told what is not so is flagged from its detail, and that is taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.status import RunStatus
from screens.run.screen import RunScreen
from screens.run_verbs.flagging import FlagDialog
from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_run

if TYPE_CHECKING:
    from tests.screens.conftest import OpenConsole


async def test_a_run_is_flagged_with_a_comment_and_the_flag_is_taken_back(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run("run-1", RunStatus.COMPLETED))
    async with console(engine) as stage:
        await stage.press("enter")
        await stage.on(RunScreen)
        await stage.press("exclamation_mark")
        await stage.on(FlagDialog)
        await stage.press("f2")
        await stage.shows("Say what is not so")
        await stage.press(*"[b]made", "f2")
        await stage.until(lambda: bool(engine.asked("flag")), "it is flagged")
        assert engine.asked("flag") == [("run-1", "[b]made", "ben")]
        await stage.on(RunScreen)
        await stage.shows("The run is flagged")
        await stage.press("exclamation_mark")
        await stage.on(FlagDialog)
        await stage.shows("Take it back?")
        await stage.press("f2")
        await stage.until(lambda: bool(engine.asked("unflag")), "it is taken back")


async def test_a_doubt_that_an_agent_has_of_itself_is_taken_back(console: OpenConsole) -> None:
    doubt = "draft states a confidence of 0.42, less than 0.8"
    engine = FakeEngine().add(a_run("run-1", RunStatus.COMPLETED, confidence=0.42, doubtful=doubt))
    async with console(engine) as stage:
        await stage.press("enter")
        await stage.on(RunScreen)
        await stage.shows(f"! doubtful: {doubt}")
        await stage.press("exclamation_mark")
        await stage.on(FlagDialog)
        await stage.shows("Doubtful: draft states a confidence of 0.42")
        await stage.press("f3")
        await stage.shows("Say what is not so")
        await stage.press("f2")
        await stage.until(lambda: bool(engine.asked("unflag")), "it is taken back")


async def test_a_doubt_that_is_right_becomes_a_flag(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run("run-1", RunStatus.COMPLETED, doubtful="draft states 0.42"))
    async with console(engine) as stage:
        await stage.press("enter")
        await stage.on(RunScreen)
        await stage.press("exclamation_mark")
        await stage.on(FlagDialog)
        await stage.press(*"made up", "f3")
        await stage.until(lambda: bool(engine.asked("flag")), "it is flagged")
        assert engine.asked("flag")[0][:2] == ("run-1", "made up")
        assert engine.asked("unflag") == []
