"""Packs as they were last read, and reading again those whose files have changed. All of it blocks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.packs.catalog.catalog import pack_roots, read_place
from engine.packs.catalog.scan import scan_roots, tree_stamp
from engine.packs.source.directory import file_stamp

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from engine.packs.catalog.scan import PackPlace
    from engine.packs.loaded_pack import LoadedPack

READINGS = 3
"""How often a pack is read when its files change meanwhile; the change itself is noticed later."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A pack directory as it was read."""

    place: PackPlace
    files: LoadedPack
    stamp: str
    """Empty when the files changed while they were read, or are too many to compare: the next look reads
    them again."""


@dataclass(frozen=True, slots=True)
class ScanResult:
    """Every pack directory, and which of them were read just now."""

    readings: tuple[Reading, ...]
    fresh: frozenset[str]
    """Keys of places."""

    @property
    def newly_broken(self) -> bool:
        """Whether one of those read just now has problems."""
        return any(reading.files.problems for reading in self.readings if reading.place.key in self.fresh)

    def after(self, earlier: ScanResult) -> ScanResult:
        """This look with what an earlier one found changed."""
        return replace(self, fresh=self.fresh | earlier.fresh)


class PackCache:
    """The packs below two roots. One thread at a time."""

    def __init__(self, shipped: Path | None, home: Path | None, tool_names: Collection[str]) -> None:
        self._roots = pack_roots(shipped, home)
        self._tool_names = tool_names
        self._held: dict[str, Reading] = {}

    def scan(self) -> ScanResult:
        """Compare stamps, read what changed."""
        readings: dict[str, Reading] = {}
        fresh: set[str] = set()
        for place in scan_roots(self._roots):
            held = self._held.get(place.key)
            if held is not None and held.stamp and held.stamp == place.stamp and _holds_apart(held):
                readings[place.key] = held
                continue
            readings[place.key] = self._read(place)
            fresh.add(place.key)
        self._held = readings
        return ScanResult(tuple(readings.values()), frozenset(fresh))

    def _read(self, place: PackPlace) -> Reading:
        if place.fault or not place.stamp:
            files = read_place(place, self._tool_names)
            return Reading(place, files, place.stamp)
        files, stamp = self._read_once(place)
        for _ in range(READINGS - 1):
            if stamp:
                break
            files, stamp = self._read_once(place)
        return Reading(place, files, stamp if stamp == place.stamp else "")

    def _read_once(self, place: PackPlace) -> tuple[LoadedPack, str]:
        """The pack and the stamp it was read under; none when its files changed meanwhile."""
        before = tree_stamp(place.directory)
        files = read_place(place, self._tool_names)
        return files, before if tree_stamp(place.directory) == before else ""


def _holds_apart(held: Reading) -> bool:
    """Whether the files that stand elsewhere are what they were when they were read."""
    directory = held.place.directory
    return all(stamp == file_stamp(f"{directory}/{name}") for name, stamp in held.files.apart.items())
