"""Modes of what we make: for the group as for the owner where the group may write to the directory around it.

So several operators share a home. Where all others may write, too, as in /tmp, nothing is shared. The umask
takes away from it. Imports the standard library only.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def mode_in(directory: int | Path, mode: int) -> int:
    """The mode of what is made with `mode` in a directory, which may be an open one. Raises OSError."""
    around = os.stat(directory).st_mode  # noqa: PTH116 - or a descriptor
    shared = around & stat.S_IWGRP and not around & stat.S_IWOTH
    return mode | (mode & stat.S_IRWXU) >> 3 if shared else mode


def make_directory(path: Path) -> None:
    """Make a directory of ours unless it is there, and those above it. Raises OSError."""
    if not path.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=mode_in(path.parent, 0o700), exist_ok=True)
