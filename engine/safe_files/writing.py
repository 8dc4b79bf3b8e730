"""Writing a file so that a reader sees the old one or the new one, and no failure leaves a half behind."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
from typing import TYPE_CHECKING

from engine.safe_files.sharing import mode_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def write_atomically(
    directory: int,
    name: str,
    chunks: Iterable[bytes],
    *,
    fsync: bool,
    mode: int = 0o600,
    keep_mode: bool = False,
    exact_mode: bool = False,
    overwrite: bool = True,
    before: Callable[[], None] = lambda: None,
) -> tuple[int, str]:
    """Write a file under `name` in an open directory; its size and sha256.

    The file gets `mode` as `mode_in` has it, less the umask, or `exact_mode`; with `keep_mode` a file that is
    replaced passes its own on.
    `before` is called just before what was written takes its place; what it raises leaves all as it is.
    Raises OSError, FileExistsError without `overwrite`.
    """
    temporary = f".{name[:50]}.{secrets.token_hex(8)}.tmp"
    descriptor = os.open(temporary, _NEW, mode if exact_mode else mode_in(directory, mode), dir_fd=directory)
    try:
        try:
            if exact_mode:
                os.fchmod(descriptor, mode)
            if keep_mode:
                _keep_mode(descriptor, name, directory)
            written = _write(descriptor, chunks)
            if fsync:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        before()
        _put_in_place(temporary, name, directory, overwrite=overwrite)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=directory)
        raise
    if fsync:
        os.fsync(directory)
    return written


def _write(descriptor: int, chunks: Iterable[bytes]) -> tuple[int, str]:
    digest = hashlib.sha256()
    size = 0
    for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
        rest = memoryview(chunk)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    return size, digest.hexdigest()


def _put_in_place(temporary: str, name: str, directory: int, *, overwrite: bool) -> None:
    if overwrite:
        os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
        return
    # unlike rename, a link fails when somebody made the name meanwhile
    os.link(temporary, name, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=False)
    os.unlink(temporary, dir_fd=directory)


def _keep_mode(descriptor: int, name: str, directory: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        replaced = os.stat(name, dir_fd=directory, follow_symlinks=False)
        os.fchmod(descriptor, stat.S_IMODE(replaced.st_mode) & 0o777)
