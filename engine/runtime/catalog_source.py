"""The catalog of packs, loaded when somebody asks for it: lists and decisions need none."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from engine.packs.catalog import Catalog


class CatalogSource:
    """Loads the packs below the two roots once, in a thread."""

    def __init__(self, shipped: Path | None, home: Path | None, tool_names: Collection[str]) -> None:
        self._shipped = shipped
        self._home = home
        self._tool_names = tool_names
        self._catalog: Catalog | None = None
        self._turn = asyncio.Lock()

    async def load(self) -> Catalog:
        """The catalog. Faults of packs are in it; loading itself does not fail."""
        if self._catalog is None:
            async with self._turn:
                if self._catalog is None:
                    self._catalog = await asyncio.to_thread(self._read)
        return self._catalog

    def _read(self) -> Catalog:
        from engine.packs.catalog import load_catalog  # noqa: PLC0415 - reading packs is slow to import

        return load_catalog(self._shipped, self._home, self._tool_names)
