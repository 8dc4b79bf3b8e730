"""What ends the console is what its status says, whatever was about to open."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

import pytest
from textual.containers import Container
from textual.css.query import NoMatches
from textual.widgets import Label

from screens.widgets.working import begin
from tests.fakes.engine import FakeEngine

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from tests.screens.conftest import OpenConsole


class NeedsItsChild(Container):
    """As most parts of a screen: once mounted it fills what it has composed."""

    def compose(self) -> ComposeResult:
        yield Label()

    def on_mount(self) -> None:
        self.query_one(Label).update("here")


class LooksTooLate(Container):
    """Still fills itself when the console has begun to close."""

    async def on_mount(self) -> None:
        while self.app.is_running:  # noqa: ASYNC110 - Textual tells nobody
            await asyncio.sleep(0)
        self.query_one(Label)


class NeedsAnothersChild(Container):
    """A defect."""

    def on_mount(self) -> None:
        self.query_one(Label)


async def test_a_part_that_is_opened_while_the_console_ends_is_no_defect(
    console: OpenConsole, caplog: pytest.LogCaptureFixture
) -> None:
    async with console(FakeEngine()) as stage:
        opening = stage.app.screen.mount(NeedsItsChild())
        stage.app.exit(143)
        await opening
    assert stage.app.return_value == 143
    assert stage.app.failure is None
    assert "while the console ended" in caplog.text


async def test_nor_is_one_that_is_still_opening_when_the_console_closes(
    console: OpenConsole, caplog: pytest.LogCaptureFixture
) -> None:
    async with console(FakeEngine()) as stage:
        stage.app.screen.mount(LooksTooLate())
    assert stage.app.failure is None
    assert "while the console ended" in caplog.text


async def test_a_part_that_fails_before_is_one(console: OpenConsole) -> None:
    apps = []

    async def open_and_fail() -> None:
        async with console(FakeEngine()) as stage:
            apps.append(stage.app)
            await stage.app.screen.mount(NeedsAnothersChild())

    with pytest.raises(NoMatches):
        await open_and_fail()
    assert isinstance(apps[0].failure, NoMatches)


async def test_work_that_ends_before_it_began_leaves_nothing(console: OpenConsole) -> None:
    began = False

    async def work() -> None:
        nonlocal began
        began = True

    async with console(FakeEngine()) as stage:
        begin(stage.app.screen, work, group="late")
        stage.app.workers.cancel_all()
    assert not began
    gc.collect()  # a coroutine that nobody awaited would be warned about here
