"""Frames that wait for a terminal are drawn when it has answered, and it is told when it shows them."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from contextvars import Context
from typing import TYPE_CHECKING, Any

from textual.driver import Driver

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
        self.drawn, self.told = (
            stage.app._in_context(act) for act in (stage.app._draw_withheld, stage.app._call_when_shown)
        )
        self.lost = stage.app.terminal_lost
        self.written: list[str] = []
        stage.app._driver = self

    def write(self, data: str) -> None:
        self.written.append(data)

    def answer(self) -> None:
        """In a context without the application, as from the thread that reads."""
        self._answered.set()
        self._loop.call_soon(self._answer, context=Context())


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
