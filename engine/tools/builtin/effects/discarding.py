"""Removing what a command has made, however deep and however closed it has made it."""

from __future__ import annotations

import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def discard(folder: Path) -> None:
    """Remove a folder of ours, as far as the file system lets us; blocks.

    What is inside a directory is moved up before it is removed: to walk down would take a frame and a
    descriptor for each of thousands of directories.
    """
    with suppress(OSError):
        while inside := list(folder.iterdir()):
            for path in inside:
                if path.is_dir() and not path.is_symlink():
                    _empty(path, folder)
                    path.rmdir()
                else:
                    path.unlink()
        folder.rmdir()


def _empty(directory: Path, folder: Path) -> None:
    directory.chmod(0o700)
    for path in list(directory.iterdir()):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)  # one that is closed cannot be moved
        path.rename(folder / secrets.token_hex(16))
