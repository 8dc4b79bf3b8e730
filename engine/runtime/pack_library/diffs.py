"""Contents of packs by what names them, and what lies between two of them."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.contracts.packs.versions import PackDiff, PackSide
from engine.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from pathlib import Path

    from engine.journal.port import Journal
    from engine.packs.catalog.entries import CatalogEntry
    from engine.packs.loaded_pack import LoadedPack
    from engine.runtime.pack_library.library import PackLibrary


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison: a pack's content, and the label it is shown with."""

    pack: LoadedPack
    label: str

    def view(self) -> PackSide:
        """As a reader sees it."""
        return PackSide(pack=self.pack.pack_id, label=self.label, digest=self.pack.content.digest)


class DiffSides:
    """Finds what may stand on one side of a comparison."""

    def __init__(self, journal: Journal, library: PackLibrary) -> None:
        self._journal = journal
        self._library = library

    async def named(self, name: str | Path) -> Side:
        """`PACK` (in force), `PACK@VERSION` (published) or a directory. Raises NotFound, InvalidInput."""
        if not isinstance(name, str):
            return await _directory(name)
        pack_id, at, version = str(name).partition("@")
        if at and not version:
            raise InvalidInput(f"{name} names no version; write {pack_id}@1.2.0", {"pack": pack_id})
        if at:
            return await self._published(pack_id, version)
        return await self.in_force(await self._library.require(pack_id))

    async def in_force(self, pack: LoadedPack) -> Side:
        """What is in force."""
        return Side(pack, await self._library.label(pack))

    async def stored(self, like: LoadedPack | None, digest: str) -> Side | None:
        """A content that the journal keeps, under its own version; None when it does not keep it.

        Raises PackInvalid where it is damaged.
        """
        text = await self._journal.content(digest)
        if text is None:
            return None
        pack = await asyncio.to_thread(_load, text, digest, like)
        return Side(pack, pack.version)

    async def _published(self, pack_id: str, version: str) -> Side:
        digest = (await self._journal.packs.published()).get((pack_id, version))
        side = await self.stored(None, digest) if digest is not None else None
        if side is None:
            raise NotFound(
                f"version {version} of {pack_id} is not published; see: vasini pack versions {pack_id}",
                {"pack": pack_id, "version": version},
            )
        return side


def on_disk(found: CatalogEntry) -> Side:
    """The files as they are, also when they are broken."""
    return Side(found.reading.files, "as it is on disk")


async def between(before: Side, after: Side, *, layers: bool = True) -> PackDiff:
    """From one content to the other; without `layers` only the files are compared."""
    return await asyncio.to_thread(_between, before, after, layers)


def _between(before: Side, after: Side, layers: bool) -> PackDiff:
    from engine.packs.catalog.outline import pack_texts  # noqa: PLC0415 - reading packs is slow to import
    from engine.packs.catalog.text_diff import texts_diff  # noqa: PLC0415

    parts = [{part.name: part.text for part in pack_texts(side.pack)} for side in (before, after)]
    return PackDiff(
        before=before.view(),
        after=after.view(),
        layers=texts_diff(*parts) if layers else (),
        files=texts_diff(before.pack.content.files, after.pack.content.files),
    )


def _load(text: str, digest: str, like: LoadedPack | None) -> LoadedPack:
    from engine.packs.loader import load_content  # noqa: PLC0415
    from engine.packs.source.content import PackContent  # noqa: PLC0415 - see _between

    return load_content(PackContent.from_json(text, digest), source=like.source if like else "home")


async def _directory(directory: Path) -> Side:
    from engine.packs.loader import read_pack  # noqa: PLC0415 - see _between

    if not await asyncio.to_thread(os.path.isdir, directory):
        raise NotFound(f"there is no directory {directory}", {"directory": str(directory)})
    return Side(await asyncio.to_thread(read_pack, directory), str(directory))
