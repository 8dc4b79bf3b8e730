"""The catalog of two pack roots, read once as it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.packs.catalog.catalog import Catalog, catalog_of, pack_roots, read_place
from engine.packs.catalog.entries import PackReading
from engine.packs.catalog.scan import scan_roots

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path


def load_catalog(shipped: Path | None, home: Path | None, tool_names: Collection[str]) -> Catalog:
    """Load every pack directory below the two roots once (blocking)."""
    places = scan_roots(pack_roots(shipped, home))
    readings = (PackReading(place, read_place(place, tool_names), None, 0) for place in places)
    return catalog_of(readings, tool_names)
