"""What the journal knows about packs: published versions, trusted code, runs that pinned them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.contracts.packs.pack import RunsOfVersion
    from engine.journal.changes import ChangeSet
    from engine.journal.port import Journal
    from engine.packs.catalog.pack_views import PackStatus
    from engine.packs.loaded_pack import LoadedPack


class PackStatusSource:
    """Reads it from the journal; published digests, which every start asks for, stay until they change."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._published: Mapping[tuple[str, str], str] | None = None
        self._publications = 0
        journal.on_change(self._forget)

    async def read(self, tenant: str | None) -> PackStatus:
        """All of it as it is now; runs are those of the tenant, or with None of all."""
        from engine.contracts.packs.pack import RunsOfVersion  # noqa: PLC0415 - reading packs is slow to import
        from engine.packs.catalog.pack_views import PackStatus  # noqa: PLC0415 - reading packs is slow to import

        runs: dict[str, list[RunsOfVersion]] = {}
        for pinned in await self._journal.packs.pinned_runs(tenant):
            view = RunsOfVersion(label=pinned.version, digest=pinned.digest, runs=pinned.runs)
            runs.setdefault(pinned.pack, []).append(view)
        trusted = await self._journal.packs.trusted()
        return PackStatus(
            await self._digests(),
            frozenset((code.pack, code.digest) for code in trusted),
            runs,
            await self._journal.packs.run_totals(tenant),
        )

    async def labels(self) -> PackStatus:
        """Only what version labels need."""
        from engine.packs.catalog.pack_views import PackStatus  # noqa: PLC0415

        return PackStatus(await self._digests())

    async def label(self, pack: LoadedPack) -> str:
        """The pack's version as runs show it."""
        return (await self.labels()).label(pack)

    async def trusts(self, pack: LoadedPack) -> bool:
        """Whether the pack's code may run."""
        from engine.packs.catalog.pack_views import PackStatus  # noqa: PLC0415

        if PackStatus().trusts(pack):
            return True
        trusted = await self._journal.packs.trusted()
        return PackStatus(trusted=frozenset((code.pack, code.digest) for code in trusted)).trusts(pack)

    async def _digests(self) -> Mapping[tuple[str, str], str]:
        if self._published is not None:
            return self._published
        seen = self._publications
        published = await self._journal.packs.published()
        if seen == self._publications:
            self._published = published
        return published

    def _forget(self, change: ChangeSet) -> None:
        if change.packs:
            self._publications += 1
            self._published = None
