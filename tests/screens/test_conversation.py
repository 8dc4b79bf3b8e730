"""The conversation of an agent: opened from the timeline, fenced, growing while it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.status import RunStatus
from screens.run.conversation_screen import ConversationScreen
from screens.run.screen import RunScreen
from tests.fakes.conversations import agent_steps, answered
from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_run

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
