"""`engine.packs` on the loaded catalog."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine.errors import NotFound

if TYPE_CHECKING:
    from pathlib import Path

    from engine.contracts.pack import FlowView, PackView, Problem
    from engine.runtime.catalog_source import CatalogSource


class PackList:
    """Implements `engine.facade.Packs`."""

    def __init__(self, catalog: CatalogSource) -> None:
        self._catalog = catalog

    async def list(self) -> tuple[PackView, ...]:
        """See facade."""
        return (await self._catalog.load()).views()

    async def flow(self, pack: str, flow: str) -> FlowView:
        """See facade."""
        loaded = (await self._catalog.load()).get(pack)
        if loaded is None:
            raise NotFound(f"there is no pack {pack}", {"pack": pack})
        found = loaded.startable(flow)
        from engine.packs.catalog import flow_view  # noqa: PLC0415 - see CatalogSource

        return flow_view(pack, found)

    async def validate(self, directory: Path) -> tuple[PackView, tuple[Problem, ...]]:
        """See facade."""
        if not await asyncio.to_thread(directory.is_dir):
            raise NotFound(f"there is no directory {directory}", {"directory": str(directory)})
        catalog = await self._catalog.load()
        view = await asyncio.to_thread(catalog.check_view, directory)
        return view, view.problems
