"""The feed of the fake engine."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from engine.errors import VasiniError
from engine.facade.feed import ALL_NEWS, FeedBatch, Topic, latest
from engine.governance.access import AccessScoped

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection

    from tests.fakes.engine import FakeEngine


@dataclass
class FakeFeed(AccessScoped):
    """Every subscriber has a queue; an exception in it breaks the subscription.

    While `script` has something, it happens when somebody reads, one at a time; then a batch says so.
    """

    engine: FakeEngine
    queues: list[asyncio.Queue[FeedBatch | VasiniError]] = field(default_factory=list)
    script: list[Callable[[], None]] = field(default_factory=list)
    subscriptions: int = 0

    def publish(self, batch: FeedBatch | VasiniError) -> None:
        """Hand a batch, or a failure, to every reader."""
        for queue in self.queues:
            queue.put_nowait(batch)

    @asynccontextmanager
    async def subscribe(
        self, *, run_id: str | None = None, topics: Collection[Topic] = ALL_NEWS
    ) -> AsyncIterator[AsyncIterator[FeedBatch]]:
        self.engine.feed.subscriptions += 1
        self.engine.note("subscribe", run_id)
        queue: asyncio.Queue[FeedBatch | VasiniError] = asyncio.Queue()
        self.queues.append(queue)
        try:
            yield self._batches(queue, run_id, topics)
        finally:
            self.queues.remove(queue)

    async def _batches(
        self,
        queue: asyncio.Queue[FeedBatch | VasiniError],
        run_id: str | None,
        topics: Collection[Topic],
    ) -> AsyncIterator[FeedBatch]:
        while True:
            if self.script:
                self.script.pop(0)()
                yield FeedBatch()
                continue
            batch = await queue.get()
            if isinstance(batch, VasiniError):
                raise batch
            told = self._narrowed(batch, run_id, topics)
            if told != FeedBatch():
                yield told

    def _narrowed(self, batch: FeedBatch, run_id: str | None, topics: Collection[Topic]) -> FeedBatch:
        events = tuple(event for event in batch.events if self._tells_of(event.run_id, run_id))
        notices = latest([notice for notice in batch.notices if notice.topic in topics])
        return replace(batch, events=events if Topic.EVENTS in topics else (), notices=notices)

    def _tells_of(self, run_id: str, wanted: str | None) -> bool:
        run = self.engine.stored_runs.get(run_id)
        return wanted in (None, run_id) and (run is None or self.access.sees(run.tenant))
