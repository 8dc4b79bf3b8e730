"""The conversation of an agent: opened from the timeline, fenced, growing while it is shown."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.runs.conversation import SpokenTurn
from engine.contracts.status import RunStatus, StepStatus
from screens.frame.inputs import SafeInput
from screens.run.conversation.ending import EndMenu
from screens.run.conversation.screen import ConversationScreen
from screens.run.conversation_text import turn_line
from screens.run.screen import RunScreen
from screens.runs.start import StartFormScreen
from screens.widgets.ages import clock_time
from tests.fakes.conversations import (
    agent_steps,
    answered,
    message_form,
    outside_steps,
    waiting_steps,
)
from tests.fakes.engine import FakeEngine
from tests.fakes.requests import FakeRequests
from tests.fakes.views import NOW, a_flow, a_pack, a_run
from tests.screens.conversations.conversations import (
    a_line,
    a_waiting_engine,
    an_engine,
    long_one,
    opened,
    talking,
    turns_of,
)

if TYPE_CHECKING:
    from engine.contracts.runs.request import AnswerView
    from tests.screens.conftest import OpenConsole


async def test_enter_on_an_agent_opens_its_conversation_with_calls_and_results(console: OpenConsole) -> None:
    async with console(an_engine(), size=(100, 40)) as stage:
        await opened(stage)
        text = stage.text()
        assert "agent look · running · 2 turns" in text
        assert "turn 1 · scripted (no model was asked) · 1,200 tokens in, 34 out, estimated" in text
        assert '→ {"path": "a.txt"}' in text
        assert '← {"text": "beans"}' in text
        assert "✗ not_found: there is no tool files.none" in text
        assert "turn 2 · running" in text


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (RunStatus.PAUSED, "agent look · running · 2 turns · its run is paused"),
        (RunStatus.PENDING_HUMAN, "2 turns · its run is pending human"),
        (RunStatus.RETRYING, "2 turns · its run is retrying"),
        (RunStatus.RUNNING, "agent look · running · 2 turns"),
    ],
)
async def test_an_agent_whose_run_rests_is_not_told_as_one_that_works(
    console: OpenConsole, status: RunStatus, words: str
) -> None:
    engine = an_engine()
    engine.add(a_run(status=status))
    async with console(engine, size=(100, 40)) as stage:
        await opened(stage)
        assert words in stage.text()
        assert ("its run is" in words) == ("its run is" in stage.text())


def test_a_turn_says_what_it_cost_or_that_nobody_knows() -> None:
    turn = SpokenTurn(step_id="look/0/model", status=StepStatus.COMPLETED, input_tokens=9, output_tokens=2)
    assert turn_line(1, turn).endswith("9 tokens in, 2 out")
    assert turn_line(1, turn.model_copy(update={"cost": 1_500_000})).endswith("2 out, $0.0015")
    assert turn_line(1, turn.model_copy(update={"unpriced": 1})).endswith("2 out, of unknown cost")


def test_a_turn_that_waits_for_another_try_says_until_when_and_not_that_it_runs() -> None:
    turn = SpokenTurn(step_id="look/0/model", status=StepStatus.RUNNING, retry_at=NOW)
    assert turn_line(1, turn) == f"turn 1 · waits for another try, not before {clock_time(NOW)}"
    ended = turn.model_copy(update={"status": StepStatus.FAILED})
    assert turn_line(1, ended) == "turn 1 · failed"


def test_an_answer_that_was_cut_off_says_so() -> None:
    turn = SpokenTurn(step_id="look/0/model", status=StepStatus.COMPLETED, text="hal", cut_off=True)
    assert turn_line(1, turn).endswith("cut off: its bound of tokens was used up")


async def test_the_timeline_names_the_tool_that_an_agent_chose(console: OpenConsole) -> None:
    engine = an_engine()
    steps = [step.model_copy(update={"name": "files.read"}) for step in agent_steps()]
    engine.stored_steps["run-1"] = tuple(steps)
    async with console(engine, size=(100, 40)) as stage:
        await stage.until(lambda: stage.paged("#runs").row_count, "a run")
        await stage.press("enter")
        await stage.on(RunScreen)
        await stage.shows("calls/0/call files.r")


async def test_what_a_model_writes_cannot_look_like_a_line_of_the_console(console: OpenConsole) -> None:
    async with console(an_engine(), size=(100, 40)) as stage:
        await opened(stage)
        lines = [line.strip() for line in stage.text().splitlines()]
        broken = [line for line in lines if "xxxx" in line or "turn 8" in line]
        assert len(broken) > 2
        assert all(line.startswith(("│", "┆")) for line in broken)
        assert "│ turn 9 · openai gpt" in lines
        assert "│ ␛[2Jcall of files.write · COMPLETED" in lines


async def test_the_conversation_grows_while_it_is_shown(console: OpenConsole) -> None:
    engine = an_engine()
    async with console(engine, size=(100, 40)) as stage:
        await opened(stage)
        engine.stored_steps["run-1"] = answered()
        engine.news()
        await stage.shows("There are beans.")
        assert "turn 2 · openai gpt · 0 tokens in, 0 out" in stage.text()
        await stage.press("escape")
        await stage.on(RunScreen)


async def test_an_agent_that_waits_has_a_line_whose_enter_sends_what_is_written(console: OpenConsole) -> None:
    engine = a_waiting_engine()
    async with console(engine, size=(100, 40)) as stage:
        await talking(stage)
        await stage.press("T", "enter")
        await stage.press(*"Hi E")
        await stage.press("enter")
        await stage.until(lambda: bool(engine.asked("answer")), "an answer")
        assert engine.stored_forms["form-1"].answered_by is not None
        await stage.until(lambda: "Your message" not in stage.text(), "no line while nobody waits")
        engine.stored_steps["run-1"] = waiting_steps(2)
        engine.add(message_form(2))
        engine.news()
        await stage.shows("Your message")
        await stage.press(*"On", "enter")
        await stage.until(lambda: engine.stored_forms["form-2"].answered_by is not None, "the next answer")
        assert engine.asked("answer")[-1][1] == {"text": "On"}
        await stage.until(lambda: "Your message" not in stage.text(), "no line while nobody waits")
        await stage.press("escape")
        await stage.on(RunScreen)


async def test_images_are_named_in_a_line_of_their_own_and_go_with_the_next_message(
    console: OpenConsole,
) -> None:
    engine = a_waiting_engine()
    async with console(engine, size=(100, 40)) as stage:
        await talking(stage)
        assert "image files" not in stage.text()
        await stage.press("T", "f3")
        await stage.shows("image files that go with your message")
        await stage.press("enter")  # none after all
        await stage.until(lambda: "image files" not in stage.text(), "no empty line")
        await stage.press("f3", *"'my shot.png", "enter", *"Look", "enter")
        await stage.shows("a quote of the line of images is not closed")
        await stage.press("end", "'", "enter", "enter")
        await stage.until(lambda: bool(engine.asked("answer")), "an answer")
        assert engine.asked("answer")[0][1] == {"text": "Look", "images": ["my shot.png"]}
        await stage.until(lambda: "my shot" not in stage.text(), "an empty line for the next one")


async def test_skills_that_a_message_names_go_with_it(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run(status=RunStatus.PENDING_USER_INPUT), message_form(skills=["review"]))
    engine.stored_steps["run-1"] = waiting_steps()
    async with console(engine, size=(140, 40)) as stage:
        await talking(stage)
        assert "skills: /review" in stage.text()
        await stage.press("T", *"/review it, /none", "enter")
        await stage.until(lambda: bool(engine.asked("answer")), "an answer")
        assert engine.asked("answer")[0][1] == {"text": "/review it, /none", "skills": ["review"]}


class FakeSlowRequests(FakeRequests):
    """Requests whose answers are taken when the test says so."""

    go_on = asyncio.Event()

    async def answer(self, *given: Any, **more: Any) -> AnswerView:
        await self.go_on.wait()
        return await super().answer(*given, **more)


async def test_what_is_typed_on_while_a_message_is_being_taken_stays(console: OpenConsole) -> None:
    engine = a_waiting_engine()
    engine.requests = slow = FakeSlowRequests(engine)
    async with console(engine, size=(100, 40)) as stage:
        await talking(stage)
        await stage.press("T", *"One", "enter", *" two")
        await stage.until(lambda: "One two" in stage.text(), "typed on")
        slow.go_on.set()
        await stage.until(lambda: bool(engine.asked("answer")), "an answer")
        assert engine.asked("answer")[0][1] == {"text": "One"}
        line = stage.app.screen.query_one("#message", SafeInput)
        await stage.until(lambda: line.value == " two", "what was said is gone, the rest is not")


async def test_a_message_that_was_not_sent_is_there_again_and_one_that_was_is_not(
    console: OpenConsole,
) -> None:
    engine = a_waiting_engine()
    async with console(engine, size=(100, 40)) as stage:
        await talking(stage)
        await stage.press("T", *"Look at", "escape", "escape")
        await stage.on(RunScreen)
        await stage.press("T")
        await stage.on(ConversationScreen)
        await stage.shows("Look at")
        await stage.press("T", "end", *" it", "enter")
        await stage.until(lambda: bool(engine.asked("answer")), "an answer")
        assert engine.asked("answer")[0][1] == {"text": "Look at it"}
        await stage.until(lambda: not engine.drafts.stored, "nothing is kept any more")


async def test_a_conversation_is_ended_by_its_key(console: OpenConsole) -> None:
    engine = a_waiting_engine()
    async with console(engine, size=(100, 40)) as stage:
        await talking(stage)
        for keys in (("enter",), ("f2",), ("escape",)):
            await stage.press("E")
            await stage.on(EndMenu)
            await stage.press(*keys)
            await stage.on(ConversationScreen)
        await stage.press("E")
        await stage.on(EndMenu)
        await stage.press("j", "enter")
        await stage.shows("Enter never decides: F2 does it, Esc closes")
        assert not engine.asked("answer")
        await stage.press("f2")
        await stage.until(lambda: engine.stored_forms["form-1"].answered_by is not None, "an answer")
        assert engine.asked("answer")[0][1] == {"text": ""}


async def test_where_no_message_is_waited_for_there_is_nothing_to_end_and_nobody_is_asked(
    console: OpenConsole,
) -> None:
    async with console(an_engine(), size=(100, 40)) as stage:
        await stage.until(lambda: stage.paged("#runs").row_count, "a run")
        await stage.press("enter", "T")
        await stage.on(ConversationScreen)
        await stage.shows("turn")
        await stage.press("E")
        await stage.until(lambda: "This agent does not wait for a message now" in stage.notices())
        await stage.on(ConversationScreen)


async def test_a_run_without_an_agent_has_nobody_to_talk_to(console: OpenConsole) -> None:
    async with console(FakeEngine().add(a_run()), size=(100, 40)) as stage:
        await stage.until(lambda: stage.paged("#runs").row_count, "a run")
        await stage.press("enter")
        await stage.on(RunScreen)
        await stage.press("T")
        await stage.shows("This run has no agent.")


async def test_the_packs_begin_the_conversation_that_a_pack_has(console: OpenConsole) -> None:
    talk = a_flow("talk", {"type": "object", "properties": {"message": {"type": "string"}}}, converses=True)
    async with console(FakeEngine(stored_packs=(a_pack(a_flow(), talk),)), size=(100, 40)) as stage:
        await stage.press("5")
        await stage.shows("hello")
        await stage.press("T")
        await stage.on(StartFormScreen)
        await stage.shows("Start hello/talk")


async def test_an_agent_of_another_program_shows_what_it_said_asks_and_says_now(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run(status=RunStatus.PENDING_HUMAN))
    engine.stored_steps["run-1"] = outside_steps()
    engine.stored_output["run-1"] = [a_line("work/0/prompt", "it goes on")]
    async with console(engine, size=(80, 24)) as stage:
        await long_one(stage)
        await stage.shows("turn 1 · asks · acp:box · 1 call")
        await stage.shows("│ it goes on")
        assert "│ I look first." in stage.text()
        await stage.press("i")
        row = turns_of(stage).row_at(turns_of(stage).cursor_row)
        assert row is not None
        assert row.cells[0].text.startswith("  call of Edit a.txt · pending human")
