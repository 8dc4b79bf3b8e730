"""A console of the chaos test: `python -m tests.system.chaos.chaos_console HOME` on a terminal."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from engine.contracts.actor import Actor
from engine.runtime.embedded.engine import open_engine
from tests.system.chaos.chaos_roles import MachineClock
from tests.system.drill import config, registry
from tests.system.terminals.terminal import Terminal
from vasini_tui.console.options import ConsoleOptions, Workplace
from vasini_tui.console.running import run_console

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ROOT = Path(__file__).parents[3]
LOOKS_SECONDS = 0.8
OPERATOR = Actor(name="kim", via="console")


class ChaosConsole:
    """A console on a terminal, whose operator approves whatever card is shown."""

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        argv = [sys.executable, "-m", "tests.system.chaos.chaos_console", str(home)]
        env = {**environment, "TERM": "xterm-256color"}
        self._terminal = Terminal(argv, env=env, cwd=ROOT, size=(120, 40))
        self._rests_until = 0.0

    def press(self) -> None:
        """The next key of its operator, who looks before: keys that come too soon decide nothing."""
        if time.monotonic() < self._rests_until:
            return
        text = self._terminal.text
        if "What exactly will happen" in text:
            self._terminal.press("a")
            self._rests_until = time.monotonic() + LOOKS_SECONDS
        elif "Runs" in text and "Approvals" in text:
            self._terminal.press("2")
            self._rests_until = time.monotonic() + LOOKS_SECONDS

    @property
    def gone(self) -> bool:
        """Whether its process has ended."""
        return self._terminal.process.poll() is not None

    def kill(self) -> None:
        """kill -9, and its terminal is closed."""
        self._terminal.close()


@asynccontextmanager
async def _workplace(home: Path) -> AsyncIterator[Workplace]:
    settings, tools = config(home), registry(home)
    async with open_engine(settings, registry=tools, clock=MachineClock(home)) as engine:
        yield Workplace(engine)


async def main() -> int:
    """The exit status."""
    opening = _workplace(Path(sys.argv[1]))
    return await run_console(opening, actor=OPERATOR, tenant="default", settings=ConsoleOptions(bell=False))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
