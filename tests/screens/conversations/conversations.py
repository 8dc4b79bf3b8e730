"""Conversations of agents for screens, short and long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.runs.run import OutputLine
from engine.contracts.status import RunStatus, StepStatus
from screens.run.conversation.screen import ConversationScreen
from screens.run.conversation.table import TurnsTable
from screens.run.screen import RunScreen
from tests.fakes.conversations import (
    agent_steps,
    long_steps,
    message_form,
    waiting_steps,
)
from tests.fakes.engine import FakeEngine
from tests.fakes.views import NOW, a_run

if TYPE_CHECKING:
    from tests.screens.conftest import Stage


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
