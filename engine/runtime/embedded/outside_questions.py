"""Withdrawing what agents elsewhere asked (`vasini mcp`) whose server was killed: nobody hears the answer."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from engine.contracts.actor import Actor
from engine.contracts.runs.run import RunFilter
from engine.contracts.status import RUN_TERMINAL, CancelMode, RunStatus
from engine.errors import Refused, VasiniError
from engine.runtime.processes import is_gone

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.runtime.embedded.runs import Runs

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
PACK = "outside"
MAX_LOOKED_AT = 500
_SLASHES = 3
"""In the name of a process."""
_OPEN = RunFilter(pack=PACK, status=tuple(status for status in RunStatus if status not in RUN_TERMINAL))
_ACTOR = Actor(name="vasini mcp", via="engine")


class OutsideQuestions:
    """Looks again and again whether the servers that asked are still there, while runs are worked here."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self._process: dict[str, str] = {}

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[None]:
        """Look again and again while the context is open."""
        looking = asyncio.create_task(self._look_on())
        try:
            yield
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking

    async def _look_on(self) -> None:
        """What one look cannot do the next one does."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except VasiniError as error:
                logger.warning("questions of agents elsewhere cannot be looked at: %s", error.message)

    async def look(self) -> None:
        """Withdraw every question whose server is certainly not there any more."""
        page = await self._runs.list(_OPEN, limit=MAX_LOOKED_AT)
        found: dict[str, str] = {}
        for run in page.items:
            found[run.run_id] = self._process.get(run.run_id) or await self._asked_by(run.run_id)
        self._process = found
        gone = await asyncio.to_thread(lambda: [run for run, by in found.items() if by and is_gone(by)])
        for run_id in gone:
            with suppress(Refused):  # it has ended meanwhile
                await self._runs.cancel(run_id, actor=_ACTOR, mode=CancelMode.NOW)

    async def _asked_by(self, run_id: str) -> str:
        given = (await self._runs.summary(run_id)).input
        process = given.get("process") if isinstance(given, dict) else None
        return process if isinstance(process, str) and process.count("/") == _SLASHES else ""
