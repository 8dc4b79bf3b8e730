"""Loads again when asked, one load at a time, and leaves the loop three quarters of its time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from screens.widgets.working import begin

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from textual.dom import DOMNode

LEAST_PAUSE = 0.1
"""Seconds between the end of a load and the next: at most ten redraws a second."""
LONGEST_PAUSE = 1.0
"""Seconds that news wait at most, also after a very long load, such as the first one of all packs."""

_SHARE = 3


class Refresher:
    """Any number of `ask` calls while a load runs become one more load after it."""

    def __init__(self, owner: DOMNode, load: Callable[[], Awaitable[Any]], group: str = "refresh") -> None:
        self._owner = owner
        self._load = load
        self._group = group
        self._wanted = False
        self._running = False
        self._pausing = False
        self._turn = 0

    @property
    def idle(self) -> bool:
        """Whether nothing is being loaded or yet to be."""
        return not self._wanted and (self._pausing or not self._running)

    def ask(self) -> None:
        """Load now, or right after the load that runs. Starts a worker that dies with its owner."""
        self._wanted = True
        if not self._running:
            self._start()

    def ask_at_once(self) -> None:
        """Load now: another thing is to be shown, so a load or pause that is under way ends."""
        self._wanted = True
        self._owner.workers.cancel_group(self._owner, self._group)
        self._start()

    def _start(self) -> None:
        self._running, self._pausing = True, False
        self._turn += 1
        begin(self._owner, self._run, group=self._group)

    async def _run(self) -> None:
        turn, loop = self._turn, asyncio.get_running_loop()
        try:
            while self._wanted:
                self._wanted = False
                started = loop.time()
                await self._load()
                pause = _SHARE * (loop.time() - started)
                self._pausing = True
                await asyncio.sleep(min(LONGEST_PAUSE, max(LEAST_PAUSE, pause)))
                self._pausing = False
        finally:
            if turn == self._turn:
                self._running = self._pausing = False
