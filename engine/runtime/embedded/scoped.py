"""The engine as one person may use it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from engine.contracts.actor import Actor
    from engine.facade.engine import Engine, Worker, WorkerView
    from engine.runtime.embedded.feed import Feed
    from engine.runtime.embedded.governing.budget import Budget
    from engine.runtime.embedded.governing.levels import ServiceLevels
    from engine.runtime.embedded.housekeeping import Housekeeping
    from engine.runtime.embedded.notes import Drafts, SavedFilters
    from engine.runtime.embedded.packs import PackList
    from engine.runtime.embedded.requests import Requests
    from engine.runtime.embedded.runs import Runs


class ScopedEngine:
    """Implements `engine.facade.engine.Engine` with the parts that one may use; the rest is the whole's."""

    def __init__(
        self,
        whole: Engine,
        runs: Runs,
        feed: Callable[[], Feed],
        requests: Callable[[], Requests],
        packs: Callable[[], PackList],
        housekeeping: Callable[[], Housekeeping],
        levels: Callable[[], ServiceLevels],
        budget: Callable[[], Budget],
        drafts: Drafts,
        saved_filters: SavedFilters,
    ) -> None:
        self._whole = whole
        self._load_packs = packs
        self._load_housekeeping = housekeeping
        self._load_levels = levels
        self._load_budget = budget
        self.runs = runs
        self._load_requests = requests
        self._load_feed = feed
        self.drafts = drafts
        self.saved_filters = saved_filters

    @cached_property
    def feed(self) -> Feed:
        """See facade."""
        return self._load_feed()

    @cached_property
    def requests(self) -> Requests:
        """See facade."""
        return self._load_requests()

    @cached_property
    def packs(self) -> PackList:
        """See facade."""
        return self._load_packs()

    @cached_property
    def housekeeping(self) -> Housekeeping:
        """See facade."""
        return self._load_housekeeping()

    @cached_property
    def levels(self) -> ServiceLevels:
        """See facade."""
        return self._load_levels()

    @cached_property
    def budget(self) -> Budget:
        """See facade."""
        return self._load_budget()

    def for_(self, actor: Actor, *, tenant: str | None = None, all_tenants: bool = False) -> Engine:
        """See facade."""
        return self._whole.for_(actor, tenant=tenant, all_tenants=all_tenants)

    def work(self, *, slots: int = 64) -> AbstractAsyncContextManager[Worker]:
        """See facade."""
        return self._whole.work(slots=slots)

    async def workers(self) -> tuple[WorkerView, ...]:
        """See facade."""
        return await self._whole.workers()
