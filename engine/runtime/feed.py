"""News for readers: events of this process and others, gathered into batches."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from engine.facade import FeedBatch
from engine.runtime.views import event_view

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.journal.news import Change
    from engine.runtime.toolbox import Toolbox

READ_AT_ONCE = 500
GATHER_SECONDS = 0.01
GATHER_FROM = 50
"""While that many events come at a time, commits of one moment are read together."""
MAX_BEHIND = 50_000
"""Events a slow reader may be behind; it is told that it lagged and reads the journal."""


class Feed:
    """Implements `engine.facade.Feed` on a journal."""

    def __init__(self, box: Toolbox) -> None:
        self._box = box

    @asynccontextmanager
    async def subscribe(self, *, run_id: str | None = None) -> AsyncIterator[AsyncIterator[FeedBatch]]:
        """See facade."""
        journal = self._box.journal
        reader = _Reader(self._box, run_id, await journal.last_seq(), await journal.claims_version())
        undo = self._box.journal.on_news(reader.kick)
        try:
            yield reader.batches()
        finally:
            undo()


class _Reader:
    def __init__(self, box: Toolbox, run_id: str | None, cursor: int, claims: int) -> None:
        self._box = box
        self._run_id = run_id
        self._cursor = cursor
        self._kicked = asyncio.Event()
        self._lagged = False
        self._claims = claims
        self._look_at_claims = False

    def kick(self, change: Change) -> None:
        """Something was written."""
        self._look_at_claims |= change.claims
        self._kicked.set()

    async def batches(self) -> AsyncIterator[FeedBatch]:
        """One batch whenever there is something new."""
        count = 0
        while True:
            await self._kicked.wait()
            if count >= GATHER_FROM:
                await asyncio.sleep(GATHER_SECONDS)
            self._kicked.clear()
            batch = await self._read()
            count = len(batch.events)
            if batch.events or batch.lagged or batch.refresh:
                yield batch

    async def _read(self) -> FeedBatch:
        """The next events; when there are more, the reader is called again at once."""
        stored = await self._box.journal.feed_events(self._cursor, READ_AT_ONCE)
        lagged, self._lagged = self._lagged, False
        if stored:
            self._cursor = stored[-1].seq
        if len(stored) == READ_AT_ONCE:
            self._kicked.set()
            await self._skip()
        events = (item for item in stored if self._run_id is None or item.run_id == self._run_id)
        return FeedBatch(tuple(event_view(item) for item in events), lagged, await self._changed_lists())

    async def _changed_lists(self) -> frozenset[str]:
        """Lists that changed without an event; claims of another process are only told as a number."""
        if not self._look_at_claims:
            return frozenset()
        self._look_at_claims = False
        before, self._claims = self._claims, await self._box.journal.claims_version()
        return frozenset({"claims"}) if self._claims != before else frozenset()

    async def _skip(self) -> None:
        """Leave out what a reader that is too far behind would see far too late."""
        newest = await self._box.journal.last_seq()
        if newest - self._cursor > MAX_BEHIND:
            self._cursor = newest - MAX_BEHIND
            self._lagged = True
