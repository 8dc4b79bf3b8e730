"""Bars of the pages of runs that were looked at last: events are only ever added, so the next look at a page
reads only new ones."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.runtime.views.timelines.timeline_spans import Bar, Bars

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.journal.port import Journal

EVENTS_AT_ONCE = 250
KEPT_RUNS = 32
"""Runs of which the page is kept that was looked at last: those on the screen, with their child runs."""


@dataclass(slots=True)
class _Read:
    """The bars of a page of a run, from behind the event `since` on, as far as they were read."""

    since: int = 0
    after: int = 0
    bars: Bars = field(default_factory=Bars)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class BarCache:
    """Keeps the bars of runs that were looked at last."""

    def __init__(self, most: int = KEPT_RUNS) -> None:
        self._most = most
        self._runs: OrderedDict[str, _Read] = OrderedDict()

    async def bars(
        self, journal: Journal, run_id: str, since: int, until: int
    ) -> tuple[Mapping[str, Bar], int]:
        """The bars of a run by path of the execution, from the events after the number `since` up to `until`,
        and how many these are."""
        read = self._of(run_id)
        async with read.turn:
            if read.since != since:
                read.since, read.after, read.bars = since, since, Bars()
            while read.after < until:
                limit = min(EVENTS_AT_ONCE, until - read.after)
                page = await journal.page_events(run_id, read.after, limit)
                read.bars.take(page)
                read.after = page[-1].run_seq if page else read.after
                if len(page) < limit:
                    break
            return read.bars.by_path, read.after - since

    def _of(self, run_id: str) -> _Read:
        """Of this run; of the others the one that was not looked at for longest may go."""
        read = self._runs.setdefault(run_id, _Read())
        self._runs.move_to_end(run_id)
        if len(self._runs) > self._most:
            self._runs.popitem(last=False)
        return read
