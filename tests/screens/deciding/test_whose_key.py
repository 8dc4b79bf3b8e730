"""Only a key that a person pressed to decide decides."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from screens.approvals.dialogs import TypedWordDialog
from screens.approvals.screen import ApprovalsScreen
from screens.frame.keyboard import Keyboard
from tests.patience import PATIENCE
from tests.screens.deciding.decision_card import engine_with, to_card, to_decidable_card
from vasini_tui.console.app import ConsoleApp

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.screens.conftest import OpenConsole, Stage

WAITING: list[Callable[[bool], None]] = []


class SilentTerminal(ConsoleApp, inherit_bindings=True):
    """On a terminal that never tells what it shows."""

    def when_shown(self, then: Callable[[bool], None]) -> None:
        then(False)


class SlowTerminal(ConsoleApp, inherit_bindings=True):
    """On a terminal that has not shown the last frame yet."""

    def when_shown(self, then: Callable[[bool], None]) -> None:
        WAITING.append(then)


async def ready(stage: Stage) -> None:
    await to_decidable_card(stage)


async def taken(stage: Stage) -> None:
    """The key of a decision was taken, and is about to decide; nothing else has happened since."""
    deadline = time.monotonic() + PATIENCE
    while not any(worker.group == "decide" for worker in stage.app.workers):
        assert time.monotonic() < deadline
        await asyncio.sleep(0)


async def test_a_decision_key_that_comes_with_others_decides_nothing(console: OpenConsole) -> None:
    engine = engine_with()
    async with console(engine) as stage:
        await ready(stage)
        for burst in ("aj", "ja"):
            stage.burst(burst)
            await stage.shows("it came together with other keys")
            await stage.graced()
        stage.burst("a")
        await taken(stage)
        stage.burst("j")
        await stage.shows("other keys came with it. Press again")
        assert not engine.asked("approve")
        await stage.graced()
        await stage.press("a")
        await stage.until(lambda: engine.asked("approve"))


async def test_what_is_typed_on_after_a_refused_key_decides_nothing(console: OpenConsole) -> None:
    engine = engine_with()
    async with console(engine) as stage:
        await to_card(stage)
        await stage.press("r")
        await stage.shows("only just appeared")
        for letter in "a bad idea":
            stage.clock.seconds += 0.3
            await stage.press("space" if letter == " " else letter)
        await stage.shows("rest until no key has come for half a second")
        assert not engine.asked("approve")
        assert isinstance(stage.app.screen, ApprovalsScreen)


async def test_a_terminal_that_never_answers_asks_for_the_word(console: OpenConsole) -> None:
    engine = engine_with()
    async with console(engine, kind=SilentTerminal) as stage:
        await ready(stage)
        await stage.press("a")
        await stage.on(TypedWordDialog)
        assert not engine.asked("approve")


async def test_the_grace_begins_when_the_terminal_shows_the_card(console: OpenConsole) -> None:
    engine = engine_with()
    WAITING.clear()
    async with console(engine, kind=SlowTerminal) as stage:
        await ready(stage)
        await stage.press("a")
        await stage.shows("only just appeared")
        await stage.graced()
        for then in WAITING:
            then(True)
        await stage.press("a")
        await stage.shows("only just appeared")
        await stage.graced()
        await stage.press("a")
        await stage.until(lambda: engine.asked("approve"))


def test_a_held_key_is_a_burst_and_a_still_keyboard_forgets_a_refusal() -> None:
    keyboard = Keyboard()
    keyboard.came(1.0)
    assert not keyboard.problem()
    keyboard.refused()
    for repeat in range(20):
        keyboard.came(1.4 + 0.03 * repeat)
        assert keyboard.problem()
    keyboard.came(2.5)
    assert not keyboard.problem()
    keyboard.came(2.55)
    assert keyboard.problem()
