"""Makes a folder what was approved: each path is compared with what it was before anything is touched."""

from __future__ import annotations

import contextlib
import hashlib
import os
from typing import TYPE_CHECKING

from engine.safe_files.walking import open_directory
from engine.safe_files.writing import write_atomically
from engine.tools.builtin.effects.changes import changed_meanwhile
from engine.tools.builtin.effects.tree import entry_at
from engine.tools.failure import ToolFailure, from_os_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from engine.tools.builtin.effects.changes import Change


def unchanged(changes: Sequence[Change], folder: Path) -> bool:
    """Whether every path that is to change is still what it was. Raises OSError."""
    gone = {change.path for change in changes if change.after is None}
    made = {change.path for change in changes if _makes_directory(change)}
    return all(_is_as_before(change, folder, gone, made) for change in changes)


def commit(changes: Sequence[Change], folder: Path, contents: Path) -> None:
    """Make the changes; `contents` holds each file that comes under its digest.

    Raises ToolFailure: approval_void before anything is touched, when a path or a content is not what was
    shown; what the file system refuses.
    """
    try:
        kept = _contents(changes, contents)
        if not unchanged(changes, folder):
            raise changed_meanwhile()
        for change in reversed(changes):
            if _makes_room(change):
                _remove(change, folder)
        for change in changes:
            _make(change, folder, kept)
        for change in reversed(changes):
            if change.after is not None and change.after.kind == "directory":
                with _opened(folder, change.path) as directory:
                    os.fchmod(directory, change.after.mode)
    except OSError as error:
        raise from_os_error(error, f"cannot change {str(folder)!r}") from error


def _contents(changes: Sequence[Change], contents: Path) -> dict[str, bytes]:
    digests = {change.after.content for change in changes if change.after and change.after.kind == "file"}
    kept = {digest: (contents / digest).read_bytes() for digest in digests}
    if any(hashlib.sha256(content).hexdigest() != digest for digest, content in kept.items()):
        raise changed_meanwhile()
    return kept


def _makes_directory(change: Change) -> bool:
    before, after = change.before, change.after
    return after is not None and after.kind == "directory" and (before is None or before.kind != "directory")


def _makes_room(change: Change) -> bool:
    """What a file is replaced by takes its place in one step; everything else goes first."""
    before, after = change.before, change.after
    return before is not None and (after is None or before.kind != after.kind or after.kind == "link")


def _is_as_before(change: Change, folder: Path, gone: set[str], made: set[str]) -> bool:
    above, _, name = change.path.rpartition("/")
    if above in made:  # nothing was in it; that it was not there is looked at with itself
        return change.before is None
    try:
        with _opened(folder, above) as directory:
            if entry_at(name, directory) != change.before:
                return False
    except (NotADirectoryError, FileNotFoundError, ToolFailure):
        return False
    if change.before is None or change.before.kind != "directory" or not _makes_room(change):
        return True
    with _opened(folder, change.path) as directory:
        return all(f"{change.path}/{inside}" in gone for inside in os.listdir(directory))  # noqa: PTH208 - a descriptor


def _remove(change: Change, folder: Path) -> None:
    above, _, name = change.path.rpartition("/")
    with _opened(folder, above) as directory:
        if change.before is not None and change.before.kind == "directory":
            os.rmdir(name, dir_fd=directory)
        else:
            os.unlink(name, dir_fd=directory)


def _make(change: Change, folder: Path, kept: dict[str, bytes]) -> None:
    after = change.after
    if after is None:
        return
    above, _, name = change.path.rpartition("/")
    with _opened(folder, above) as directory:
        if after.kind == "link":
            os.symlink(after.content, name, dir_fd=directory)
        elif _makes_directory(change):
            os.mkdir(name, 0o700, dir_fd=directory)
        elif after.kind == "file":
            write_atomically(
                directory, name, (kept[after.content],), fsync=True, mode=after.mode, exact_mode=True
            )


@contextlib.contextmanager
def _opened(folder: Path, path: str) -> Iterator[int]:
    """A directory below the folder, reached over no link."""
    descriptor = open_directory([*folder.parts[1:], *filter(None, path.split("/"))])
    try:
        yield descriptor
    finally:
        os.close(descriptor)
