"""Where notices come from: one source per topic, each with its own way to find out what is new."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, ClassVar, Protocol

from engine.facade.feed import AlertChanged, CapsChanged, ClaimsChanged, PackChanged, PackListChanged, Topic
from engine.runtime.views.alert_views import alert_view

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from engine.contracts.packs.versions import PackNotice
    from engine.facade.feed import Notice
    from engine.governance.access import Access
    from engine.journal.changes import ChangeSet
    from engine.journal.port import Journal
    from engine.journal.rules.levels.level_reads import LevelReads
    from engine.journal.rules.publishing import PackStore
    from engine.journal.rules.spend_store import Spending
    from engine.runtime.pack_library.catalog_source import CatalogSource
    from engine.runtime.pack_library.watch import PackWatch

ALERTS_AT_ONCE = 200


class NoticeSource(Protocol):
    """What one subscription hears of one topic."""

    topic: ClassVar[Topic]

    def open(self, wake: Callable[[], None]) -> AbstractAsyncContextManager[None]:
        """Listen from now on; `wake` is called for news that no commit of the journal tells."""
        ...

    def note(self, change: ChangeSet) -> None:
        """A commit, of this process or another one, may have changed something."""
        ...

    async def take(self) -> list[Notice]:
        """What is new since the last call."""
        ...


class ClaimNotices:
    """Who looks at which request. Of another process only a number is known."""

    topic: ClassVar[Topic] = Topic.CLAIMS

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._version = 0
        self._may_be_new = False

    @asynccontextmanager
    async def open(self, wake: Callable[[], None]) -> AsyncIterator[None]:
        """See NoticeSource."""
        self._version = await self._journal.claims_version()
        yield

    def note(self, change: ChangeSet) -> None:
        """See NoticeSource."""
        self._may_be_new |= change.claims

    async def take(self) -> list[Notice]:
        """See NoticeSource."""
        if not self._may_be_new:
            return []
        self._may_be_new = False
        before, self._version = self._version, await self._journal.claims_version()
        return [ClaimsChanged()] if self._version != before else []


class CapNotices:
    """What people did to caps, and warnings that were reached."""

    topic: ClassVar[Topic] = Topic.CAPS

    def __init__(self, money: Spending) -> None:
        self._money = money
        self._last = 0
        self._may_be_new = False

    @asynccontextmanager
    async def open(self, wake: Callable[[], None]) -> AsyncIterator[None]:
        """See NoticeSource."""
        self._last = await self._newest()
        yield

    def note(self, change: ChangeSet) -> None:
        """See NoticeSource."""
        self._may_be_new |= change.caps

    async def take(self) -> list[Notice]:
        """See NoticeSource."""
        if not self._may_be_new:
            return []
        self._may_be_new = False
        before, self._last = self._last, await self._newest()
        return [CapsChanged()] if self._last != before else []

    async def _newest(self) -> int:
        acts = await self._money.newest_acts(None, 1)
        return acts[0]["act"] if acts else 0


class AlertNotices:
    """Alerts of service levels in view that begin and end."""

    topic: ClassVar[Topic] = Topic.ALERTS

    def __init__(self, levels: LevelReads, access: Access) -> None:
        self._levels = levels
        self._access = access
        self._last = 0
        self._may_be_new = False

    @asynccontextmanager
    async def open(self, wake: Callable[[], None]) -> AsyncIterator[None]:
        """See NoticeSource."""
        self._last = await self._levels.last_alert()
        yield

    def note(self, change: ChangeSet) -> None:
        """See NoticeSource."""
        self._may_be_new |= change.alerts

    async def take(self) -> list[Notice]:
        """See NoticeSource."""
        found: list[Notice] = []
        while self._may_be_new:
            rows = await self._levels.alerts_after(self._last, ALERTS_AT_ONCE)
            self._may_be_new = len(rows) == ALERTS_AT_ONCE
            self._last = rows[-1]["alert"] if rows else self._last
            told = (row for row in rows if not row["quiet"] and self._access.sees(row["tenant"]))
            found += (AlertChanged(alert_view(row)) for row in told)
        return found


class PackNotices:
    """Files of packs that changed, versions that were published, code that was trusted."""

    topic: ClassVar[Topic] = Topic.PACKS

    def __init__(self, packs: PackStore, catalog: CatalogSource, watch: PackWatch) -> None:
        self._packs = packs
        self._catalog = catalog
        self._watch = watch
        self._written = 0
        self._may_be_new = False
        self._changed: list[PackNotice] = []

    @asynccontextmanager
    async def open(self, wake: Callable[[], None]) -> AsyncIterator[None]:
        """See NoticeSource. The directories are watched meanwhile."""

        def changed(packs: tuple[PackNotice, ...]) -> None:
            self._changed += packs
            wake()

        self._written = await self._packs.written()
        undo = self._catalog.on_notices(changed)
        try:
            async with self._watch.watching():
                yield
        finally:
            undo()

    def note(self, change: ChangeSet) -> None:
        """See NoticeSource."""
        self._may_be_new |= change.packs

    async def take(self) -> list[Notice]:
        """See NoticeSource."""
        found: list[Notice] = [PackChanged(pack) for pack in self._changed]
        self._changed = []
        written = self._written
        if self._may_be_new:
            self._may_be_new = False
            self._written = await self._packs.written()
        if found or written != self._written:
            found.append(PackListChanged())
        return found
