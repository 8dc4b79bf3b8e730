"""News for readers: events of this process and others, gathered into batches."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from engine.contracts.runs.event_head import EventHead
from engine.facade.feed import ALL_NEWS, FeedBatch, Topic, latest
from engine.governance.access import AccessScoped
from engine.machine.events.run_facts import RunQueued
from engine.runtime.embedded.notice_sources import AlertNotices, CapNotices, ClaimNotices, PackNotices

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

    from engine.governance.access import Access
    from engine.journal.changes import ChangeSet
    from engine.journal.port import Journal
    from engine.journal.records import StoredEvent
    from engine.runtime.embedded.notice_sources import NoticeSource
    from engine.runtime.pack_library.catalog_source import CatalogSource
    from engine.runtime.pack_library.watch import PackWatch

READ_AT_ONCE = 500
GATHER_SECONDS = 0.01
GATHER_FROM = 50
"""While that many events come at a time, commits of one moment are read together."""
MAX_BEHIND = 50_000
"""Events a slow reader may be behind; it is told that it lagged and reads the journal."""

MAX_KNOWN = 10_000
"""Runs of which a reader remembers the tenant: each is looked up once."""
_NOTHING_NEW = FeedBatch()


class Feed(AccessScoped):
    """Implements `engine.facade.feed.Feed` on a journal."""

    def __init__(self, journal: Journal, catalog: CatalogSource, watch: PackWatch) -> None:
        self._journal = journal
        self._catalog = catalog
        self._watch = watch

    @asynccontextmanager
    async def subscribe(
        self, *, run_id: str | None = None, topics: Collection[Topic] = ALL_NEWS
    ) -> AsyncIterator[AsyncIterator[FeedBatch]]:
        """See facade."""
        journal = self._journal
        every = (
            ClaimNotices(journal),
            CapNotices(journal.spending),
            AlertNotices(journal.levels, self.access),
            PackNotices(journal.packs, self._catalog, self._watch),
        )
        sources = [source for source in every if source.topic in topics]
        reader = _Reader(journal, self.access, run_id, topics, sources)
        async with AsyncExitStack() as stack:
            for source in sources:
                await stack.enter_async_context(source.open(reader.wake))
            reader.cursor = await journal.last_seq()
            stack.callback(journal.on_change(reader.kick))
            yield reader.batches()


class _Reader:
    def __init__(
        self,
        journal: Journal,
        access: Access,
        run_id: str | None,
        topics: Collection[Topic],
        sources: Collection[NoticeSource],
    ) -> None:
        self._journal = journal
        self.access = access
        self._tenants: dict[str, str] = {}
        self._run_id = run_id
        self._of_events = Topic.EVENTS in topics
        self.cursor = 0
        self._sources = sources
        self._kicked = asyncio.Event()
        self._lagged = False
        self._behind = False
        self._written: list[StoredEvent] = []

    def wake(self) -> None:
        """Something is new that no commit tells."""
        self._kicked.set()

    def kick(self, change: ChangeSet) -> None:
        """Something was written. What this process wrote comes with the news and is not read again."""
        if change.untold:
            return
        if self._of_events:
            self._written += change.events
            self._behind |= not change.events or change.foreign or len(self._written) > READ_AT_ONCE
            if self._behind:  # it is read from the file, however much comes until then
                self._written = []
        for source in self._sources:
            source.note(change)
        self._kicked.set()

    async def batches(self) -> AsyncIterator[FeedBatch]:
        """One batch whenever there is something new."""
        count = 0
        while True:
            await self._kicked.wait()
            if count >= GATHER_FROM:
                await asyncio.sleep(GATHER_SECONDS)
            self._kicked.clear()
            lagged, self._lagged = self._lagged, False
            heads = await self._next_heads() if self._of_events else []
            count = len(heads)
            notices = [notice for source in self._sources for notice in await source.take()]
            batch = FeedBatch(tuple(heads), lagged, latest(notices))
            if batch != _NOTHING_NEW:
                yield batch

    async def _next_heads(self) -> list[EventHead]:
        """The next events in view; when there are more, the reader is called again at once."""
        heads = await self._handed_over()
        if heads is None:
            heads = await self._journal.event_heads(self.cursor, READ_AT_ONCE)
        if heads:
            self.cursor = heads[-1].seq
        if len(heads) == READ_AT_ONCE:
            self._behind = True
            self._kicked.set()
            await self._skip()
        return [
            head for head in heads if self._run_id in {None, head.run_id} and self.access.sees(head.tenant)
        ]

    async def _handed_over(self) -> list[EventHead] | None:
        """The next events, if all of them came with the news; None when the file has to be read."""
        written = [item for item in self._written if item.seq > self.cursor]
        self._written = []
        behind, self._behind = self._behind, False
        follows = all(item.seq == seq for seq, item in enumerate(written, self.cursor + 1))
        return [await self._head_of(item) for item in written] if follows and not behind else None

    async def _head_of(self, item: StoredEvent) -> EventHead:
        event, tenant = item.event, await self._tenant_of(item)
        before = event.fact.handed_off_from if isinstance(event.fact, RunQueued) else None
        return EventHead(item.seq, item.run_id, item.run_seq, event.kind, event.step_id, tenant, before)

    async def _tenant_of(self, item: StoredEvent) -> str:
        """That of the event's run; a new run says it itself."""
        run_id, fact = item.run_id, item.event.fact
        known = self._tenants.get(run_id)
        if known is None:
            if isinstance(fact, RunQueued) and fact.tenant is not None:
                known = fact.tenant
            else:
                row = await self._journal.run_row(run_id)
                known = row["tenant"] if row is not None else ""
            self._tenants[run_id] = known
            if len(self._tenants) > MAX_KNOWN:
                del self._tenants[next(iter(self._tenants))]
        return known

    async def _skip(self) -> None:
        """Leave out what a reader that is too far behind would see far too late."""
        newest = await self._journal.last_seq()
        if newest - self.cursor > MAX_BEHIND:
            self.cursor = newest - MAX_BEHIND
            self._lagged = True
