"""What was closed is let go: a console stays open for weeks."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING

from screens.overlays.help_screen import HelpScreen
from screens.run.screen import RunScreen
from screens.runs.screen import RunsScreen
from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_run

if TYPE_CHECKING:
    from tests.screens.conftest import OpenConsole


async def test_the_drawn_lines_of_closed_screens_are_let_go(console: OpenConsole) -> None:
    async with console(FakeEngine().add(a_run())) as stage:
        await stage.shows("● running")
        drawn = []
        for key, screen in (("enter", RunScreen), ("?", HelpScreen)):
            await stage.press(key)
            await stage.on(screen)
            await stage.settle()
            drawn += [weakref.ref(widget._styles_cache) for widget in stage.app.screen.query("*")]
        await stage.press("escape")
        await stage.on(RunScreen)
        await stage.press("escape")
        await stage.on(RunsScreen)

        def kept() -> int:
            gc.collect()
            return sum(lines() is not None for lines in drawn)

        await stage.until(lambda: not kept(), "nothing of the closed screens is kept")
