"""Draws the pictures of README and docs: the real console on the demonstration, an hour of it in a minute.

Run by `make picture`. Everything happens in temporary folders that are gone afterwards.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from engine import open_engine
from engine.contracts.actor import Actor
from engine.contracts.runs.listed import RunFilter
from engine.contracts.status import RunStatus
from engine.contracts.times import from_micros
from vasini_tui.console.app import ConsoleApp
from vasini_tui.console.options import ConsoleOptions
from vasini_tui.demo.workspace import LABEL, PREFIX, open_demo
from vasini_tui.output import Output
from vasini_tui.settings.loading import load_settings
from vasini_tui.wiring import Session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from textual.pilot import Pilot

    from engine.config import EngineConfig
    from engine.facade.engine import Engine
    from vasini_tui.demo.workspace import Demo

WIDTH, HEIGHT = 110, 32
DOCS = Path(__file__).parent
ACTOR = Actor(name="ana", via="console")
DEADLINE = 30.0
DAY = 86_400.0
SECONDS = 60.0
"""How long the demonstration runs before it is drawn."""
SPEED = 50
_SHOP = "the-shop"


class FastClock:
    """A clock that runs ahead, so that the runs of a minute have the ages of an hour."""

    def __init__(self) -> None:
        self._begin = time.time_ns() // 1_000
        self._stopped: int | None = None

    def now(self) -> int:
        """Microseconds since the epoch."""
        passed = time.time_ns() // 1_000 - self._begin
        return self._stopped or self._begin + passed * SPEED

    def uptime(self) -> int:
        """Microseconds since the machine was started; they pass as quickly."""
        return self.now()

    def stop(self) -> None:
        """The moment of the pictures."""
        self._stopped = self.now()


async def main() -> None:
    """Let the demonstration run, open the console on it, draw."""
    clock = FastClock()
    with TemporaryDirectory() as home:
        os.environ["VASINI_HOME"] = home
        out = Output(as_json=False, stdout=sys.stdout, stderr=sys.stderr)

        @asynccontextmanager
        async def opener(config: EngineConfig) -> AsyncIterator[Engine]:
            # a lease that does not end while the clock runs ahead
            async with open_engine(replace(config, lease_seconds=DAY), clock=clock) as engine:
                yield engine

        session = Session(load_settings(), ACTOR, out, opener)
        async with open_demo(session, tenant="default", pace=0.5) as demo:
            await asyncio.sleep(SECONDS)
            clock.stop()
            await _draw(demo, clock)


async def _draw(demo: Demo, clock: FastClock) -> None:
    app = ConsoleApp(
        demo.engine,
        actor=ACTOR,
        tenant="default",
        settings=ConsoleOptions(bell=False, label=LABEL),
        now=lambda: from_micros(clock.now()),
    )
    scan = RunFilter(status=(RunStatus.COMPLETED,), pack="repo-steward", flow="secret-scan")
    scanned = (await demo.engine.runs.list(scan, limit=1)).items[0].run_id
    async with app.run_test(size=(WIDTH, HEIGHT)) as pilot:
        await _write(pilot, "console.svg", "Status")
        await pilot.press("2")
        await _write(pilot, "approvals.svg", "What exactly will happen")
        await pilot.press("3")
        await _until(pilot, lambda: "Title" in _text(app))
        await pilot.press("G")  # colleagues leave the newest
        await pilot.press("enter")
        await _write(pilot, "form.svg", "Submit")
        await pilot.press("escape", "1")
        app.open_run(scanned)
        await _write(pilot, "run.svg", "survey")
        await pilot.press("l")
        await _write(pilot, "log.svg", "run_completed")
        await pilot.press("escape", "c")
        await _write(pilot, "start.svg", "release-notes")
        await pilot.press("escape")
        await pilot.press("colon")
        await _write(pilot, "palette.svg", "vasini ")


def _text(app: ConsoleApp) -> str:
    return re.sub(r"<[^>]*>", "", app.export_screenshot()).replace("&#160;", " ")


async def _until(pilot: Pilot[int], holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not holds():
            await pilot.pause(0.1)


async def _write(pilot: Pilot[int], name: str, words: str) -> None:
    """Draw what is on the screen as soon as it has these words."""
    app = pilot.app
    assert isinstance(app, ConsoleApp)
    await _until(pilot, lambda: words in _text(app))
    await pilot.pause(1)
    picture = re.sub(r"@font-face \{.*?\}", "", app.export_screenshot(title="vasini"), flags=re.DOTALL)
    # Not every viewer keeps the spaces a text begins with.
    picture = picture.replace("<text ", '<text xml:space="preserve" ')
    # Of the same length, so that the columns stay where they are; a name to look for, nothing is made there.
    # A column may cut it anywhere.
    picture = picture.replace("/tmp", "/srv")  # noqa: S108
    picture = re.sub(rf"{PREFIX}(\w+)", lambda found: PREFIX + _SHOP[: len(found[1])], picture)
    picture = picture.replace(f"{_SHOP}/home", f"{_SHOP}/data")
    if found := re.search(r".{0,60}/(home|root)\b.{0,20}", picture):
        sys.exit(f"{name} shows a path of this machine: {found[0]}")
    (DOCS / name).write_text(picture, "utf-8")


if __name__ == "__main__":
    asyncio.run(main())
