"""What a catalog holds of each pack: what its directory reads as now, and what is in force."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.contracts.packs.pack import FlowView, Problem
    from engine.packs.catalog.scan import PackPlace
    from engine.packs.loaded_pack import LoadedPack


@dataclass(frozen=True, slots=True)
class PackReading:
    """What a pack directory holds now, and the last content of it that had no problems."""

    place: PackPlace
    files: LoadedPack
    good: LoadedPack | None
    read_at: int
    """When other files were found than before, in microseconds."""

    @property
    def in_force(self) -> LoadedPack:
        """The files, unless they are broken and there is something better."""
        return self.good if self.files.problems and self.good is not None else self.files


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """A pack of the catalog."""

    reading: PackReading
    pack: LoadedPack
    """In force, with its problems among the other packs."""
    flows: tuple[FlowView, ...]
    """As they are listed: made once, since lists are asked for often."""

    @property
    def stale(self) -> bool:
        """Whether the files are broken and an earlier content is in force."""
        return bool(self.reading.files.problems) and self.reading.in_force is not self.reading.files

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Of the files and of the content in force."""
        return (*self.reading.files.problems, *self.pack.problems) if self.stale else self.pack.problems
