"""What takes how much of the disk, by kind. Looks only, and blocks on the disk: call in a thread."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from engine.errors import VasiniError
from engine.journal.sqlite.file.backup import contents
from engine.safe_files.removing import tree_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from vasini_tui.settings.places import Places


def disk_by_kind(places: Places) -> dict[str, int]:
    """Bytes by kind; a kind that cannot be looked at is left out."""
    found: dict[str, int] = {}
    with suppress(VasiniError, OSError):  # what is wrong with the journal stands among the problems
        if places.journal_file.exists():
            found |= {f"journal: {kind}": size for kind, size in _journal(places.journal_file).items()}
    kinds = {"folders of runs": places.runs_dir, "cache": places.cache_dir, "log": places.log_file}
    for kind, place in kinds.items():
        with suppress(OSError):
            found[kind] = _size(place)
    return found


def _journal(file: Path) -> dict[str, int]:
    known = {kind.replace("_", " "): size for kind, size in contents(file).items()}
    beside = (file, *(file.with_name(f"{file.name}{end}") for end in ("-wal", "-shm")))
    whole = sum(part.stat().st_size for part in beside if part.exists())
    return {**known, "rows and indexes": max(whole - sum(known.values()), 0)}


def _size(place: Path) -> int:
    if place.is_file():
        return place.stat().st_size
    folder = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return tree_bytes(folder)
    finally:
        os.close(folder)
