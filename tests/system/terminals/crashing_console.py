"""A console with a defect: its clock fails when the ages on the screen are drawn again."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING

from engine.contracts.actor import Actor
from screens.frame.console_state import utc_now
from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_run
from vasini_tui.console.app import ConsoleApp
from vasini_tui.console.options import ConsoleOptions

if TYPE_CHECKING:
    from datetime import datetime


class FailingClock:
    """Right for two seconds."""

    def __init__(self) -> None:
        self._until = time.monotonic() + 2

    def now(self) -> datetime:
        if time.monotonic() > self._until:
            raise RuntimeError("the clock stopped")
        return utc_now()


async def main() -> int:
    engine = FakeEngine()
    engine.add(a_run(created_at=utc_now()))
    app = ConsoleApp(
        engine, actor=Actor(name="ana"), tenant="default", settings=ConsoleOptions(), now=FailingClock().now
    )
    await app.run_async()
    return 7 if isinstance(app.failure, RuntimeError) else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
