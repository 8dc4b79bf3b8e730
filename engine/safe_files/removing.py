"""Measuring and removing a folder that somebody else has filled: however deep and closed, links as links.

Neither a frame nor a descriptor is taken for each of thousands of directories. Blocks; imports the standard
library only.
"""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_ITSELF = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove_tree(name: str, parent: int) -> None:
    """Remove the folder `name` of the open directory `parent`. Raises OSError.

    What is inside a directory is moved up to the folder before the directory is removed.
    """
    folder = _opened(name, parent)
    try:
        while names := os.listdir(folder):  # noqa: PTH208 - a descriptor
            for entry in names:
                if _is_directory(entry, folder):
                    _empty(entry, folder)
                    os.rmdir(entry, dir_fd=folder)
                else:
                    os.unlink(entry, dir_fd=folder)
    finally:
        os.close(folder)
    os.rmdir(name, dir_fd=parent)


def discard(folder: Path) -> None:
    """Remove a folder of ours, if it is there, as far as the file system lets us."""
    with suppress(OSError):
        parent = os.open(folder.parent, _DIRECTORY)
        try:
            remove_tree(folder.name, parent)
        finally:
            os.close(parent)


def tree_bytes(directory: int) -> int:
    """The bytes of the files below an open directory; what is closed or goes meanwhile counts nothing.

    Raises OSError.
    """
    here = os.open(".", _DIRECTORY, dir_fd=directory)
    try:
        size, below = _looked_at(here)
        levels = [below]
        while levels:
            if levels[-1]:
                try:
                    inner = os.open(levels[-1].pop(), _DIRECTORY, dir_fd=here)
                except (PermissionError, FileNotFoundError, NotADirectoryError):
                    continue
                os.close(here)
                here = inner
                found, below = _looked_at(here)
                size += found
                levels.append(below)
                continue
            levels.pop()
            if levels:
                inner = os.open("..", _DIRECTORY, dir_fd=here)
                os.close(here)
                here = inner
    finally:
        os.close(here)
    return size


def _looked_at(directory: int) -> tuple[int, list[str]]:
    """Bytes of the files in an open directory, and the names of its directories."""
    found = []
    with os.scandir(directory) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                found.append((entry.name, entry.stat(follow_symlinks=False)))
    below = [name for name, its in found if stat.S_ISDIR(its.st_mode)]
    return sum(its.st_size for _, its in found if not stat.S_ISDIR(its.st_mode)), below


def _empty(name: str, folder: int) -> None:
    directory = _opened(name, folder)
    try:
        for entry in os.listdir(directory):  # noqa: PTH208 - a descriptor
            if _is_directory(entry, directory):
                os.close(_opened(entry, directory))  # one that is closed cannot be moved
            os.rename(entry, secrets.token_hex(16), src_dir_fd=directory, dst_dir_fd=folder)
    finally:
        os.close(directory)


def _opened(name: str, parent: int) -> int:
    """An open directory that its owner may look into and change from now on."""
    itself = os.open(name, _ITSELF, dir_fd=parent)
    try:
        if stat.S_IMODE(os.fstat(itself).st_mode) & 0o700 != 0o700:
            Path(f"/proc/self/fd/{itself}").chmod(0o700)  # a descriptor of this kind takes no mode itself
        return os.open(".", _DIRECTORY, dir_fd=itself)
    finally:
        os.close(itself)


def _is_directory(name: str, parent: int) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)
