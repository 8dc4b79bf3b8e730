"""The catalog of packs, loaded when somebody asks for it and again when files have changed.

A broken pack goes on with its directory's last good content, which the journal keeps: so every
process on it, and the next one, has the same in force.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from engine.errors import Unavailable
from engine.runtime.gc_tuning import gc_paused
from engine.runtime.pack_library.last_good import LastKnownGood
from engine.safe_text import sanitize
from engine.threads import finish

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from engine.config import EngineConfig
    from engine.contracts.packs.versions import PackNotice
    from engine.journal.port import Journal
    from engine.packs.catalog.catalog import Catalog
    from engine.packs.catalog.pack_cache import PackCache, ScanResult
    from engine.packs.loaded_pack import LoadedPack
    from engine.runtime.clock import Clock
    from engine.runtime.pack_library.pack_status import PackStatusSource

logger = logging.getLogger(__name__)

NoticeListener = Callable[["tuple[PackNotice, ...]"], None]


class CatalogSource:
    """Reads the packs below the two roots, in a thread, one scan at a time.

    Each goes on when its caller is cancelled: what one has found changed the next one does not find.
    """

    def __init__(
        self,
        config: EngineConfig,
        tool_names: Callable[[], Collection[str]],
        journal: Journal,
        status: PackStatusSource,
        clock: Clock,
    ) -> None:
        self.roots = tuple(root for root in (config.shipped_packs, config.home_packs) if root is not None)
        self.good = LastKnownGood(journal, tool_names, clock)
        self._config = config
        self._tool_names = tool_names
        self._status = status
        self._clock = clock
        self._cache: PackCache | None = None
        self._catalog: Catalog | None = None
        self._read_at: dict[str, int] = {}
        self._turn = asyncio.Lock()
        self._listeners: list[NoticeListener] = []

    async def load(self) -> Catalog:
        """The catalog. Faults of packs are in it; loading itself does not fail."""
        return self._catalog if self._catalog is not None else await finish(self._first())

    async def _first(self) -> Catalog:
        async with self._turn:
            if self._catalog is None:
                now = self._clock.now()
                self._catalog = await self._made(await self._scan(), now)
            return self._catalog

    async def refresh(self, recheck_after: float = 0.0) -> tuple[PackNotice, ...]:
        """Look again; what changed since the last scan, which listeners hear of too.

        A file that is still being written often looks broken: after `recheck_after` seconds such packs are
        looked at once more before anybody hears of them.
        """
        await self.load()
        return await finish(self._refreshed(recheck_after))

    async def _refreshed(self, recheck_after: float) -> tuple[PackNotice, ...]:
        async with self._turn:
            before = self._catalog
            assert before is not None  # loaded above, and never forgotten
            now = self._clock.now()
            scan = await self._scan()
            if recheck_after and scan.newly_broken:
                await asyncio.sleep(recheck_after)
                now = self._clock.now()
                scan = (await self._scan()).after(scan)
            if len(scan.readings) == len(before.found) and not scan.fresh and not self.good.unkept:
                return ()
            self._catalog = await self._made(scan, now)
            notices = await self._notices(before, self._catalog)
        if notices:
            _log(notices, self._catalog)
            for listener in tuple(self._listeners):
                listener(notices)
        return notices

    async def read_again(self) -> tuple[PackNotice, ...]:
        """Other tools are known now: every pack is checked anew."""
        async with self._turn:
            self._cache = None
        return await self.refresh()

    def on_notices(self, listener: NoticeListener) -> Callable[[], None]:
        """Call `listener` (in the loop) with what a scan found changed; returns the undo."""
        self._listeners.append(listener)

        def undo() -> None:
            with suppress(ValueError):
                self._listeners.remove(listener)

        return undo

    async def _scan(self) -> ScanResult:
        with gc_paused():
            return await asyncio.to_thread(self._scan_now)

    def _scan_now(self) -> ScanResult:
        from engine.packs.catalog.pack_cache import PackCache  # noqa: PLC0415 - reading packs is slow to import

        if self._cache is None:
            self._cache = PackCache(self._config.shipped_packs, self._config.home_packs, self._tool_names())
        return self._cache.scan()

    async def _made(self, scan: ScanResult, now: int) -> Catalog:
        fallbacks: Mapping[str, LoadedPack] = {}
        # without its journal an engine stops soon enough; what is in the files holds until then
        with suppress(Unavailable):
            fresh = [reading for reading in scan.readings if reading.place.key in scan.fresh]
            await self.good.keep(fresh, now)
        with suppress(Unavailable):
            fallbacks = await self.good.fallbacks(scan.readings)
        self._read_at = {
            reading.place.key: now
            if reading.place.key in scan.fresh
            else self._read_at.get(reading.place.key, now)
            for reading in scan.readings
        }
        return await asyncio.to_thread(self._assembled, scan, fallbacks)

    def _assembled(self, scan: ScanResult, fallbacks: Mapping[str, LoadedPack]) -> Catalog:
        from engine.packs.catalog.catalog import catalog_of  # noqa: PLC0415 - see _scan_now
        from engine.packs.catalog.entries import PackReading  # noqa: PLC0415 - see _scan_now

        readings = [
            PackReading(
                reading.place,
                reading.files,
                fallbacks.get(reading.place.key),
                self._read_at[reading.place.key],
            )
            for reading in scan.readings
        ]
        return catalog_of(readings, self._tool_names(), self._catalog)

    async def _notices(self, before: Catalog, after: Catalog) -> tuple[PackNotice, ...]:
        from engine.packs.catalog.notices import notices  # noqa: PLC0415 - see _scan_now

        return notices(before, after, await self._status.labels())


def _log(notices: tuple[PackNotice, ...], catalog: Catalog) -> None:
    """Every problem of a pack that was not reloaded, in the words of the console and the command line."""
    for notice in notices:
        if not notice.problems:
            logger.info("pack %s %s %s", sanitize(notice.pack), sanitize(notice.label), notice.outcome)
            continue
        problems = [found.problems for found in catalog.found if found.pack.pack_id == notice.pack]
        for problem in (problem for of_one in problems for problem in of_one):
            logger.warning("pack %s: %s", sanitize(notice.pack), sanitize(str(problem)))
