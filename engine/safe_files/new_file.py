"""A file that is new: it grows beside its place and takes it when it is whole, never that of another one."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class NotNewError(ValueError):
    """No new file can be there, in words for a person."""


@contextmanager
def new_file(target: Path) -> Iterator[Path]:
    """A private file beside `target` that becomes it when nothing is raised, with all of it on the disk.

    Raises NotNewError where something is already, where its directory is not, and for what no file can be
    called; OSError.
    """
    _require_new(target)
    temporary = target.with_name(f".{target.name[:50]}.{secrets.token_hex(8)}.tmp")
    try:
        os.close(os.open(temporary, _NEW, 0o600))
        yield temporary
        _sync(temporary, os.O_RDONLY)
        try:
            os.link(temporary, target)  # unlike rename it fails when somebody made the name meanwhile
        except FileExistsError:
            raise NotNewError(f"{target} is there already") from None
        _sync(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    finally:
        temporary.unlink(missing_ok=True)


def _require_new(target: Path) -> None:
    try:
        there, has_room = target.exists(), target.parent.is_dir()
    except OSError as error:  # its name is too long, or a directory above may not be entered
        raise NotNewError(f"{target} cannot be a file: {error.strerror}") from None
    if there:
        raise NotNewError(f"{target} is there already; choose another name")
    if not has_room:
        raise NotNewError(f"there is no directory {target.parent}")


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
