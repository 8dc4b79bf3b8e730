"""Workers as they are registered: which ones live, and which models each leaves alone after failures."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from engine.facade.engine import RestingModel, WorkerView
from engine.runtime.processes import gone_workers
from engine.runtime.rounds import NEXT_ROUND
from engine.runtime.shared_notes import read_or_begin

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.journal.port import Journal
    from engine.runtime.clock import Clock

logger = logging.getLogger(__name__)

_NOTES = "resting models"
"""By worker and model the time since the machine was started when it is tried again."""
_TRIES = 5
"""So often a note is written anew that another worker wrote at the same time; the next look goes on."""


class RestingNotes:
    """Notes for everybody which models this worker leaves alone: only it knows. `left` tells them, each with
    the seconds until it is tried again; 0: the next call is the try."""

    def __init__(
        self, journal: Journal, clock: Clock, worker_id: str, left: Callable[[], Mapping[str, float]]
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._worker_id = worker_id
        self._left = left
        self._told: dict[str, int] = {}

    async def tell(self) -> float:
        """Note what has changed since; nothing is read or written as long as every model answers. The seconds
        until it has to look again: that a model rests stands nowhere else."""
        now = self._clock.uptime()
        until = {name: now + round(seconds * 1_000_000) for name, seconds in self._left().items()}
        if until.keys() == self._told.keys() and all(
            moment <= max(self._told[name], now) + 500_000 for name, moment in until.items()
        ):
            return NEXT_ROUND
        for _ in range(_TRIES):
            version, known = await read_or_begin(self._journal.shared_notes, _NOTES)
            alive = {row.worker_id for row in await self._journal.workers()}
            others = {name: one for name, one in known.items() if name in alive and name != self._worker_id}
            text = json.dumps({**others, **({self._worker_id: until} if until else {})})
            if await self._journal.shared_notes.note(_NOTES, text, version):
                self._log(until, now)
                self._told = until
                break
        return NEXT_ROUND

    def _log(self, until: Mapping[str, int], now: int) -> None:
        """What has begun to rest, and what rests no more: the notes tell of now alone."""
        for name in sorted(until.keys() - self._told.keys()):
            seconds = max(0, until[name] - now) / 1_000_000
            logger.warning("the model %s failed too often: it is left alone for %.0f s", name, seconds)
        for name in sorted(self._told.keys() - until.keys()):
            logger.info("the model %s is asked again", name)


async def worker_views(journal: Journal, clock: Clock) -> tuple[WorkerView, ...]:
    """The workers that are registered."""
    rows, uptime = await journal.workers(), clock.uptime()
    _, resting = await read_or_begin(journal.shared_notes, _NOTES)
    gone = await gone_workers(rows)
    return tuple(
        WorkerView(
            row.worker_id,
            row.host,
            row.pid,
            row.worker_id not in gone and row.expires_at >= uptime,
            row.runs_held,
            tuple(
                RestingModel(name, max(0.0, (until - uptime) / 1_000_000))
                for name, until in sorted(resting.get(row.worker_id, {}).items())
            ),
        )
        for row in rows
    )
