"""Which pack directories there are, and a stamp of each that changes when any of its files does."""

from __future__ import annotations

import hashlib
import os
import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.contracts.packs.pack import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from engine.packs.loaded_pack import LoadedPack, PackSource

MAX_PACKS = 1000
MAX_ENTRIES = 5000
MAX_DEPTH = 8
SHARED = "_shared"


@dataclass(frozen=True, slots=True)
class PackRoot:
    """A directory that holds packs."""

    directory: Path
    source: PackSource


@dataclass(frozen=True, slots=True)
class PackPlace:
    """A directory that should be a pack."""

    directory: Path
    root: PackRoot
    key: str
    """The directory's path without links above it: the same in every process."""
    stamp: str
    """Of the files below it; not of what it refers to elsewhere."""

    @property
    def leaves_root(self) -> bool:
        """Whether it is a link out of its root (blocking)."""
        return not self.directory.resolve().is_relative_to(self.root.directory.resolve())


@dataclass(frozen=True, slots=True)
class Scan:
    """All roots at one moment."""

    places: tuple[PackPlace, ...]
    problems: tuple[Problem, ...]
    stamps: Mapping[Path, str]
    """Of every directory in a root, also `_shared`."""

    def full_stamp(self, place: PackPlace, known: LoadedPack | None) -> str:
        """A stamp of everything the pack is made of, as far as it is known which files that are.

        While a pack is broken, any directory may hold what it lacks.
        """
        if known is None:
            return place.stamp
        if known.problems:
            return _digest([place.stamp, *self.stamps.values()])
        parent = place.directory.parent
        outside = {name.split("/")[1] for name in known.content.files if name.startswith("../")}
        if ".." in outside:
            return _digest([place.stamp, *self.stamps.values()])
        return _digest([place.stamp, *(self.stamps.get(parent / name, "") for name in sorted(outside))])


def scan_roots(roots: Sequence[PackRoot]) -> Scan:
    """Look at every root (blocking); one that is not there holds no packs."""
    places: list[PackPlace] = []
    problems: list[Problem] = []
    stamps: dict[Path, str] = {}
    for root in roots:
        found = _directories(root.directory, problems)
        visible = [directory for directory in found if not directory.name.startswith((".", "_"))]
        if len(visible) > MAX_PACKS:
            message = f"too many packs: {len(visible)}, at most {MAX_PACKS} are loaded"
            problems.append(Problem(file=str(root.directory), line=1, column=1, message=message))
        resolved = root.directory.resolve()
        for directory in visible[:MAX_PACKS]:
            stamps[directory] = tree_stamp(directory)
            places.append(PackPlace(directory, root, str(resolved / directory.name), stamps[directory]))
        if root.directory / SHARED in found:
            stamps[root.directory / SHARED] = tree_stamp(root.directory / SHARED)
    return Scan(tuple(places), tuple(problems), stamps)


def tree_stamp(directory: Path) -> str:
    """A digest of names, sizes, times and modes below a directory (blocking); no content is read."""
    listed: list[str] = []
    _add_entries(str(directory), "", MAX_DEPTH, listed)
    return _digest(listed)


def _directories(root: Path, problems: list[Problem]) -> list[Path]:
    if not os.path.lexists(root):
        return []
    try:
        return sorted(entry for entry in root.iterdir() if entry.is_dir())
    except OSError as error:
        message = f"the directory of packs cannot be read: {error.strerror}"
        problems.append(Problem(file=str(root), line=1, column=1, message=message))
        return []


def _add_entries(directory: str, name: str, depth: int, listed: list[str]) -> None:
    try:
        with os.scandir(directory) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        listed.append(f"{name} {error.errno}")
        return
    for entry in found:
        # editors keep swap and lock files beside the file they edit, Python its compiled code
        if entry.name.startswith((".", "#")) or entry.name == "__pycache__" or len(listed) >= MAX_ENTRIES:
            continue
        below = posixpath.join(name, entry.name)
        try:
            stat = entry.stat()
            listed.append(
                f"{below} {stat.st_mode} {stat.st_ino} {stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns}"
                if not entry.is_dir()
                else f"{below} {stat.st_mode} {stat.st_ino}"
            )
            if entry.is_dir() and depth:
                _add_entries(entry.path, below, depth - 1, listed)
        except OSError as error:
            listed.append(f"{below} {error.errno}")


def _digest(listed: Iterable[str]) -> str:
    return hashlib.blake2b("\n".join(listed).encode(errors="surrogateescape"), digest_size=16).hexdigest()
