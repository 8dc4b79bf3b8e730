"""`engine.packs` on the loaded catalog."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine.errors import NotFound, PackInvalid

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
        view = (await self._catalog.load()).view(pack)
        if view is None:
            raise NotFound(f"there is no pack {pack}", {"pack": pack})
        if view.problems:
            raise PackInvalid(
                f"pack {pack} has {len(view.problems)} problem(s): {view.problems[0]}",
                {"problems": [problem.model_dump(mode="json") for problem in view.problems]},
            )
        found = next((item for item in view.flows if item.flow == flow), None)
        if found is None:
            raise NotFound(f"pack {pack} has no flow {flow}", {"pack": pack, "flow": flow})
        return found

    async def validate(self, directory: Path) -> tuple[PackView, tuple[Problem, ...]]:
        """See facade."""
        if not await asyncio.to_thread(directory.is_dir):
            raise NotFound(f"there is no directory {directory}", {"directory": str(directory)})
        catalog = await self._catalog.load()
        view = await asyncio.to_thread(catalog.check_view, directory)
        return view, view.problems
