"""Packs in memory: last good contents, the registry, trusted code."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.contracts.status import RUN_TERMINAL
from engine.journal.changes import PACKS
from engine.journal.rules.publishing import GoodPack, PinnedRuns, PublishedPack, TrustedCode, check_published

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from engine.journal.memory.store import MemoryStore, Write


class MemoryPacks:
    """Implements `engine.journal.rules.publishing.PackStore`."""

    def __init__(self, write: Write, read: Callable[[], Awaitable[MemoryStore]]) -> None:
        self._write = write
        self._read = read

    async def keep_good(self, packs: Sequence[tuple[GoodPack, str]], now: int) -> None:
        """See port."""

        def write(store: MemoryStore) -> None:
            for pack, content in packs:
                store.put(store.contents, pack.digest, content)
                known: GoodPack | None = store.good_packs.get(pack.directory)
                if known is None:
                    store.put(store.good_packs, pack.directory, pack)
                elif pack.read_at > known.read_at or known.read_at > now:
                    store.put(store.good_packs, pack.directory, _after(known, pack))

        await self._write(write)

    async def good(self) -> list[GoodPack]:
        """See port."""
        return list((await self._read()).good_packs.values())

    async def publish(self, version: PublishedPack, content: str) -> PublishedPack:
        """See port."""

        def write(store: MemoryStore) -> PublishedPack:
            known = store.pack_versions.get((version.pack, version.version))
            if known is not None:
                return check_published(known, version)
            store.put(store.contents, version.digest, content)
            store.put(store.pack_versions, (version.pack, version.version), version)
            return version

        return await self._write(write, PACKS)

    async def versions(self, pack: str) -> list[PublishedPack]:
        """See port."""
        known = (await self._read()).pack_versions
        return [version for (owner, _), version in known.items() if owner == pack]

    async def published(self) -> dict[tuple[str, str], str]:
        """See port."""
        return {key: version.digest for key, version in (await self._read()).pack_versions.items()}

    async def trust(self, code: TrustedCode) -> None:
        """See port."""

        def write(store: MemoryStore) -> None:
            if (code.pack, code.digest) not in store.trusted_code:
                store.put(store.trusted_code, (code.pack, code.digest), code)

        await self._write(write, PACKS)

    async def trusted(self) -> list[TrustedCode]:
        """See port."""
        return list((await self._read()).trusted_code.values())

    async def pinned_runs(self, tenant: str | None) -> list[PinnedRuns]:
        """See port."""
        runs = (await self._read()).runs.values()
        open_runs = (
            run for run in runs if run["status"] not in RUN_TERMINAL and tenant in {None, run["tenant"]}
        )
        counted = Counter((run["pack"], run["pack_version"], run["pack_digest"]) for run in open_runs)
        return [PinnedRuns(*content, runs) for content, runs in counted.items()]

    async def run_totals(self, tenant: str | None) -> dict[str, int]:
        """See port."""
        runs = (await self._read()).runs.values()
        return dict(Counter(run["pack"] for run in runs if tenant in {None, run["tenant"]}))

    async def written(self) -> int:
        """See port."""
        store = await self._read()
        return len(store.pack_versions) + len(store.trusted_code)


def _after(known: GoodPack, pack: GoodPack) -> GoodPack:
    if known.digest == pack.digest:
        return replace(pack, before=known.before)
    return replace(pack, before=known.digest if known.pack == pack.pack else None)
