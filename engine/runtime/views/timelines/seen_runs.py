"""Bars of the runs looked at last: events are only ever added, so the next look reads only new ones."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.runtime.views.timelines.timeline_spans import Bar, Bars

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.journal.port import Journal

MAX_EVENTS = 100_000
"""Events looked at; rows of later ones show only when they began and ended."""
EVENTS_AT_ONCE = 250
KEPT_RUNS = 32
"""Runs whose bars are kept: those on the screen, with their child runs."""


@dataclass(slots=True)
class _Read:
    """The bars of a run as far as its events were read."""

    bars: Bars = field(default_factory=Bars)
    after: int = 0
    events: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class SeenRuns:
    """What was read of runs."""

    def __init__(self, most: int = KEPT_RUNS) -> None:
        self._most = most
        self._runs: OrderedDict[str, _Read] = OrderedDict()

    async def bars(
        self, journal: Journal, run_id: str, most: int = MAX_EVENTS
    ) -> tuple[Mapping[str, Bar], int]:
        """The bars of a run by path of the execution, and how many events they come from, `most` at most."""
        read = self._of(run_id)
        async with read.turn:
            while read.events < most:
                limit = min(EVENTS_AT_ONCE, most - read.events)
                page = await journal.page_events(run_id, read.after, limit)
                read.bars.take(stored.event for stored in page)
                read.events += len(page)
                read.after = page[-1].run_seq if page else read.after
                if len(page) < limit:
                    break
        return read.bars.by_path, read.events

    def _of(self, run_id: str) -> _Read:
        """Of this run; of the others the one that was not looked at for longest may go."""
        read = self._runs.setdefault(run_id, _Read())
        self._runs.move_to_end(run_id)
        if len(self._runs) > self._most:
            self._runs.popitem(last=False)
        return read
