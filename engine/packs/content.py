"""A pack's content: its files as text, pinned by one digest, and reading them from a directory."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.contracts.pack import Problem
from engine.errors import PackInvalid
from engine.packs.source_text import MAX_BYTES, decode_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MANIFEST = "profession-pack.yaml"
CODE = "tools.py"
FLOWS = "flows"
FLOW_SUFFIXES = frozenset({".yaml", ".yml", ".json"})
MAX_FILES = 500
MAX_TOTAL_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class PackContent:
    """Everything a run of this pack depends on; the journal keeps it so that runs can pin it.

    `files` maps relative POSIX paths to text with `\\n` newlines. `version` is None when the manifest
    does not say it.
    """

    pack_id: str
    version: str | None
    digest: str
    files: Mapping[str, str]

    def to_json(self) -> str:
        """Canonical JSON; the same content gives the same text."""
        document = {"pack_id": self.pack_id, "version": self.version, "files": dict(self.files)}
        return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> PackContent:
        """Read what `to_json` wrote. Raises PackInvalid when it is something else."""
        try:
            document = json.loads(text)
            files = {str(path): str(body) for path, body in document["files"].items()}
            pack_id, version = document["pack_id"], document["version"]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PackInvalid(f"stored pack content cannot be read: {error}") from error
        return cls(str(pack_id), version, content_digest(files), files)


def content_digest(files: Mapping[str, str]) -> str:
    """SHA-256 (hex) over the sorted paths and texts; independent of newline style and BOM."""
    canonical = json.dumps(sorted(files.items()), ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def read_files(directory: Path) -> tuple[dict[str, str], tuple[Problem, ...]]:
    """The pack's files as text, and a Problem for each that cannot be read.

    Links that lead out of the directory are not followed; number and total size are bounded.
    """
    files: dict[str, str] = {}
    problems: list[Problem] = []
    try:
        root = directory.resolve(strict=True)
        names = list(_names(root, problems))
    except (OSError, RuntimeError) as error:
        return {}, (_problem(".", f"the pack directory cannot be read: {_reason(error)}"),)
    if len(names) > MAX_FILES:
        problems.append(_problem(FLOWS, f"too many files: {len(names)}, at most {MAX_FILES} are read"))
    total = 0
    for name in names[:MAX_FILES]:
        text = _read_text(root, name)
        if isinstance(text, Problem):
            problems.append(text)
            continue
        total += len(text.encode())
        if total > MAX_TOTAL_BYTES:
            problems.append(_problem(name, f"the pack is larger than {MAX_TOTAL_BYTES:,} bytes"))
            break
        files[name] = text
    return files, tuple(problems)


def _names(root: Path, problems: list[Problem]) -> Iterator[str]:
    if not root.is_dir():
        raise NotADirectoryError(0, "it is not a directory")
    for name in (MANIFEST, CODE):
        if os.path.lexists(root / name):
            yield name
    if not os.path.lexists(root / MANIFEST):
        problems.append(_problem(MANIFEST, "the file is missing: a pack needs a manifest"))
    flows = root / FLOWS
    if not os.path.lexists(flows):
        return
    if not flows.resolve().is_relative_to(root):
        problems.append(_problem(FLOWS, "the link leads out of the pack directory and is not followed"))
    elif not flows.is_dir():
        problems.append(_problem(FLOWS, "this is not a directory"))
    else:
        found = sorted(entry.name for entry in flows.iterdir())
        # editors keep swap and lock files beside the file they edit
        visible = [name for name in found if not name.startswith((".", "#"))]
        yield from (f"{FLOWS}/{name}" for name in visible if Path(name).suffix in FLOW_SUFFIXES)


def _read_text(root: Path, name: str) -> str | Problem:
    try:
        target = (root / name).resolve(strict=True)
        if not target.is_relative_to(root):
            return _problem(name, "the link leads out of the pack directory and is not followed")
        # the path is resolved: a link put there since then is refused, a pipe does not block
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with open(target, "rb", opener=lambda path, _: os.open(path, flags)) as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                return _problem(name, "this is not a regular file")
            raw = stream.read(MAX_BYTES + 1)
            size = max(len(raw), os.fstat(stream.fileno()).st_size)
    except (OSError, RuntimeError) as error:
        return _problem(name, f"the file cannot be read: {_reason(error)}")
    if size > MAX_BYTES:
        return _problem(name, f"the file is too large: {size:,} bytes, at most {MAX_BYTES:,} are read")
    return decode_text(raw, name)


def _problem(file: str, message: str) -> Problem:
    return Problem(file=file, line=1, column=1, message=message)


def _reason(error: OSError | RuntimeError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
