"""Reading a pack's files from its directory: bounded, and never from outside the packs directories."""

from __future__ import annotations

import os
import posixpath
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from engine.contracts.packs.pack import Problem
from engine.packs.source.content import CODE, FLOW_SUFFIXES, FLOWS, MANIFEST, is_code_part, is_passed_over
from engine.packs.source.pack_files import MISSING, Unreadable
from engine.packs.source.source_text import MAX_BYTES, decode_text
from engine.safe_files.walking import open_to_read
from engine.safe_text import has_hidden

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

OUTSIDE = "it is outside the packs directories, or a link leads out of them"
MAX_FILES = 500
MAX_TOTAL_BYTES = 10 * 1024 * 1024
SHARED = "_shared"


class PackDirectory:
    """Reads what a pack is made of; links are followed only within the places it may read from.

    Those are the directory itself, `_shared` beside it, and `roots`: the directories that hold packs.
    """

    def __init__(self, directory: Path, roots: Sequence[Path] = ()) -> None:
        self._directory = directory
        self._roots = roots
        self._root = directory
        self._allowed: list[str] = []
        self._total = 0
        self._count = 0
        self.apart: dict[str, str] = {}
        """Stamps of the files asked for that no look at the directory finds, taken before each was read."""

    def own_files(self) -> tuple[list[str], list[Problem]]:
        """Names of manifest, code and flows, and what is wrong with the directory."""
        problems: list[Problem] = []
        try:
            self._root = self._directory.resolve(strict=True)
            places = (self._root.parent / SHARED, *self._roots)
            self._allowed = [str(self._root), *map(os.path.realpath, places)]
            names = list(self._names(problems))
        except (OSError, RuntimeError) as error:
            return [], [_problem(".", f"the pack directory cannot be read: {_reason(error)}")]
        if len(names) > MAX_FILES:
            problems.append(_problem(FLOWS, f"too many files: {len(names)}, at most {MAX_FILES} are read"))
        return names[:MAX_FILES], problems

    def read(self, name: str) -> str | Problem | Unreadable:
        """The file's text, what is wrong inside it, or why there is none. `name` is relative, POSIX."""
        if any(map(is_passed_over, name.split("/"))):
            self.apart[name] = file_stamp(f"{self._root}/{name}")
        if self._count >= MAX_FILES:
            return Unreadable(f"at most {MAX_FILES} files make up a pack")
        text = self._read(name)
        if isinstance(text, str):
            self._count += 1
            self._total += len(text.encode())
            if self._total > MAX_TOTAL_BYTES:
                return Unreadable(f"the pack is larger than {MAX_TOTAL_BYTES:,} bytes")
        return text

    def _names(self, problems: list[Problem]) -> Iterator[str]:
        root = self._root
        if not root.is_dir():
            raise NotADirectoryError(0, "it is not a directory")
        for name in (MANIFEST, CODE):
            if os.path.lexists(root / name):
                yield name
        if os.path.lexists(root / CODE):
            yield from sorted(filter(is_code_part, (entry.name for entry in root.iterdir())))
        if not os.path.lexists(root / MANIFEST):
            problems.append(_problem(MANIFEST, "the file is missing: a pack needs a manifest"))
        flows = root / FLOWS
        if not os.path.lexists(flows):
            return
        if not self._may_read(os.path.realpath(flows)):
            problems.append(_problem(FLOWS, OUTSIDE))
        elif not flows.is_dir():
            problems.append(_problem(FLOWS, "this is not a directory"))
        else:
            found = sorted(entry.name for entry in flows.iterdir())
            visible = [name for name in found if not is_passed_over(name)]
            for name in visible:
                if has_hidden(name):
                    message = f"the name of a file in `{FLOWS}` holds invisible or control characters"
                    problems.append(_problem(FLOWS, message))
                elif Path(name).suffix in FLOW_SUFFIXES:
                    yield f"{FLOWS}/{name}"

    def _may_read(self, target: str) -> bool:
        return any(target == place or target.startswith(place + os.sep) for place in self._allowed)

    def _read(self, name: str) -> str | Problem | Unreadable:
        try:
            # not strict: whether something is there is not told about places outside
            target = os.path.realpath(posixpath.normpath(f"{self._root}/{name}"))
            if not self._may_read(target):
                return Unreadable(OUTSIDE)
            # the path is resolved: a link put there since then is refused, a pipe does not block
            with open(target, "rb", opener=lambda path, _flags: open_to_read(path)) as stream:
                if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                    return Unreadable("it is not a regular file")
                raw = stream.read(MAX_BYTES + 1)
                size = max(len(raw), os.fstat(stream.fileno()).st_size)
        except FileNotFoundError:
            return MISSING
        except (OSError, ValueError) as error:
            return Unreadable(_reason(error))
        if size > MAX_BYTES:
            return _problem(name, f"the file is too large: {size:,} bytes, at most {MAX_BYTES:,} are read")
        return decode_text(raw, name)


def file_stamp(path: str) -> str:
    """What changes with a file, or why there is none; its content is not read (blocking)."""
    try:
        return stat_stamp(Path(path).stat())
    except OSError as error:
        return str(error.errno)
    except ValueError:  # such as half a character, of which no name is made
        return ""


def stat_stamp(found: os.stat_result) -> str:
    """What changes with a file whenever it is written or replaced."""
    return f"{found.st_mode} {found.st_ino} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"


def path_text(path: str | Path) -> str:
    """A path as text, whatever bytes it is made of: ids are, and the journal keeps it."""
    return os.fsencode(path).decode(errors="backslashreplace")


def _problem(file: str, message: str) -> Problem:
    return Problem(file=file, line=1, column=1, message=message)


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
