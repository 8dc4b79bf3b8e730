"""Packs in force, what runs pinned of them, and what is known about them, behind one name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import NotFound

if TYPE_CHECKING:
    from pathlib import Path

    from engine.governance.policies import Policies
    from engine.packs.catalog.catalog import Catalog
    from engine.packs.catalog.entries import CatalogEntry
    from engine.packs.loaded_pack import LoadedPack
    from engine.runtime.pack_library.catalog_source import CatalogSource
    from engine.runtime.pack_library.pack_status import PackStatusSource
    from engine.runtime.pack_library.pinned import PinnedFlow, PinnedPacks


class PackLibrary:
    """Packs by id, and by the content that a run pinned."""

    def __init__(self, source: CatalogSource, status: PackStatusSource, pinned: PinnedPacks) -> None:
        self._source = source
        self._status = status
        self._pinned = pinned

    @property
    def roots(self) -> tuple[Path, ...]:
        """The directories that hold packs."""
        return self._source.roots

    async def catalog(self) -> Catalog:
        """All packs. Faults of packs are in it; loading itself does not fail."""
        return await self._source.load()

    async def find(self, pack_id: str) -> CatalogEntry | None:
        """A pack with its files, also when it is broken; None when there is none of that id."""
        return (await self.catalog()).find(pack_id)

    async def require_entry(self, pack_id: str) -> CatalogEntry:
        """A pack with its files, also when it is broken. Raises NotFound."""
        found = await self.find(pack_id)
        if found is None:
            raise NotFound(
                f"there is no pack {pack_id}; `vasini packs` lists what there is", {"pack": pack_id}
            )
        return found

    async def require(self, pack_id: str) -> LoadedPack:
        """The content in force of a pack, also when it is broken. Raises NotFound."""
        return (await self.require_entry(pack_id)).pack

    async def label(self, pack: LoadedPack) -> str:
        """The pack's version as runs show it."""
        return await self._status.label(pack)

    async def trusts(self, pack: LoadedPack) -> bool:
        """Whether the pack's code may run."""
        return await self._status.trusts(pack)

    def policies(self, pack_id: str) -> tuple[Policies, str]:
        """The policies that hold for the pack's runs, and their digest."""
        return self._pinned.policies(pack_id)

    async def pin(self, pack: LoadedPack) -> None:
        """Make sure the journal holds this content before a run refers to it."""
        await self._pinned.pin(pack)

    async def pinned(self, pack_id: str, digest: str) -> LoadedPack:
        """The content that a run pinned. Raises PackInvalid when it is gone."""
        return await self._pinned.pack(pack_id, digest)

    async def flow(self, pack_id: str, digest: str, flow_id: str) -> PinnedFlow:
        """A flow of pinned content. Raises PackInvalid when it is gone or does not load any more."""
        return await self._pinned.flow(pack_id, digest, flow_id)
