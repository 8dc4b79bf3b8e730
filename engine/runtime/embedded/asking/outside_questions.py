"""Withdrawing what agents elsewhere asked (`vasini mcp`) whose server was killed: nobody hears the answer."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from engine.contracts.actor import Actor
from engine.contracts.packs.started_for_people import OUTSIDE_PACK
from engine.contracts.runs.listed import RunFilter
from engine.contracts.status import RUN_TERMINAL, CancelMode, RunStatus
from engine.errors import Refused, Unavailable
from engine.runtime.processes import is_gone

if TYPE_CHECKING:
    from engine.runtime.embedded.runs import Runs

LOOK_SECONDS = 2.0
PACK = OUTSIDE_PACK
MAX_LOOKED_AT = 500
_SLASHES = 3
"""In the name of a process."""
_OPEN = RunFilter(pack=PACK, status=tuple(status for status in RunStatus if status not in RUN_TERMINAL))
_ACTOR = Actor(name="vasini mcp", via="engine")


class OutsideQuestions:
    """Looks whether the servers that asked are still there, while runs are worked here: that one was killed
    nobody writes, so it is looked every two seconds as long as there is a question."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self._process: dict[str, str] = {}

    async def look(self) -> float | None:
        """Withdraw every question whose server is certainly not there any more. The seconds until it has to
        look again though nothing changes; None without a question."""
        page = await self._runs.list(_OPEN, limit=MAX_LOOKED_AT)
        found: dict[str, str] = {}
        for run in page.items:
            found[run.run_id] = self._process.get(run.run_id) or await self._asked_by(run.run_id)
        self._process = found
        if not any(found.values()):
            return None
        gone = await asyncio.to_thread(lambda: [run for run, by in found.items() if by and is_gone(by)])
        for run_id in gone:
            with suppress(Refused):  # it has ended meanwhile
                await self._runs.cancel(run_id, actor=_ACTOR, mode=CancelMode.NOW)
        return LOOK_SECONDS

    async def _asked_by(self, run_id: str) -> str:
        """The process that asked, empty where that is not to be had."""
        try:
            given = (await self._runs.summary(run_id)).input
        except Unavailable as error:
            if error.may_pass:
                raise
            return ""
        process = given.get("process") if isinstance(given, dict) else None
        return process if isinstance(process, str) and process.count("/") == _SLASHES else ""
