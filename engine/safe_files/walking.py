"""Opening a path step by step without ever following a symbolic link.

Imports the standard library only: processes the tool layer starts use it too.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from engine.safe_files.sharing import mode_in

if TYPE_CHECKING:
    from collections.abc import Iterable

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def open_directory(parts: Iterable[str], start: int | None = None, *, make_mode: int | None = None) -> int:
    """A descriptor of the directory reached by `parts` from the descriptor `start` (default `/`).

    With `make_mode` directories that are missing are made with it, as `mode_in` has it. The caller closes the
    descriptor. Raises OSError, ELOOP or ENOTDIR when a part is a symbolic link.
    """
    # a plain open of "/" or "." cannot be a link
    current = os.open("/", _DIRECTORY) if start is None else start
    for part in parts:
        try:
            following = _open_below(current, part, make_mode)
        finally:
            if current != start:
                os.close(current)
        current = following
    return os.open(".", _DIRECTORY, dir_fd=start) if current == start else current


def _open_below(directory: int, part: str, make_mode: int | None) -> int:
    try:
        return os.open(part, _DIRECTORY, dir_fd=directory)
    except FileNotFoundError:
        if make_mode is None:
            raise
    with contextlib.suppress(FileExistsError):
        os.mkdir(part, mode_in(directory, make_mode), dir_fd=directory)
    return os.open(part, _DIRECTORY, dir_fd=directory)


def open_to_read(name: str, directory: int | None = None) -> int:
    """A descriptor to read the entry `name` of `directory`, or a path whose last part is no link.

    A FIFO does not block the caller. Raises OSError.
    """
    return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
