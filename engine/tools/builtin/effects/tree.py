"""What is in a folder: every file, link and directory below it, by content; and an exact copy of it.

No link is followed, whatever somebody swaps meanwhile. Everything blocks: call it in a thread.
"""

from __future__ import annotations

import hashlib
import os
import stat
from typing import TYPE_CHECKING, Literal, NamedTuple

from engine.tools.failure import from_os_error, invalid_input

if TYPE_CHECKING:
    from pathlib import Path

    from engine.threads import StopFlag

MAX_ENTRIES = 20_000
MAX_BYTES = 256 * 1024 * 1024
MAX_DEPTH = 100
_CHUNK = 1 << 20


class Entry(NamedTuple):
    """One name: `content` is the sha256 of a file, where a link leads, or nothing."""

    kind: Literal["file", "link", "directory"]
    mode: int
    content: str


Tree = dict[str, Entry]
"""Entries by their paths below the folder, parents first."""


def read_tree(folder: Path, stop: StopFlag, copy: Path | None = None) -> Tree:
    """What is below the folder; `copy`, an empty directory, becomes the same.

    Raises ToolFailure: more than 20,000 entries, 256 MiB or 100 directories one in another, something that is
    neither file, link nor directory, what cannot be read.
    """
    tree: Tree = {}
    room = MAX_BYTES
    try:
        for place, directories, files, opened in os.fwalk(folder, onerror=_raise, follow_symlinks=False):
            above = os.path.relpath(place, folder)
            directories.sort()
            for name in sorted([*directories, *files]):
                stop.check()
                path = name if above == "." else f"{above}/{name}"
                target = copy / path if copy is not None else None
                tree[path], size = _entry(name, opened, path, target, room)
                room -= size
                if path.count("/") > MAX_DEPTH:
                    raise invalid_input(f"the folder is deeper than {MAX_DEPTH} directories")
                if len(tree) > MAX_ENTRIES:
                    raise invalid_input(f"the folder holds more than {MAX_ENTRIES:,} files and directories")
        if copy is not None:
            for path in reversed(tree):
                if tree[path].kind == "directory":
                    (copy / path).chmod(tree[path].mode)
    except OSError as error:
        raise from_os_error(error, f"cannot look at {str(folder)!r}") from error
    return tree


def entry_at(name: str, directory: int) -> Entry | None:
    """What is under the name in an open directory; None when nothing is. Raises OSError, ToolFailure."""
    try:
        return _entry(name, directory, name, None, MAX_BYTES)[0]
    except FileNotFoundError:
        return None


def _entry(name: str, opened: int, path: str, target: Path | None, room: int) -> tuple[Entry, int]:
    """The entry, and how many bytes it holds."""
    status = os.stat(name, dir_fd=opened, follow_symlinks=False)
    mode = stat.S_IMODE(status.st_mode) & 0o777
    if stat.S_ISDIR(status.st_mode):
        if target is not None:
            target.mkdir(0o700)
        return Entry("directory", mode, ""), 0
    if stat.S_ISLNK(status.st_mode):
        leads = os.readlink(name, dir_fd=opened)
        if target is not None:
            target.symlink_to(leads)
        return Entry("link", 0, leads), 0
    if not stat.S_ISREG(status.st_mode):
        raise invalid_input(f"{path!r} is neither a file, a link nor a directory")
    digest, size = _file(name, opened, target, room)
    if target is not None:
        target.chmod(mode)
        os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
    return Entry("file", mode, digest), size


def _file(name: str, opened: int, target: Path | None, room: int) -> tuple[str, int]:
    """The digest and size of a file."""
    digest, size = hashlib.sha256(), 0
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=opened)
    with os.fdopen(descriptor, "rb") as source, open(target or os.devnull, "wb") as copy:  # noqa: PTH123
        while chunk := source.read(_CHUNK):
            size += len(chunk)
            if size > room:
                raise invalid_input(f"the folder holds more than {MAX_BYTES >> 20} MiB")
            digest.update(chunk)
            copy.write(chunk)
    return digest.hexdigest(), size


def _raise(error: OSError) -> None:
    raise error
