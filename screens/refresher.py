"""Loads again when asked, one load at a time, and leaves the loop three quarters of its time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from textual.dom import DOMNode

LEAST_PAUSE = 0.1
"""Seconds between the end of a load and the next: at most ten redraws a second."""

_SHARE = 3


class Refresher:
    """Any number of `ask` calls while a load runs become one more load after it."""

    def __init__(self, owner: DOMNode, load: Callable[[], Awaitable[Any]]) -> None:
        self._owner = owner
        self._load = load
        self._wanted = False
        self._running = False

    def ask(self) -> None:
        """Load now, or right after the load that runs. Starts a worker that dies with its owner."""
        self._wanted = True
        if not self._running:
            self._running = True
            self._owner.run_worker(self._run(), group="refresh", exit_on_error=False)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._wanted:
                self._wanted = False
                started = loop.time()
                await self._load()
                await asyncio.sleep(max(LEAST_PAUSE, _SHARE * (loop.time() - started)))
        finally:
            self._running = False
