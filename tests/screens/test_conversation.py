"""The conversation of an agent: opened from the timeline, fenced, growing while it is shown."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from engine.contracts.runs.conversation import SpokenTurn
from engine.contracts.runs.listed import RunError
from engine.contracts.runs.run import OutputLine
from engine.contracts.status import RunStatus, StepStatus
from screens.frame.inputs import SafeInput
from screens.run.conversation.screen import ConversationScreen
from screens.run.conversation.table import TurnsTable
from screens.run.conversation_text import turn_line
from screens.run.screen import RunScreen
from screens.runs.start import StartFormScreen
from tests.fakes.conversations import (
    agent_steps,
    answered,
    asking_steps,
    long_steps,
    message_form,
    outside_steps,
    waiting_steps,
)
from tests.fakes.engine import FakeEngine
from tests.fakes.requests import FakeRequests
from tests.fakes.views import NOW, a_flow, a_pack, a_run, a_step

if TYPE_CHECKING:
    from engine.contracts.runs.request import AnswerView
    from tests.screens.conftest import OpenConsole, Stage


async def opened(stage: Stage) -> None:
    await stage.until(lambda: stage.paged("#runs").row_count, "a run")
    await stage.press("enter")
    await stage.on(RunScreen)
    await stage.until(lambda: "look" in stage.text(), "the timeline")
    await stage.press("enter")
    await stage.on(ConversationScreen)
    await stage.shows("turn 1")


def an_engine() -> FakeEngine:
    engine = FakeEngine().add(a_run(status=RunStatus.RUNNING))
    engine.stored_steps["run-1"] = agent_steps()
    return engine


async def test_enter_on_an_agent_opens_its_conversation_with_calls_and_results(console: OpenConsole) -> None:
    async with console(an_engine(), size=(100, 40)) as stage:
        await opened(stage)
        text = stage.text()
        assert "agent look · RUNNING · 2 turns" in text
        assert "turn 1 · scripted (no model was asked) · 1,200 tokens in, 34 out, estimated" in text
        assert '→ {"path": "a.txt"}' in text
        assert '← {"text": "beans"}' in text
        assert "✗ not_found: there is no tool files.none" in text
        assert "turn 2 · RUNNING" in text


def test_a_turn_says_what_it_cost_or_that_nobody_knows() -> None:
    turn = SpokenTurn(step_id="look/0/model", status=StepStatus.COMPLETED, input_tokens=9, output_tokens=2)
    assert turn_line(1, turn).endswith("9 tokens in, 2 out")
    assert turn_line(1, turn.model_copy(update={"cost": 1_500_000})).endswith("2 out, $0.0015")
    assert turn_line(1, turn.model_copy(update={"unpriced": 1})).endswith("2 out, of unknown cost")


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


def a_waiting_engine() -> FakeEngine:
    engine = FakeEngine().add(a_run(status=RunStatus.PENDING_USER_INPUT), message_form())
    engine.stored_steps["run-1"] = waiting_steps()
    return engine


async def talking(stage: Stage) -> None:
    await stage.until(lambda: stage.paged("#runs").row_count, "a run")
    await stage.press("enter")
    await stage.on(RunScreen)
    await stage.press("T")
    await stage.on(ConversationScreen)
    await stage.shows("Your message; Enter sends it")


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


async def test_a_conversation_is_ended_by_its_key(console: OpenConsole) -> None:
    engine = a_waiting_engine()
    async with console(engine, size=(100, 40)) as stage:
        await talking(stage)
        await stage.press("E")
        await stage.until(lambda: engine.stored_forms["form-1"].answered_by is not None, "an answer")


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


def a_line(step_id: str, text: str) -> OutputLine:
    return OutputLine(ts=NOW, step_id=step_id, attempt=1, stream="out", text=text)


async def long_one(stage: Stage) -> None:
    await stage.until(lambda: stage.paged("#runs").row_count, "a run")
    await stage.press("enter", "T")
    await stage.on(ConversationScreen)


def turns_of(stage: Stage) -> TurnsTable:
    return stage.app.screen.query_one("#conversation", TurnsTable)


def a_long_engine(turns: int = 1_000, last: StepStatus = StepStatus.COMPLETED) -> FakeEngine:
    engine = FakeEngine().add(a_run(status=RunStatus.RUNNING))
    engine.stored_steps["run-1"] = long_steps(turns, last=last)
    return engine


async def test_of_a_long_conversation_the_newest_turns_are_open_and_the_others_are_read_when_seen(
    console: OpenConsole,
) -> None:
    engine = a_long_engine()
    async with console(engine, size=(80, 24)) as stage:
        await long_one(stage)
        await stage.shows("│ answer 1000")
        assert "agent look · RUNNING · 1,000 turns" in stage.text()
        assert "▾ turn 1000 · openai gpt · 5 tokens in, 7 out" in stage.text()
        read = [block for block in turns_of(stage).blocks if block.lines is not None]
        assert len(read) == 21
        await stage.press("g")
        await stage.shows("▸ turn 1 · openai gpt · 5 tokens in")
        assert "what it was told" in stage.text()
        unread = [block for block in turns_of(stage).blocks if block.heading is None]
        assert len(unread) > 900


async def test_turns_unfold_and_fold_and_all_is_folded_to_one_line(console: OpenConsole) -> None:
    async with console(a_long_engine(60), size=(80, 24)) as stage:
        await long_one(stage)
        await stage.shows("│ answer 60")
        await stage.press("g")
        await stage.shows("▸ turn 5 ·")
        table = turns_of(stage)
        table.show_source(5, 0)
        await stage.press("right")
        await stage.shows("│ answer 5")
        assert (table.current, table.source) == (5, 0)
        await stage.press("j", "left")
        await stage.until(lambda: "│ answer 5" not in stage.text(), "the turn is folded")
        await stage.press("space")
        await stage.shows("│ answer 5")
        await stage.press("enter")
        await stage.until(lambda: "│ answer 5" not in stage.text(), "the turn is folded")


async def test_words_are_found_in_turns_that_are_folded(console: OpenConsole) -> None:
    async with console(a_long_engine(200), size=(80, 24)) as stage:
        await long_one(stage)
        await stage.shows("│ answer 200")
        await stage.press("n")
        await stage.until(lambda: "Nothing to look for" in stage.notices())
        await stage.press("slash", *"needle", "enter")
        await stage.shows("│ answer 3 Needle")
        assert (turns_of(stage).current, turns_of(stage).source) == (3, 1)
        await stage.press("N")
        await stage.press("slash")
        await stage.press(*"s nowhere", "enter")
        await stage.until(lambda: "No line of the conversation" in stage.notices())
        await stage.press("escape")
        assert stage.app.screen.query_one("#turn-search").display is False
        await stage.on(ConversationScreen)


async def test_every_line_with_the_words_is_gone_to_in_turn(console: OpenConsole) -> None:
    async with console(a_long_engine(30), size=(80, 24)) as stage:
        await long_one(stage)
        await stage.shows("│ answer 30")
        await stage.press("slash", *"answer 2", "enter")
        table, seen = turns_of(stage), []
        await stage.until(lambda: table.current == 2, "the first match")
        for _ in range(12):
            seen.append(table.current)
            await stage.press("n")
            await stage.until(lambda: table.current != seen[-1], "the next match")
        assert seen == [2, *range(20, 30), 2]
        await stage.press("N")
        await stage.until(lambda: table.current == 2, "the match before")


async def test_the_key_of_the_request_goes_to_the_call_that_asks(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run(status=RunStatus.PENDING_HUMAN))
    engine.stored_steps["run-1"] = asking_steps()
    async with console(engine, size=(100, 40)) as stage:
        await opened(stage)
        await stage.shows("2 calls · asks")
        table = turns_of(stage)
        await stage.press("g", "j")
        table.set_open(1, opened=False)
        await stage.until(lambda: "call of files.read" not in stage.text(), "the turn is folded")
        await stage.press("i")
        await stage.shows("call of files.read · PENDING_HUMAN")
        row = table.row_at(table.cursor_row)
        assert row is not None
        assert row.cells[0].text.startswith("  call of files.read")
        await stage.press("i")
        await stage.until(lambda: "waits for nobody" in stage.notices(), "the request is asked for")


async def test_what_a_model_says_just_now_stands_behind_a_bar_in_its_turn(console: OpenConsole) -> None:
    engine = a_long_engine(3, StepStatus.RUNNING)
    engine.stored_output["run-1"] = [
        a_line("look/2/model", "first words"),
        a_line("look/1/model", "of another turn"),
        a_line("look/2/model", "\x1b[2Jturn 9 · ours"),
    ]
    async with console(engine, size=(80, 24)) as stage:
        await long_one(stage)
        await stage.shows("▾ turn 3 · RUNNING")
        await stage.shows("│ first words")
        await stage.shows("│ ␛[2Jturn 9 · ours")
        assert "another turn" not in stage.text()
        engine.stored_coming["run-1"] = [a_line("look/2/model", "and it goes")]
        await stage.shows("│ and it goes")
        engine.stored_coming["run-1"] = [a_line("look/2/model", "and it goes on")]
        await stage.shows("│ and it goes on")
        assert turns_of(stage).at_end
        engine.stored_steps["run-1"] = long_steps(3)
        engine.stored_coming.clear()
        engine.news()
        await stage.shows("│ answer 3")
        assert "and it goes" not in stage.text()


async def test_a_turn_that_is_folded_while_its_model_speaks_is_whole_when_it_is_unfolded(
    console: OpenConsole,
) -> None:
    engine = an_engine()
    engine.stored_steps["run-1"] = (
        *agent_steps()[:-1],
        a_step("look/1/message", type="message", output={"values": {"text": "Look again."}}),
        agent_steps()[-1],
    )
    engine.stored_output["run-1"] = [a_line("look/1/model", "first words")]
    async with console(engine, size=(80, 24)) as stage:
        await long_one(stage)
        await stage.shows("│ first words")
        table = turns_of(stage)
        whole = table.blocks[2].lines
        assert whole is not None
        assert "│ Look again." in whole
        table.set_open(2, opened=False)
        await stage.until(lambda: "first words" not in stage.text(), "the turn is folded")
        table.set_open(2, opened=True)
        await stage.until(lambda: table.blocks[2].lines == whole, "all of it")
        engine.stored_output["run-1"].append(a_line("look/1/model", "more words"))
        more = (*whole, "│ more words")
        await stage.until(lambda: table.blocks[2].lines == more, "what came since")


async def test_what_the_agent_was_told_unfolds_after_the_conversation_went_on(console: OpenConsole) -> None:
    engine = an_engine()
    async with console(engine, size=(100, 40)) as stage:
        await opened(stage)
        table = turns_of(stage)
        table.set_open(0, opened=False)
        await stage.until(lambda: "│ What is there?" not in stage.text(), "it is folded")
        engine.stored_steps["run-1"] = answered()
        engine.news()
        await stage.shows("There are beans.")
        table.set_open(0, opened=True)
        await stage.shows("│ What is there?")
        assert "turn 0" not in stage.text()
        assert "what it was told" in stage.text()


async def test_an_end_that_is_none_any_more_is_not_under_the_cursor(console: OpenConsole) -> None:
    error = RunError(code="loop_detected", message="again and again")
    told, *turns = answered()
    engine = FakeEngine().add(a_run(status=RunStatus.FAILED))
    engine.stored_steps["run-1"] = (
        told.model_copy(update={"status": StepStatus.FAILED, "error": error}),
        *turns,
    )
    async with console(engine, size=(100, 40)) as stage:
        await opened(stage)
        await stage.shows("loop_detected")
        await stage.press("G")
        engine.stored_steps["run-1"] = (told, *turns)
        engine.news()
        await stage.until(lambda: "loop_detected" not in stage.text(), "it has not ended")
        await stage.press("enter", "y")
        await stage.on(ConversationScreen)


async def test_who_reads_further_up_stays_there_while_a_model_speaks(console: OpenConsole) -> None:
    engine = a_long_engine(60, StepStatus.RUNNING)
    async with console(engine, size=(80, 24)) as stage:
        await long_one(stage)
        await stage.shows("▾ turn 60 · RUNNING")
        turns_of(stage).show_source(45, 1)
        await stage.shows("│ answer 45")
        engine.stored_output["run-1"] = [a_line("look/59/model", f"line {n}") for n in range(1, 50)]
        await stage.until(lambda: len(turns_of(stage).blocks[60].lines or ()) == 49, "what it says is there")
        assert (turns_of(stage).current, turns_of(stage).source) == (45, 1)
        assert "│ answer 45" in stage.text()


async def test_an_agent_of_another_program_shows_what_it_said_asks_and_says_now(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run(status=RunStatus.PENDING_HUMAN))
    engine.stored_steps["run-1"] = outside_steps()
    engine.stored_output["run-1"] = [a_line("work/0/prompt", "it goes on")]
    async with console(engine, size=(80, 24)) as stage:
        await long_one(stage)
        await stage.shows("turn 1 · acp:box · 1 call · asks")
        await stage.shows("│ it goes on")
        assert "│ I look first." in stage.text()
        await stage.press("i")
        row = turns_of(stage).row_at(turns_of(stage).cursor_row)
        assert row is not None
        assert row.cells[0].text.startswith("  call of Edit a.txt · PENDING_HUMAN")
