"""What ends the console is what its status says, whatever was about to open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual.containers import Container
from textual.css.query import NoMatches
from textual.widgets import Label

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


async def test_a_part_that_is_opened_while_the_console_ends_is_no_defect(
    console: OpenConsole, caplog: pytest.LogCaptureFixture
) -> None:
    apps = []

    async def open_and_end() -> None:
        async with console(FakeEngine()) as stage:
            apps.append(stage.app)
            opening = stage.app.screen.mount(NeedsItsChild())
            stage.app.exit(143)
            await opening

    with pytest.raises(NoMatches):  # Textual's own way to tell a test; the program reads `failure`
        await open_and_end()
    (app,) = apps
    assert app.return_value == 143
    assert app.failure is None
    assert "while the console ended" in caplog.text
