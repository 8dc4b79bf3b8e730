"""The conversation of an agent: opened from the timeline, fenced, growing while it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.status import RunStatus
from screens.run.conversation_screen import ConversationScreen
from screens.run.screen import RunScreen
from screens.runs.start import StartFormScreen
from tests.fakes.conversations import agent_steps, answered, message_form, waiting_steps
from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_flow, a_pack, a_run

if TYPE_CHECKING:
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
        await stage.press("escape")
        await stage.on(RunScreen)


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
