"""A console with one more view: what a newcomer writes, a screen and its entry in the list of views.

Run as a process of its own: the list is read when screens and keys are loaded.
"""
# ruff: noqa: E402  # screens are loaded after the view is known

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING

from screens.keys import views

views.VIEWS = (
    *views.VIEWS,
    views.View(
        "notes",
        "6",
        "Notes",
        "Notes on runs",
        "vasini notes",
        "tests.screens.frame.added_view:NotesScreen",
        "notes",
    ),
)

from engine.contracts.actor import Actor
from engine.safe_text import sanitize
from screens.frame.screen import ConsoleScreen
from screens.keys.keymap import read_keymap
from screens.widgets.plain import Plain
from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_run
from tests.patience import PATIENCE
from tests.screens.picture import characters, strips
from vasini_tui.console.app import ConsoleApp
from vasini_tui.console.options import ConsoleOptions

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.pilot import Pilot


class NotesScreen(ConsoleScreen):
    """Shows nothing but a line."""

    view = "notes"

    def body(self) -> ComposeResult:
        yield Plain(sanitize("No notes yet"))


async def _shows(pilot: Pilot[int], words: str) -> None:
    """Wait until the words are on the screen, and write the screen down."""
    deadline = time.monotonic() + PATIENCE
    while words not in (text := "\n".join(characters(strips(pilot.app)))):
        assert time.monotonic() < deadline, f"never {words!r}\n{text}"
        await asyncio.sleep(0.01)
    sys.stdout.write(f"{text}\n")


async def _walk() -> None:
    actor = Actor(name="ben", via="console")
    app = ConsoleApp(
        FakeEngine().add(a_run()), actor=actor, tenant="default", settings=ConsoleOptions(bell=False)
    )
    async with app.run_test(size=(120, 40)) as pilot:
        await _shows(pilot, "● running")
        assert "tests.screens.frame.added_view" not in sys.modules, "loaded before it is wanted"
        await pilot.press("6")
        await _shows(pilot, "No notes yet")
        await pilot.press(":", *"notes")
        await _shows(pilot, "vasini notes")
        await pilot.press("escape", "?")
        await _shows(pilot, "Notes on runs")
    sys.stdout.write(read_keymap({"app.notes": ["5"]})[1][0].message)


if __name__ == "__main__":
    asyncio.run(_walk())
