"""Where a repository is: found upwards without git, and only where tools may read.

A repository's own files name other places (`gitdir:`, `commondir`, alternates): each is held to the
operator's limits. All functions block on the file system: call them in a thread.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from engine.tools.failure import from_os_error, invalid_input, not_found

if TYPE_CHECKING:
    from engine.tools.builtin.files.paths import PathScope

_MAX_POINTER_BYTES = 64 * 1024
_MAX_ALTERNATES = 100


@dataclass(frozen=True, slots=True)
class GitPlace:
    """A repository's directories, real paths. `common_dir` differs from `git_dir` in a linked work tree."""

    git_dir: Path
    common_dir: Path
    work_tree: Path | None
    """Where `.git` stands; None inside a bare repository or a git directory."""
    objects: tuple[Path, ...]
    """Where its objects are, those that it borrows among them."""

    @property
    def linked(self) -> bool:
        """Whether this is one of several work trees of a repository."""
        return self.git_dir != self.common_dir


def find_place(directory: Path, shown: str, scope: PathScope) -> GitPlace:
    """The repository that holds `directory` (a real path).

    Raises ToolFailure: not_found (no repository here), permission_denied (a part of it lies where tools
    may not read), invalid_input (its files are not what git makes).
    """
    for candidate in (directory, *directory.parents):
        if _is_git_dir(candidate):
            return _place(candidate, None, scope)
        entry = candidate / ".git"
        if entry.is_file():
            pointer = small_file(entry, scope)
            if not pointer.startswith("gitdir: "):
                raise invalid_input(f"{str(entry)!r} does not say where its git directory is")
            target = (candidate / pointer.removeprefix("gitdir: ")).resolve()
            scope.require(target, str(target))  # before anything there is looked at
            if not _is_git_dir(target):
                break
            return _place(target, candidate, scope)
        if _is_git_dir(entry):
            return _place(entry.resolve(), candidate, scope)
    raise not_found(f"{shown!r} is not a git repository")


def _place(git_dir: Path, work_tree: Path | None, scope: PathScope) -> GitPlace:
    scope.require(git_dir, str(git_dir))
    common = git_dir
    if (git_dir / "commondir").exists():
        common = (git_dir / small_file(git_dir / "commondir", scope)).resolve()
        scope.require(common, str(common))
    return GitPlace(git_dir, common, work_tree, _objects(common / "objects", scope))


def _is_git_dir(path: Path) -> bool:
    """As git itself decides: a HEAD, and objects and refs here or in the common directory."""
    try:
        if not stat.S_ISDIR(path.stat().st_mode) or not os.path.lexists(path / "HEAD"):
            return False
        return (path / "commondir").is_file() or ((path / "objects").is_dir() and (path / "refs").is_dir())
    except OSError:
        return False


def _objects(directory: Path, scope: PathScope) -> tuple[Path, ...]:
    """Objects may be borrowed from other directories, which may borrow in turn."""
    waiting, seen = [directory], set[str]()
    while waiting:
        real = waiting.pop().resolve()
        if str(real) in seen:
            continue
        seen.add(str(real))
        if len(seen) > _MAX_ALTERNATES:
            raise invalid_input(f"{str(directory)!r} borrows from more than {_MAX_ALTERNATES} directories")
        scope.require(real, str(real))
        borrowed = real / "info" / "alternates"
        if borrowed.exists():
            for line in filter(None, small_file(borrowed, scope).split("\n")):  # lines as git has them
                if line.startswith('"'):  # git would read it as another name than the one checked here
                    raise invalid_input(f"{str(borrowed)!r} holds a quoted name, which is not supported")
                waiting.append(real / line)
    return tuple(map(Path, seen))


def open_regular(path: Path) -> BinaryIO:
    """The file to read; a pipe does not block the caller. Raises ToolFailure unless it is a regular file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise from_os_error(error, f"cannot read {str(path)!r}") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise invalid_input(f"{str(path)!r} is not a regular file")
    return os.fdopen(descriptor, "rb")


def small_file(path: Path, scope: PathScope) -> str:
    """The text of a small regular file, its last newline taken off. Raises ToolFailure, also where it is a
    link to what tools may not read: failures quote such texts.
    """
    real = path.resolve()
    scope.require(real, str(path))
    with open_regular(real) as stream:
        raw = stream.read(_MAX_POINTER_BYTES + 1)
    if len(raw) > _MAX_POINTER_BYTES:
        raise invalid_input(f"{str(path)!r} is larger than {_MAX_POINTER_BYTES} bytes")
    return os.fsdecode(raw).rstrip("\r\n")
