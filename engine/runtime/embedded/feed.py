"""News for readers: events of this process and others, gathered into batches."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from engine.facade.feed import FeedBatch
from engine.governance.access import Scoped
from engine.machine.events.event import Kind
from engine.runtime.views.row_views import event_view

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.contracts.pack_version import PackNotice
    from engine.governance.access import Access
    from engine.journal.changes import ChangeSet
    from engine.journal.port import Journal
    from engine.journal.records import StoredEvent
    from engine.runtime.pack_library.catalog_source import CatalogSource
    from engine.runtime.pack_library.watch import PackWatch

READ_AT_ONCE = 500
GATHER_SECONDS = 0.01
GATHER_FROM = 50
"""While that many events come at a time, commits of one moment are read together."""
MAX_BEHIND = 50_000
"""Events a slow reader may be behind; it is told that it lagged and reads the journal."""

MAX_KNOWN = 10_000
"""Runs of which a reader remembers whether they are in view."""


class Feed(Scoped):
    """Implements `engine.facade.feed.Feed` on a journal."""

    def __init__(self, journal: Journal, catalog: CatalogSource, watch: PackWatch) -> None:
        self._journal = journal
        self._catalog = catalog
        self._watch = watch

    @asynccontextmanager
    async def subscribe(self, *, run_id: str | None = None) -> AsyncIterator[AsyncIterator[FeedBatch]]:
        """See facade."""
        journal = self._journal
        claims, packs = await journal.claims_version(), await journal.packs.written()
        reader = _Reader(journal, self.access, run_id, await journal.last_seq(), claims, packs)
        undo = journal.on_change(reader.kick)
        undo_packs = self._catalog.on_notices(reader.note_packs)
        try:
            async with self._watch.watching():
                yield reader.batches()
        finally:
            undo_packs()
            undo()


class _Reader:
    def __init__(
        self, journal: Journal, access: Access, run_id: str | None, cursor: int, claims: int, packs: int
    ) -> None:
        self._journal = journal
        self.access = access
        self._seen: dict[str, bool] = {}
        self._run_id = run_id
        self._cursor = cursor
        self._kicked = asyncio.Event()
        self._lagged = False
        self._claims = claims
        self._look_at_claims = False
        self._notices: list[PackNotice] = []
        self._packs = packs
        self._look_at_packs = False
        self._behind = False
        self._written: list[StoredEvent] = []

    def kick(self, change: ChangeSet) -> None:
        """Something was written. What this process wrote comes with the news and is not read again."""
        self._written += change.events
        self._behind |= not change.events or change.foreign or len(self._written) > READ_AT_ONCE
        self._look_at_claims |= change.claims
        self._look_at_packs |= change.packs
        self._kicked.set()

    def note_packs(self, notices: tuple[PackNotice, ...]) -> None:
        """Files of packs changed."""
        self._notices += notices
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
        stored = self._handed_over()
        if stored is None:
            stored = await self._journal.feed_events(self._cursor, READ_AT_ONCE)
        lagged, self._lagged = self._lagged, False
        if stored:
            self._cursor = stored[-1].seq
        if len(stored) == READ_AT_ONCE:
            self._behind = True
            self._kicked.set()
            await self._skip()
        events = [item for item in stored if self._run_id in {None, item.run_id} and await self._sees(item)]
        notices, self._notices = tuple(self._notices), []
        refresh = await self._changed_lists() | frozenset({"packs"} if notices else ())
        return FeedBatch(tuple(event_view(item) for item in events), lagged, refresh, notices)

    def _handed_over(self) -> list[StoredEvent] | None:
        """The next events, if all of them came with the news; None when the file has to be read."""
        written = [item for item in self._written if item.seq > self._cursor]
        self._written = []
        behind, self._behind = self._behind, False
        follows = all(item.seq == seq for seq, item in enumerate(written, self._cursor + 1))
        return written if follows and not behind else None

    async def _sees(self, item: StoredEvent) -> bool:
        """Whether the event is of a run that is in view; a run is looked up once."""
        if self.access.tenant is None:
            return True
        known = self._seen.get(item.run_id)
        if known is None:
            tenant = item.event.payload.get("tenant") if item.event.kind is Kind.RUN_QUEUED else None
            if tenant is None:
                row = await self._journal.run_row(item.run_id)
                tenant = row["tenant"] if row is not None else ""
            known = self._seen[item.run_id] = self.access.sees(tenant)
            if len(self._seen) > MAX_KNOWN:
                del self._seen[next(iter(self._seen))]
        return known

    async def _changed_lists(self) -> frozenset[str]:
        """Lists that changed without an event; of another process only a number is known."""
        changed: set[str] = set()
        if self._look_at_claims:
            self._look_at_claims = False
            before, self._claims = self._claims, await self._journal.claims_version()
            changed |= {"claims"} if self._claims != before else set()
        if self._look_at_packs:
            self._look_at_packs = False
            before, self._packs = self._packs, await self._journal.packs.written()
            changed |= {"packs"} if self._packs != before else set()
        return frozenset(changed)

    async def _skip(self) -> None:
        """Leave out what a reader that is too far behind would see far too late."""
        newest = await self._journal.last_seq()
        if newest - self._cursor > MAX_BEHIND:
            self._cursor = newest - MAX_BEHIND
            self._lagged = True
