"""The engine as one person may use it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from engine.contracts.actor import Actor
    from engine.facade.engine import Engine, WorkerView
    from engine.governance.access import Access
    from engine.runtime.embedded.engine import EmbeddedEngine
    from engine.runtime.embedded.packs import PackList
    from engine.runtime.worker.worker import Worker


class ScopedEngine:
    """Implements `engine.facade.engine.Engine` for what `access` allows."""

    def __init__(self, whole: EmbeddedEngine, access: Access) -> None:
        self._whole = whole
        self._access = access
        self.runs = whole.runs.within(access)
        self.requests = whole.requests.within(access)
        self.feed = whole.feed.within(access)
        self.drafts = whole.drafts
        self.saved_filters = whole.saved_filters

    @cached_property
    def packs(self) -> PackList:
        """See facade."""
        return self._whole.packs.within(self._access)

    def for_(self, actor: Actor, *, tenant: str | None = None, all_tenants: bool = False) -> Engine:
        """See facade."""
        return self._whole.for_(actor, tenant=tenant, all_tenants=all_tenants)

    def work(self, *, slots: int = 64) -> AbstractAsyncContextManager[Worker]:
        """See facade."""
        return self._whole.work(slots=slots)

    async def workers(self) -> tuple[WorkerView, ...]:
        """See facade."""
        return await self._whole.workers()
