"""Scoped paths: a root the operator allows, and a path that stays inside it after every link is resolved.

Resolving and comparing alone would lose a race against somebody who swaps a directory for a link, so
what is opened is opened again from `/`, one component at a time, following no link at all.
All functions block on the file system: call them in a thread.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from engine.safe_files.walking import open_directory, open_to_read
from engine.tools.failure import ToolFailure, from_os_error, invalid_input, not_found, permission_denied

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.tools.context import ToolLimits

_LAYER = "the pack's tools layer"
_ALWAYS_DENIED = (Path("/proc"), Path("/sys"), Path("/dev"))


@dataclass(frozen=True, slots=True)
class ScopedPath:
    """A path inside a root: `real` holds no link, `relative` is its name as the caller wrote it."""

    root: Path
    real: Path
    relative: str


class PathScope:
    """Which directories tools may touch, and whether they may write there."""

    def __init__(self, limits: ToolLimits) -> None:
        self._filesystem = limits.filesystem
        self._scoped = limits.scoped_roots  # as they are: a link in the place of one allows nothing
        self._allowed = tuple(root.resolve() for root in limits.allowed_roots)
        self._denied = _ALWAYS_DENIED + tuple(root.resolve() for root in limits.denied_roots)

    def root(self, root: str) -> Path:
        """The real directory behind `root`.

        Raises ToolFailure: invalid_input (not absolute), not_found, permission_denied (not allowed).
        """
        real = self._directory(root)
        self._require_in_scope(real, root)
        return real

    def _directory(self, root: str) -> Path:
        _refuse_control_characters(root)
        if not root.startswith("/"):
            raise invalid_input(f"root {root!r} is not an absolute path")
        try:
            real = Path(root).resolve(strict=True)
        except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links
            raise _unresolvable(error, f"cannot use root {root!r}") from error
        self._require_allowed(real, root)
        if not real.is_dir():
            raise invalid_input(f"root {root!r} is not a directory")
        return real

    def resolve(self, root: str, path: str) -> ScopedPath:
        """Where `path`, relative to `root`, really is; the last component need not exist.

        Raises ToolFailure: invalid_input (absolute, NUL), permission_denied (`..`, a link out of the
        root, a denied place), not_found (a directory on the way is missing).
        """
        real_root = self._directory(root)
        _refuse_control_characters(path)
        if path.startswith("/"):
            raise invalid_input(f"path {path!r} is absolute; give it relative to the root")
        if ".." in PurePosixPath(path).parts:
            raise permission_denied(f"path {path!r} holds `..`")
        try:
            real = (real_root / path).resolve()
        except (OSError, RuntimeError) as error:
            raise _unresolvable(error, f"cannot use path {path!r}") from error
        if not real.is_relative_to(real_root):
            raise permission_denied(f"path {path!r} leads out of its root through a symbolic link")
        self.require(real, path)
        return ScopedPath(real_root, real, path)

    def require(self, real: Path, shown: str) -> None:
        """Raises ToolFailure(permission_denied) unless the limits of the call allow the real path."""
        self._require_allowed(real, shown)
        self._require_in_scope(real, shown)

    def _require_allowed(self, real: Path, shown: str) -> None:
        if self._filesystem == "none":
            raise permission_denied(f"{shown!r} is out of reach: {_LAYER} gives no files (filesystem: none)")
        if not any(real.is_relative_to(allowed) for allowed in self._allowed):
            raise permission_denied(f"{shown!r} is outside the directories of the setting tools.roots")
        if self.denies(real):
            raise permission_denied(f"{shown!r} is inside a directory that tools may not touch")

    def _require_in_scope(self, real: Path, shown: str) -> None:
        if self._scoped is not None and not any(real.is_relative_to(root) for root in self._scoped):
            named = ", ".join(map(str, self._scoped)) or "none"
            raise permission_denied(f"{shown!r} is outside the scoped_paths of {_LAYER} ({named})")

    def require_writable(self, shown: str) -> None:
        """Raises ToolFailure(permission_denied) when this call may not write anywhere."""
        if self._filesystem != "read_write":
            mode = self._filesystem
            raise permission_denied(f"{shown!r} may not be written: {_LAYER} says filesystem: {mode}")

    def denies(self, real: Path) -> bool:
        """Whether the real path is in a denied directory."""
        return any(real.is_relative_to(denied) for denied in self._denied)


@lru_cache(maxsize=128)
def path_scope(limits: ToolLimits) -> PathScope:
    """The scope of a call; the same limits give the same one, so that roots are resolved once."""
    return PathScope(limits)


@contextmanager
def opened_directory(real: Path, shown: str) -> Iterator[int]:
    """A descriptor of a directory whose path holds no link. Raises ToolFailure."""
    try:
        descriptor = open_directory(real.parts[1:])
    except OSError as error:
        raise from_os_error(error, f"cannot open directory {shown!r}") from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def read_asked(scoped: ScopedPath, asked: int, limits: ToolLimits) -> bytes:
    """The same, of as many bytes as a call asks for, and no more than could be of use to it."""
    if asked <= limits.most_read_bytes:
        return read_regular_file(scoped, asked)
    return read_regular_file(scoped, limits.most_read_bytes, "4 times tools.max_output_bytes")


def read_regular_file(scoped: ScopedPath, max_bytes: int, limit: str = "max_bytes") -> bytes:
    """The whole content of a regular file; `limit` names what set `max_bytes`.

    Raises ToolFailure: not_found, permission_denied, invalid_input (a directory, a device, more than
    `max_bytes`).
    """
    shown = scoped.relative
    with opened_regular_file(scoped) as file:
        content = file.read(max_bytes + 1)
        size = max(os.fstat(file.fileno()).st_size, len(content))
    if len(content) > max_bytes:
        raise invalid_input(
            f"{shown!r} holds {size} bytes, more than {limit} ({max_bytes})",
            {"size": size, "max_bytes": max_bytes},
        )
    return content


@contextmanager
def opened_regular_file(scoped: ScopedPath) -> Iterator[BinaryIO]:
    """The file to read. Raises ToolFailure as `read_regular_file`, also for what happens while it is read."""
    shown = scoped.relative
    if scoped.real == scoped.root:
        raise invalid_input(f"cannot read {shown!r}: it is a directory")
    with opened_directory(scoped.real.parent, shown) as directory:
        try:
            descriptor = open_to_read(scoped.real.name, directory)
        except OSError as error:
            raise from_os_error(error, f"cannot read {shown!r}") from error
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        kind = "a directory" if stat.S_ISDIR(mode) else "not a regular file"
        raise invalid_input(f"cannot read {shown!r}: it is {kind}")
    with os.fdopen(descriptor, "rb") as file:
        try:
            yield file
        except OSError as error:
            raise from_os_error(error, f"cannot read {shown!r}") from error


def refuse_link(target: ScopedPath) -> None:
    """Raises ToolFailure for a directory, and where a component is a link, even inside the root: what the
    caller named is what is written.
    """
    if target.real == target.root or target.relative.endswith("/"):
        raise invalid_input(f"{target.relative!r} names a directory")
    if target.real != target.root / target.relative:
        raise permission_denied(f"{target.relative!r} goes through a symbolic link; nothing is written there")


def decoded(content: bytes, shown: str) -> str:
    """The content as text. Raises ToolFailure(invalid_input) when it is binary."""
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise invalid_input(f"{shown!r} is not UTF-8 text (byte {error.start})") from error
    if "\x00" in text:
        raise invalid_input(f"{shown!r} is binary: it holds NUL bytes")
    return text


def _refuse_control_characters(path: str) -> None:
    if "\x00" in path:
        raise invalid_input("a path may not hold NUL")
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise invalid_input("a path must be valid Unicode") from error


def _unresolvable(error: OSError | RuntimeError, action: str) -> ToolFailure:
    if isinstance(error, OSError):
        return from_os_error(error, action)
    return not_found(f"{action}: its symbolic links form a loop")
