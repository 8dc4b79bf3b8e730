"""The console on a fake engine: a frozen clock, no terminal, conditions instead of pauses."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from textual.events import Key
from textual.keys import _character_to_key
from textual.screen import Screen

from engine.contracts.actor import Actor
from screens.keys.keymap import read_keymap
from screens.widgets.plain import Plain
from screens.widgets.tables.paged_table import PagedTable
from screens.widgets.tables.row_table import RowTable
from tests.fakes.engine import FakeEngine
from tests.patience import PATIENCE
from tests.screens.picture import shown, unfinished
from tests.screens.stillness import draws_when_still, gathered_frame, press, resize, settle
from vasini_tui.console.app import ConsoleApp
from vasini_tui.console.options import ConsoleOptions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from textual.pilot import Pilot


@dataclass
class HandClock:
    """Monotonic seconds that stand still until a test moves them."""

    seconds: float = 100.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Stage:
    """A running console and what a test does with it."""

    app: ConsoleApp
    pilot: Pilot[int]
    engine: FakeEngine
    clock: HandClock = field(default_factory=HandClock)

    async def press(self, *keys: str) -> None:
        await press(self.app, *keys)

    def burst(self, letters: str) -> None:
        """Keys that come at once, as those of a paste do."""
        for letter in letters:
            self.app.post_message(Key(_character_to_key(letter), letter))

    async def write(self, text: str) -> None:
        """Type a text at once: a field is drawn when all of it is there."""
        self.burst(text)
        await self.settle()

    async def resize(self, width: int, height: int) -> None:
        await resize(self.app, width, height)

    async def settle(self) -> None:
        """Wait until everything has been done that does not wait for time to pass."""
        await settle(self.app)

    async def until(self, condition: Callable[[], object], what: str = "") -> None:
        """Poll until the condition holds; fail at the deadline with what is on the screen."""
        deadline = time.monotonic() + PATIENCE
        while not _holds(condition):
            await self.settle()
            if _holds(condition):
                return
            if time.monotonic() > deadline:
                raise AssertionError(f"never: {what or condition}\n{self.text()}")
            await asyncio.sleep(0.005)

    async def shows(self, words: str) -> None:
        await self.until(lambda: words in self.text(), f"{words!r} on the screen")

    async def on(self, screen: type[Screen[Any]]) -> None:
        await self.until(lambda: isinstance(self.app.screen, screen), f"screen {screen.__name__}")

    async def still(self) -> None:
        """Wait until everything that was asked for is read and drawn."""
        left: list[str] = []

        def nothing_left() -> bool:
            left[:] = unfinished(self.app)
            return not left

        try:
            await self.until(nothing_left)
        except AssertionError:
            raise AssertionError(f"never done: {left}") from None

    async def graced(self) -> None:
        """Wait until the card is drawn, then let the time of grace go by."""
        await self.still()
        self.clock.seconds += 10

    def text(self) -> str:
        """What the terminal shows."""
        return shown(self.app)

    def plain(self, selector: str) -> str:
        """The text of one widget."""
        return str(self.app.screen.query_one(selector, Plain).content)

    def table(self, selector: str) -> RowTable:
        return self.app.screen.query_one(selector, RowTable)

    def paged(self, selector: str) -> PagedTable:
        return self.app.screen.query_one(selector, PagedTable)

    def notices(self) -> str:
        return "\n".join(notice.message for notice in self.app._notifications)


class OpenConsole(Protocol):
    """Opens a console on an engine."""

    def __call__(
        self,
        engine: FakeEngine | None = None,
        *,
        size: tuple[int, int] = (100, 32),
        theme: str = "vasini-dark",
        keys: Mapping[str, Sequence[str]] | None = None,
        kind: type[ConsoleApp] = ConsoleApp,
        options: ConsoleOptions | None = None,
        clock: Callable[[], float] | None = None,
        notifications: bool = True,
    ) -> AbstractAsyncContextManager[Stage]: ...


def _holds(condition: Callable[[], object]) -> bool:
    return bool(condition())


@asynccontextmanager
async def _open(
    engine: FakeEngine | None = None,
    *,
    size: tuple[int, int] = (100, 32),
    theme: str = "vasini-dark",
    keys: Mapping[str, Sequence[str]] | None = None,
    kind: type[ConsoleApp] = ConsoleApp,
    options: ConsoleOptions | None = None,
    clock: Callable[[], float] | None = None,
    notifications: bool = True,
) -> AsyncIterator[Stage]:
    engine, by_hand = engine or FakeEngine(), HandClock()
    keymap, faults = read_keymap(keys or {})
    assert not faults
    app = kind(
        engine,
        actor=Actor(name="ben", via="console"),
        tenant="default",
        settings=options or ConsoleOptions(theme=theme, bell=False, keymap=keymap),
        clock=clock or by_hand,
        now=lambda: engine.clock,
    )
    draws_when_still(app)
    async with app.run_test(size=size, notifications=notifications) as pilot:
        stage = Stage(app, pilot, engine, by_hand)
        await stage.until(
            lambda: app.current_mode == "runs" and app.screen.query("#runs"), "the first screen"
        )
        yield stage


@pytest.fixture(autouse=True)
def _frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks at the frames between a key and its effect."""
    monkeypatch.setattr(Screen, "_compositor_refresh", gathered_frame)


@pytest.fixture
def console() -> OpenConsole:
    """Opens a console: `async with console(engine, size=(80, 24)) as stage`; the first screen is there.

    `options` take the place of `theme` and `keys`, `clock` that of the stage's own.
    """
    return _open


@pytest.fixture
def clock() -> HandClock:
    return HandClock()
