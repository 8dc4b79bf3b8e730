"""Writing files so that a reader sees the old one or the new one, and no failure leaves a half behind.

Directories are made with mode 0700 and files with 0600. Symbolic links in place of our own directories
are refused: every path is walked from an open directory without following links.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

from engine.errors import ErrorCode, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from io import BufferedReader
    from pathlib import Path

_CHUNK = 1024 * 1024
_numbers = itertools.count(1)
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_INSIDE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
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
def storage_errors(where: Path) -> Iterator[None]:
    """Turn the operating system's refusals to write into Unavailable (`disk_full`, `read_only`)."""
    try:
        yield
    except OSError as fault:
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
    current = _open_root(root, create=create)
    try:
        for part in parts:
            below = _open_below(current, part, create=create)
            os.close(current)
            current = below
        yield current
    finally:
        os.close(current)


def _open_root(root: Path, *, create: bool) -> int:
    try:
        return os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        if not create:
            raise
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _open_below(directory: int, part: str, *, create: bool) -> int:
    try:
        return os.open(part, _DIRECTORY, dir_fd=directory)
    except FileNotFoundError:
        if not create:
            raise
        with contextlib.suppress(FileExistsError):
            os.mkdir(part, 0o700, dir_fd=directory)
        return os.open(part, _DIRECTORY, dir_fd=directory)


def write_atomically(directory: int, name: str, chunks: Iterable[bytes], *, fsync: bool) -> tuple[int, str]:
    """Write a file under `name` in an open directory; its size and sha256. Replaces what was there."""
    temporary = f".{next(_numbers)}.{os.getpid()}.{name}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, 0o600, dir_fd=directory)
    try:
        digest = hashlib.sha256()
        size = 0
        try:
            for chunk in chunks:
                digest.update(chunk)
                size += len(chunk)
                rest = memoryview(chunk)
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
            if fsync:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=directory)
        raise
    if fsync:
        os.fsync(directory)
    return size, digest.hexdigest()


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


def read_inside(directory: int, name: str) -> bytes | None:
    """A whole small file of an open directory, None when it is not there; links are not followed."""
    try:
        descriptor = os.open(name, _INSIDE, dir_fd=directory)
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
        descriptor = os.open(name, _INSIDE, dir_fd=directory)
    except OSError:
        return None
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    return None
