"""The one reader of the engine's feed: it gathers news and hands them on a few times a second.

News come one by one, thousands a second at worst; a screen is told of them at most fifteen times a second.
Nothing runs while nothing happens: the first news after a quiet time is handed on at once.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.facade.feed import Feed, FeedBatch, latest
from screens.frame.console_state import explain

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.contracts.runs.event_head import EventHead
    from engine.facade.feed import Notice

BATCHES_PER_SECOND = 15
KEPT_EVENTS = 2_000
RETRY_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class FeedPump:
    """Reads the feed until cancelled; `deliver` gets gathered batches, `report` the state of the line."""

    feed: Feed
    deliver: Callable[[FeedBatch], None]
    report: Callable[[str], None]
    retry_seconds: float = RETRY_SECONDS

    async def run(self) -> None:
        """Subscribe, gather, deliver; on an error report it, wait and subscribe again."""
        while True:
            gathered = _Gathered(self.deliver)
            try:
                async with self.feed.subscribe() as batches:
                    self.report("")
                    # What happened while nobody listened is in the journal: let screens read it.
                    gathered.add(FeedBatch(lagged=True))
                    async for batch in batches:
                        gathered.add(batch)
                self.report("engine stopped: its feed ended")
            except Exception as error:  # noqa: BLE001 - edge: reported in the header, then retried
                self.report(explain(error))
            finally:
                gathered.stop()
            await asyncio.sleep(self.retry_seconds)


class _Gathered:
    """News that wait for the next delivery."""

    def __init__(self, deliver: Callable[[FeedBatch], None]) -> None:
        self._deliver = deliver
        self._loop = asyncio.get_running_loop()
        self._events: list[EventHead] = []
        self._notices: list[Notice] = []
        self._lagged = False
        self._due: asyncio.TimerHandle | None = None
        self._last = 0.0

    def add(self, batch: FeedBatch) -> None:
        """Keep the batch; the oldest events go when there are too many, and the reader is told."""
        self._events.extend(batch.events)
        self._notices.extend(batch.notices)
        self._lagged = self._lagged or batch.lagged
        if len(self._events) > KEPT_EVENTS:
            del self._events[:-KEPT_EVENTS]
            self._lagged = True
        if self._due is None:
            wait = max(0.0, self._last + 1 / BATCHES_PER_SECOND - self._loop.time())
            self._due = self._loop.call_later(wait, self._flush)

    def stop(self) -> None:
        """Deliver nothing any more."""
        if self._due is not None:
            self._due.cancel()

    def _flush(self) -> None:
        self._due = None
        self._last = self._loop.time()
        batch = FeedBatch(tuple(self._events), self._lagged, latest(self._notices))
        self._events, self._notices, self._lagged = [], [], False
        self._deliver(batch)
