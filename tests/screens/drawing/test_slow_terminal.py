"""Frames that wait for a terminal are drawn when it has answered, and it is told when it shows them."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from contextvars import Context
from typing import TYPE_CHECKING, Any

from rich.rule import Rule
from textual.driver import Driver
from textual.widget import Widget

from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_form, a_run
from vasini_tui.console.terminal.driver import PatientDriver

if TYPE_CHECKING:
    from tests.screens.conftest import OpenConsole, Stage


SCHEMA = {"type": "object", "properties": {"pick": {"enum": ["one", "two"]}}}


class ScriptedTerminal(PatientDriver):
    """A terminal that answers when the test says so."""

    def __init__(self, stage: Stage) -> None:
        Driver.__init__(self, stage.app, size=(100, 32))
        self._outlet = self._limit = None
        self._answers = True  # else a second of silence would count as an answer
        self._answered = threading.Event()
        self._answered.set()
        self._questions: deque[int] = deque()
        self.taken = asyncio.Event()
        self.frames = self.frames_shown = 0
        stage.app.listen_to(self)
        self.written: list[str] = []
        stage.app._driver = self

    def write(self, data: str) -> None:
        self.written.append(data)

    def answer(self) -> None:
        """In a context without the application, as from the thread that reads."""
        self._answered.set()
        self._loop.call_soon(self._answer, context=Context())


class Ruled(Widget):
    """Is rendered by Rich, which needs the application each time."""

    DEFAULT_CSS = "Ruled { height: 1; dock: bottom; }"

    def render(self) -> Rule:
        return Rule("ruled")


async def test_what_is_rendered_when_the_terminal_answers_is_rendered_for_the_application(
    console: OpenConsole,
) -> None:
    async with console(FakeEngine().add(a_run())) as stage:
        await stage.shows("● running")
        await stage.app.screen.mount(ruled := Ruled())
        await stage.shows("ruled")
        headless, terminal = stage.app._driver, ScriptedTerminal(stage)
        try:
            terminal.frame_ends()
            await stage.press("2")
            await stage.press("1")
            await stage.until(
                lambda: stage.app._withheld and ruled.is_attached and not stage.app._batch_count
            )
            ruled.refresh()
            stage.app.screen._dirty_widgets.add(ruled)  # as when its turn to be drawn has not come yet
            terminal._answered.set()
            Context().run(terminal._answer)  # from the thread that reads: no context of the application
            assert not stage.app._withheld
        finally:
            terminal._no_answer()
            stage.app._driver = headless


async def test_a_frame_that_waited_is_drawn_without_a_fault(console: OpenConsole) -> None:
    faults: list[dict[str, Any]] = []
    async with console(FakeEngine().add(a_run(), a_form("form-1", SCHEMA))) as stage:
        await stage.shows("● running")
        asyncio.get_running_loop().set_exception_handler(lambda _loop, fault: faults.append(fault))
        headless, terminal = stage.app._driver, ScriptedTerminal(stage)
        try:
            terminal.frame_ends()
            shown: list[bool] = []
            await stage.press("3", "enter")
            await stage.until(lambda: stage.app.screen.query("#form") and stage.app._withheld)
            stage.app.when_shown(shown.append)
            terminal.answer()
            await stage.until(lambda: terminal.frames == 2)
            assert not shown, "the frame is on its way"
            terminal.answer()
            await stage.until(lambda: shown == [True])
            assert any("Forms" in text for text in terminal.written)
        finally:
            terminal._no_answer()
            stage.app._driver = headless
    assert faults == []
