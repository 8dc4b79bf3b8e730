"""All packs there are, looked up by id, with what holds only between packs: unique ids, subflows."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.contracts.packs.pack import Problem
from engine.packs.catalog.entries import CatalogEntry, PackReading
from engine.packs.catalog.pack_views import flow_views
from engine.packs.catalog.scan import PackPlace, PackRoot
from engine.packs.checks.subflow_rules import subflow_problems
from engine.packs.loaded_pack import LoadedPack
from engine.packs.loader import read_pack
from engine.packs.source.content import MANIFEST, PackContent, content_digest
from engine.packs.source.directory import path_text
from engine.packs.source.yaml_source import SourceDocument, parse_document

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from engine.contracts.flows.flow import FlowDef


@dataclass(frozen=True, slots=True)
class Catalog:
    """Packs in the order they were found, shipped ones first. Of two with one id the first is used."""

    found: tuple[CatalogEntry, ...] = ()
    tool_names: Collection[str] = ()
    """With their schemas where it is a mapping."""
    _by_id: dict[str, CatalogEntry] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        for found in self.found:
            self._by_id.setdefault(found.pack.pack_id, found)

    def used(self) -> tuple[CatalogEntry, ...]:
        """The one pack of each id, in the order they were found; what is no pack at all is not among them."""
        return tuple(found for found in self._by_id.values() if not found.reading.place.fault)

    def find(self, pack_id: str) -> CatalogEntry | None:
        """The pack of that id with its files, also when it is broken."""
        return self._by_id.get(pack_id)

    def get(self, pack_id: str) -> LoadedPack | None:
        """The content in force of that id, also when it is broken."""
        found = self._by_id.get(pack_id)
        return found.pack if found else None

    def all(self) -> tuple[LoadedPack, ...]:
        """The content in force of every pack found, also broken ones and those whose id is taken."""
        return tuple(found.pack for found in self.found)

    def flow(self, pack_id: str, flow_id: str) -> FlowDef | None:
        """A flow that could be read."""
        pack = self.get(pack_id)
        return pack.flows.get(flow_id) if pack else None

    def check(self, directory: Path, roots: Sequence[Path] = ()) -> CatalogEntry:
        """Load a directory as if it were added, among the other packs (blocking).

        One that stands in a directory of packs may read what it may read there; another one of its id may be
        a copy of it.
        """
        resolved = Path(os.path.realpath(directory))
        around = [root for root in roots if resolved.is_relative_to(os.path.realpath(root))]
        pack = read_pack(directory, tool_names=self.tool_names, roots=around)
        others = [other for other in self.all() if other.pack_id != pack.pack_id]
        more = subflow_problems([*others, pack])[-1]
        first = self.find(pack.pack_id)
        if around and first is not None and not _is_in(first.reading.place, resolved):
            more.insert(0, _taken(pack, first.reading.place))
        place = PackPlace(directory, PackRoot(directory.parent, "home"), str(directory), "")
        checked = replace(pack, problems=(*pack.problems, *more))
        return CatalogEntry(PackReading(place, checked, None, 0), checked, flow_views(checked))


def catalog_of(
    readings: Iterable[PackReading],
    tool_names: Collection[str],
    before: Catalog | None = None,
) -> Catalog:
    """The catalog of these packs, with what is wrong between them; `before` spares work done before."""
    known = {found.pack.content.digest: found.flows for found in before.found} if before else {}
    packs: list[LoadedPack] = []
    seen: dict[str, PackPlace] = {}
    listed = list(readings)
    for reading in listed:
        pack = reading.in_force
        first = seen.setdefault(pack.pack_id, reading.place)
        if first is not reading.place:
            pack = replace(pack, problems=(*pack.problems, _taken(pack, first)))
        packs.append(pack)
    between = zip(packs, subflow_problems(packs), strict=True)
    checked = [replace(pack, problems=(*pack.problems, *more)) for pack, more in between]
    found = tuple(
        CatalogEntry(reading, pack, known.get(pack.content.digest) or flow_views(pack))
        for reading, pack in zip(listed, checked, strict=True)
    )
    return Catalog(found, tool_names)


def read_place(place: PackPlace, tool_names: Collection[str]) -> LoadedPack:
    """What a pack directory holds now (blocking)."""
    if place.fault:
        name = path_text(place.directory)
        return _unread(place, name, name, place.fault)
    if place.leaves_root:
        message = "the link leads out of the directory of packs and is not followed"
        return _unread(place, path_text(place.directory.name), MANIFEST, message)
    return read_pack(
        place.directory, source=place.root.source, tool_names=tool_names, roots=[place.root.directory]
    )


def pack_roots(shipped: Path | None, home: Path | None) -> tuple[PackRoot, ...]:
    """The directories that hold packs, those we ship first."""
    roots: list[PackRoot] = []
    if shipped is not None:
        roots.append(PackRoot(shipped, "shipped"))
    if home is not None:
        roots.append(PackRoot(home, "home"))
    return tuple(roots)


def _is_in(place: PackPlace, resolved: Path) -> bool:
    return os.path.realpath(place.directory) == str(resolved)


def _taken(pack: LoadedPack, first: PackPlace) -> Problem:
    document = parse_document(pack.content.files.get(MANIFEST, ""), MANIFEST)
    line, column = document.position(("pack_id",)) if isinstance(document, SourceDocument) else (1, 1)
    message = (
        f"there is a {first.root.source} pack with the id `{pack.pack_id}` already, in "
        f"{path_text(first.directory)}: give one of them another id"
    )
    return Problem(file=MANIFEST, line=line, column=column, field="pack_id", message=message)


def _unread(place: PackPlace, pack_id: str, file: str, message: str) -> LoadedPack:
    problem = Problem(file=file, line=1, column=1, message=message)
    content = PackContent(pack_id, None, content_digest({}), {})
    return LoadedPack(content, None, {}, (problem,), place.root.source, named=False)
