"""Watching the directories that hold packs, while the feed is read or runs are worked in this process."""

from __future__ import annotations

import asyncio
import importlib
import logging
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING

from engine.runtime.background import cancelled
from engine.runtime.failing import Failing
from engine.safe_text import sanitize

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from engine.config import EngineConfig
    from engine.runtime.pack_library.catalog_source import CatalogSource

FIRST_SCAN_SECONDS = 0.5
"""A short command has ended by then, and a console has drawn its first screen."""
STEP_MS = 160
"""How often the watcher's thread wakes up. Files are read when nothing came for that long: one to two
of it after a save, and six of the twenty wake-ups a second that an idle console may have."""
GATHER_MS = 400
"""How long events are gathered at most while they keep coming."""
MISSING_MS = 3_000
"""How often it is looked whether a missing directory of packs has come."""
REPLACED_MS = 15_000
"""How often it is looked whether one has been replaced; mostly an event tells."""
RECHECK_SECONDS = 0.06
"""How long a file that looks broken is given to be written to its end, where no events tell."""

_SLOW_TO_IMPORT = ("watchfiles", "anyio._backends._asyncio")
"""The second one `awatch` imports where it is called first, which held up the event loop for 20 ms."""

Identity = tuple[int, int] | None

logger = logging.getLogger(__name__)


class PackWatch:
    """Tells the catalog to look again: by the system's events, or by looking every few seconds."""

    def __init__(self, source: CatalogSource, config: EngineConfig) -> None:
        self._source = source
        self._mode = config.pack_watch
        self._poll_seconds = config.pack_poll_seconds
        self._users = 0
        self._failing = Failing("looking at packs")
        self._task: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Watch until the last of those who asked for it leaves."""
        self._users += 1
        if self._task is None and self._mode != "off":
            self._task = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            self._users -= 1
            if not self._users and self._task is not None:
                task, self._task = self._task, None
                await cancelled(task)

    async def _watch(self) -> None:
        await asyncio.sleep(FIRST_SCAN_SECONDS)
        if self._mode == "events":
            for module in _SLOW_TO_IMPORT:
                await asyncio.to_thread(importlib.import_module, module)
            try:
                await self._by_events()
            except* (OSError, RuntimeError) as errors:  # no more watches are to be had, or a name is no text
                reason = sanitize(str(_innermost(errors)))
                logger.warning("packs are looked at every %s s: %s", self._poll_seconds, reason)
        while True:
            await self._scan(RECHECK_SECONDS)
            await asyncio.sleep(self._poll_seconds)

    async def _by_events(self) -> None:
        """Watch the roots there are; begin anew when one comes, goes or is replaced."""
        while True:
            identities = await asyncio.to_thread(self._identities)
            there = [root for root, identity in identities.items() if identity is not None]
            if there:
                await self._until_replaced(there, identities)
            else:
                await self._scan()
                await asyncio.sleep(MISSING_MS / 1000)

    async def _until_replaced(self, roots: list[Path], identities: dict[Path, Identity]) -> None:
        from watchfiles import awatch  # noqa: PLC0415 - imported in a thread before

        changes = awatch(
            *roots,
            watch_filter=None,
            step=STEP_MS,
            debounce=GATHER_MS,
            rust_timeout=MISSING_MS if None in identities.values() else REPLACED_MS,
            yield_on_timeout=True,
            ignore_permission_denied=True,
        )
        async with aclosing(changes):
            changed = asyncio.ensure_future(anext(changes))
            try:
                await asyncio.sleep(0)  # from here on nothing is missed; what came before is found now
                await self._scan()
                while True:
                    if await changed:
                        await self._scan()
                    if await asyncio.to_thread(self._identities) != identities:
                        return
                    changed = asyncio.ensure_future(anext(changes))
            finally:
                changed.cancel()
                await asyncio.wait([changed])

    async def _scan(self, recheck_after: float = 0.0) -> None:
        try:
            await self._source.refresh(recheck_after)
        except Exception as error:  # noqa: BLE001 - the edge: else no save would be noticed any more, unnoticed
            self._failing.failed(error)
        else:
            self._failing.worked()

    def _identities(self) -> dict[Path, Identity]:
        return {root: _identity(root) for root in self._source.roots}


def _innermost(error: BaseException) -> BaseException:
    """What is told of a group: the watcher's task groups say only that there was an error."""
    return _innermost(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def _identity(root: Path) -> Identity:
    try:
        found = root.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
