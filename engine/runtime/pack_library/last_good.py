"""The last good content of every pack directory, kept in the journal for all its processes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine.errors import PackInvalid

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from engine.journal.port import Journal
    from engine.journal.rules.publishing import GoodPack
    from engine.packs.catalog.pack_cache import Reading
    from engine.packs.loaded_pack import LoadedPack
    from engine.runtime.clock import Clock


class LastKnownGood:
    """Keeps what was read without problems, and finds the fallback of what is broken."""

    def __init__(self, journal: Journal, tool_names: Callable[[], Collection[str]], clock: Clock) -> None:
        self._journal = journal
        self._tool_names = tool_names
        self._clock = clock
        self.unkept: dict[str, tuple[Reading, int]] = {}
        """Read while the journal could not be written, by key; kept with the next ones."""
        self._loaded: dict[str, LoadedPack] = {}

    async def keep(self, readings: Sequence[Reading], read_at: int) -> None:
        """Note those without problems. Raises Unavailable."""
        good = {reading.place.key: (reading, read_at) for reading in readings if not reading.files.problems}
        good = self.unkept = {**self.unkept, **good}
        known = {row.directory: row.digest for row in await self._journal.packs.good()} if good else {}
        from engine.journal.rules.publishing import GoodPack  # noqa: PLC0415 - lists of runs read no packs

        new = []
        for key, (reading, at) in good.items():
            content = reading.files.content
            if known.get(key) != content.digest:
                new.append((GoodPack(key, reading.files.pack_id, content.digest, at), content))
        if new:
            texts = await asyncio.to_thread(lambda: [content.to_json() for _, content in new])
            rows = [(row, text) for (row, _), text in zip(new, texts, strict=True)]
            await self._journal.packs.keep_good(rows, self._clock.now())
        self.unkept = {}

    async def fallbacks(self, readings: Sequence[Reading]) -> dict[str, LoadedPack]:
        """For broken ones by key: the last good content, when it still loads. Raises Unavailable."""
        broken = [reading for reading in readings if reading.files.problems]
        rows = {row.directory: row for row in await self._journal.packs.good()} if broken else {}
        found: dict[str, LoadedPack] = {}
        for reading in broken:
            row = rows.get(reading.place.key)
            if row is None or row.digest == reading.files.content.digest or not _may_be(reading, row):
                continue
            pack = self._loaded.get(row.digest) or await self._load(reading, row)
            if pack is not None:
                found[reading.place.key] = pack
        self._loaded = {pack.content.digest: pack for pack in found.values()}
        return found

    async def before(self, key: str) -> str | None:
        """Digest of the content that was good before the last good one."""
        rows = await self._journal.packs.good()
        return next((row.before for row in rows if row.directory == key), None)

    async def _load(self, reading: Reading, row: GoodPack) -> LoadedPack | None:
        text = await self._journal.content(row.digest)
        return None if text is None else await asyncio.to_thread(self._load_text, reading, text, row.digest)

    def _load_text(self, reading: Reading, text: str, digest: str) -> LoadedPack | None:
        from engine.packs.loader import load_content  # noqa: PLC0415 - likewise
        from engine.packs.source.content import PackContent  # noqa: PLC0415 - reading packs is slow to import

        try:
            content = PackContent.from_json(text, digest)
        except PackInvalid:
            return None
        pack = load_content(content, source=reading.place.root.source, tool_names=self._tool_names())
        return None if pack.problems else pack


def _may_be(reading: Reading, row: GoodPack) -> bool:
    """Whether the broken files may be those of that pack: they name it, or no id can be read."""
    return row.pack == reading.files.pack_id or not reading.files.named
