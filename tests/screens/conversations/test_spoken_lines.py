"""What a model says just now: read on from where it was read to, and drawn on from what stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.status import StepStatus
from screens.run.conversation.speech import LINES, Speech
from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_run
from tests.screens.conversations.conversations import a_line, a_long_engine, long_one, turns_of

if TYPE_CHECKING:
    from engine.contracts.runs.run import OutputLine
    from tests.screens.conftest import OpenConsole, Stage


def said(text: str, attempt: int = 1) -> OutputLine:
    return a_line("look/0/model", text).model_copy(update={"attempt": attempt})


def a_speech() -> tuple[FakeEngine, Speech]:
    engine = FakeEngine().add(a_run())
    engine.stored_output["run-1"] = []
    return engine, Speech(engine.runs, "run-1", "look/0/model")


async def test_a_look_tells_which_lines_stand_as_they_stood() -> None:
    engine, speech = a_speech()
    assert await speech.look() is None
    engine.stored_output["run-1"] += [said("one"), said("two")]
    engine.stored_coming["run-1"] = [said("thr")]
    assert await speech.look() == 0
    assert speech.lines == ("│ one", "│ two", "│ thr")
    assert await speech.look() is None
    engine.stored_coming["run-1"] = [said("three is")]
    assert await speech.look() == 2
    engine.stored_output["run-1"].append(said("three is it"))
    engine.stored_coming.clear()
    assert await speech.look() == 2
    assert speech.lines == ("│ one", "│ two", "│ three is it")


async def test_a_model_that_is_asked_again_begins_anew() -> None:
    engine, speech = a_speech()
    engine.stored_output["run-1"] += [said("one"), said("two")]
    await speech.look()
    engine.stored_output["run-1"].append(said("one", attempt=2))
    assert await speech.look() == 1
    assert speech.lines == ("│ one",)
    engine.stored_coming["run-1"] = [said("another", attempt=3)]
    assert await speech.look() == 0
    assert speech.lines == ("│ another",)


async def test_of_very_many_lines_the_newest_are_kept() -> None:
    engine, speech = a_speech()
    for number in range(5 * LINES):
        engine.stored_output["run-1"].append(said(f"line {number}"))
        await speech.look()
    assert LINES <= len(speech.lines) < 2 * LINES
    assert speech.lines[-1] == f"│ line {5 * LINES - 1}"


def drawn(stage: Stage) -> list[str]:
    table = turns_of(stage)
    rows = (table.row_at(index) for index in range(table.row_count))
    return [row.cells[0].text for row in rows if row is not None]


async def test_lines_that_are_drawn_on_stand_as_if_all_were_drawn_anew(console: OpenConsole) -> None:
    engine = a_long_engine(3, StepStatus.RUNNING)
    engine.stored_output["run-1"] = []
    async with console(engine, size=(80, 24)) as stage:
        await long_one(stage)
        await stage.shows("▾ turn 3 · running")
        for number, words in enumerate(("short", "w " * 90, "日本" * 60, "\x1b[2J" + "é" * 200, "")):
            coming = a_line("look/2/model", f"{number} {words}"[:60])
            engine.stored_coming["run-1"] = [coming]
            await stage.shows(f"│ {number} ")
            ended = coming.model_copy(update={"text": f"{number} {words} end{number}"})
            engine.stored_output["run-1"].append(ended)
            engine.stored_coming["run-1"] = []
            await stage.shows(f"end{number}")
            there = drawn(stage)
            turns_of(stage).changed()
            assert drawn(stage) == there
            assert turns_of(stage).at_end
