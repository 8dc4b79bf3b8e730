"""Opening a path step by step without ever following a symbolic link.

Imports the standard library only: processes the tool layer starts use it too.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def open_directory(parts: Iterable[str], start: int | None = None) -> int:
    """A descriptor of the directory reached by `parts` from the descriptor `start` (default `/`).

    The caller closes it. Raises OSError, ELOOP or ENOTDIR when a part is a symbolic link.
    """
    # a plain open of "/" or "." cannot be a link, and gives the walk a descriptor of its own
    current = os.open("/", _DIRECTORY) if start is None else os.open(".", _DIRECTORY, dir_fd=start)
    for part in parts:
        try:
            following = os.open(part, _DIRECTORY, dir_fd=current)
        finally:
            os.close(current)
        current = following
    return current


def open_to_read(name: str, directory: int) -> int:
    """A descriptor to read the entry `name` of `directory`; a FIFO does not block the caller."""
    return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
