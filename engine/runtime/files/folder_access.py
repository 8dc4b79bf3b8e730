"""What lies below the runs' folders, opened and read without following links.

Directories are made with mode 0700, in a shared home 0770. Symbolic links in place of our own directories
are refused.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

from engine.errors import ErrorCode, Unavailable
from engine.safe_files import walking
from engine.safe_files.sharing import make_directory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from io import BufferedReader
    from pathlib import Path

_CHUNK = 1024 * 1024
_CODES = {
    errno.ENOSPC: ErrorCode.DISK_FULL,
    errno.EDQUOT: ErrorCode.DISK_FULL,
    errno.EROFS: ErrorCode.READ_ONLY,
    errno.EACCES: ErrorCode.READ_ONLY,
    errno.EPERM: ErrorCode.READ_ONLY,
}
_ADVICE = {
    ErrorCode.DISK_FULL: "free some space",
    ErrorCode.READ_ONLY: "make it writable for this user",
    ErrorCode.JOURNAL_UNAVAILABLE: "check the disk, then try again",
}


@contextmanager
def storage_errors(root: Path, parts: Iterable[str] = ()) -> Iterator[None]:
    """Turn the operating system's refusals to write below `root/parts...` into Unavailable (`disk_full`,
    `read_only`)."""
    try:
        yield
    except OSError as fault:
        where = root.joinpath(*parts)
        if fault.errno in (errno.ELOOP, errno.ENOTDIR):
            raise Unavailable(
                ErrorCode.READ_ONLY,
                f"{where} or a directory above it is a link or a file; remove it, then try again",
            ) from None
        code = _CODES.get(fault.errno or 0, ErrorCode.JOURNAL_UNAVAILABLE)
        reason = os.strerror(fault.errno) if fault.errno else "the storage failed"
        raise Unavailable(code, f"cannot use {where}: {reason}; {_ADVICE[code]}") from None


@contextmanager
def open_directory(root: Path, parts: Iterable[str], *, create: bool = True) -> Iterator[int]:
    """A file descriptor of `root/parts...`, made where missing; no part below `root` may be a link."""
    start = _open_root(root, create=create)
    try:
        current = walking.open_directory(parts, start, make_mode=0o700 if create else None)
    finally:
        os.close(start)
    try:
        yield current
    finally:
        os.close(current)


@contextmanager
def open_below(directory: int, parts: Iterable[str], *, create: bool = True) -> Iterator[int]:
    """The same for what lies below an open directory."""
    current = walking.open_directory(parts, directory, make_mode=0o700 if create else None)
    try:
        yield current
    finally:
        os.close(current)


def _open_root(root: Path, *, create: bool) -> int:
    try:
        return os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        if not create:
            raise
        make_directory(root)
        return os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def read_chunks(source: Path) -> Iterator[bytes]:
    """Content of a regular file given from outside, a megabyte at a time."""
    # Not blocking: a FIFO would hold the caller for ever before it could be seen to be no file.
    descriptor = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise IsADirectoryError(errno.EISDIR, "not a regular file", str(source))
        while chunk := file.read(_CHUNK):
            yield chunk


def names_in(directory: int) -> list[str]:
    """Sorted names in an open directory."""
    return sorted(os.listdir(directory))


def is_there(directory: int, name: str) -> bool:
    """Whether an open directory has an entry of that name, whatever it is."""
    try:
        os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def read_inside(directory: int, name: str) -> bytes | None:
    """A whole small file of an open directory, None when it is not there; links are not followed."""
    try:
        descriptor = walking.open_to_read(name, directory)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def read_beginning(directory: int, name: str, limit: int) -> tuple[bytes, int] | None:
    """The first bytes of a regular file in an open directory and its size, None for anything else."""
    file = _open_regular(directory, name)
    if file is None:
        return None
    with file:
        return file.read(limit), os.fstat(file.fileno()).st_size


def measure(directory: int, name: str) -> tuple[int, str] | None:
    """Size and sha256 of a regular file in an open directory, None for anything else."""
    file = _open_regular(directory, name)
    if file is None:
        return None
    with file:
        return os.fstat(file.fileno()).st_size, hashlib.file_digest(file, "sha256").hexdigest()


def _open_regular(directory: int, name: str) -> BufferedReader | None:
    try:
        descriptor = walking.open_to_read(name, directory)
    except OSError:
        return None
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    return None
