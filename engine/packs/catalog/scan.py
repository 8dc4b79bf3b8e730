"""Which pack directories there are, and a stamp of each that changes when any of its files does."""

from __future__ import annotations

import hashlib
import os
import posixpath
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.packs.source.content import is_passed_over
from engine.packs.source.directory import path_text, stat_stamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.packs.loaded_pack import PackSource

MAX_PACKS = 1000
MAX_ENTRIES = 5000
MAX_DEPTH = 8


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
    """Of the files below it, not of what it refers to elsewhere; empty where they are too many to compare."""
    fault: str = ""
    """What is wrong with a directory of packs, which is then a place of its own."""

    @property
    def leaves_root(self) -> bool:
        """Whether it is a link out of its root (blocking)."""
        root, target = os.path.realpath(self.root.directory), os.path.realpath(self.directory)
        return not Path(target).is_relative_to(root)


def scan_roots(roots: Sequence[PackRoot]) -> tuple[PackPlace, ...]:
    """Look at every root (blocking); one that is not there holds no packs."""
    places: list[PackPlace] = []
    for root in roots:
        resolved = Path(os.path.realpath(root.directory))
        try:
            found = _directories(root.directory)
        except OSError as error:
            places.append(_faulty(root, resolved, f"the directory of packs cannot be read: {error.strerror}"))
            continue
        visible = [directory for directory in found if not directory.name.startswith((".", "_"))]
        if len(visible) > MAX_PACKS:
            fault = f"too many packs: {len(visible)}, at most {MAX_PACKS} are loaded"
            places.append(_faulty(root, resolved, fault))
        for directory in visible[:MAX_PACKS]:
            key = path_text(resolved / directory.name)
            places.append(PackPlace(directory, root, key, tree_stamp(directory)))
    return tuple(places)


def tree_stamp(directory: Path) -> str:
    """A digest of names, sizes, times and modes below a directory (blocking); no content is read.

    Empty where there are too many entries to compare.
    """
    listed: list[str] = []
    _add_entries(str(directory), "", MAX_DEPTH, listed)
    return _digest(listed) if len(listed) < MAX_ENTRIES else ""


def _faulty(root: PackRoot, resolved: Path, fault: str) -> PackPlace:
    return PackPlace(root.directory, root, path_text(resolved), fault, fault)


def _directories(root: Path) -> list[Path]:
    """Those in the root, also those that cannot be looked at. Raises OSError."""
    return sorted(filter(_is_directory, root.iterdir())) if os.path.lexists(root) else []


def _is_directory(entry: Path) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # such as a link to where nobody may look: a pack that cannot be read
        return True


def _add_entries(directory: str, name: str, depth: int, listed: list[str]) -> None:
    try:
        with os.scandir(directory) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        listed.append(f"{name} {error.errno}")
        return
    for entry in found:
        if is_passed_over(entry.name) or len(listed) >= MAX_ENTRIES:
            continue
        below = posixpath.join(name, entry.name)
        try:
            stat = entry.stat()
            stamp = stat_stamp(stat) if not entry.is_dir() else f"{stat.st_mode} {stat.st_ino}"
            listed.append(f"{below} {stamp}")
            if entry.is_dir() and depth:
                _add_entries(entry.path, below, depth - 1, listed)
        except OSError as error:
            listed.append(f"{below} {error.errno}")


def _digest(listed: Iterable[str]) -> str:
    return hashlib.blake2b("\n".join(listed).encode(errors="surrogateescape"), digest_size=16).hexdigest()
