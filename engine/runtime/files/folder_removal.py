"""Removing the folders of runs, and what they take. Blocks on the disk: call in a thread."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from engine.runtime.files.folder_access import is_there, names_in, open_directory, storage_errors
from engine.safe_files.removing import remove_tree, tree_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def folder_bytes(root: Path, pack: str, run_id: str) -> int | None:
    """Bytes of the files in a run's folder; None when there is none."""
    try:
        with open_directory(root, (pack, run_id), create=False) as directory:
            return tree_bytes(directory)
    except OSError:
        return None


def remove_folder(root: Path, pack: str, run_id: str) -> int | None:
    """Remove a run's folder; the bytes of its files, None when there was none. Raises Unavailable."""
    size = folder_bytes(root, pack, run_id)
    if size is None:
        return None
    with storage_errors(root / pack / run_id), open_directory(root, (pack,), create=False) as directory:
        while is_there(directory, run_id):
            with suppress(FileNotFoundError):  # another one removes it, too
                remove_tree(run_id, directory)
    return size


def folders_before(root: Path, moment: float) -> Iterator[tuple[str, str]]:
    """(pack, run id) of folders in which nothing was made since a moment (seconds since the epoch)."""
    try:
        packs = sorted(entry.name for entry in os.scandir(root) if entry.is_dir(follow_symlinks=False))
    except OSError:
        return
    for pack in packs:
        with storage_errors(root / pack), open_directory(root, (pack,), create=False) as directory:
            for run_id in names_in(directory):
                try:
                    found = os.stat(run_id, dir_fd=directory, follow_symlinks=False)
                except FileNotFoundError:  # another one removes it
                    continue
                if stat.S_ISDIR(found.st_mode) and run_id.startswith("run_") and found.st_mtime < moment:
                    yield pack, run_id
