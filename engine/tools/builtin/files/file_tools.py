"""files.read, files.list and files.write: scoped to a root, never through a link that leaves it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.contracts.status import Effects, Risk
from engine.contracts.tool import ToolSpec
from engine.safe_files.walking import open_directory
from engine.safe_files.writing import write_atomically
from engine.threads import StopFlag, run_stoppable
from engine.tools.builtin.files.globs import Exclusion, Glob
from engine.tools.builtin.files.paths import (
    PathScope,
    ScopedPath,
    decoded,
    opened_directory,
    path_scope,
    read_asked,
    refuse_link,
)
from engine.tools.builtin.files.preview import require_base, void, write_preview
from engine.tools.failure import from_os_error, invalid_input, permission_denied
from engine.tools.registry import RegisteredTool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.contracts.runs.preview import Preview
    from engine.tools.context import ToolContext, ToolLimits

ROOT = {"type": "string", "minLength": 1, "maxLength": 4096, "description": "Absolute directory."}
PATH = {"type": "string", "minLength": 1, "maxLength": 4096, "description": "Relative to root."}

MAX_DEPTH = 100
"""Directories one in another that are looked into: each takes a descriptor and a frame of the worker."""
SKIPPED = f"directories that could not be read, or lie more than {MAX_DEPTH} deep"
KEPT_BYTES = 1024 * 1024
"""Of a longer text the run's folder gets no copy."""

READ = ToolSpec(
    name="files.read",
    effects=Effects.NONE,
    description="Read a UTF-8 text file.",
    output={
        "path": "as it was given",
        "text": "the content",
        "size": "bytes",
        "sha256": "digest of the bytes",
    },
    parameters={
        "type": "object",
        "properties": {
            "root": ROOT,
            "path": PATH,
            "max_bytes": {"type": "integer", "minimum": 1},
            "encoding": {"const": "utf-8"},
        },
        "required": ["root", "path"],
        "additionalProperties": False,
    },
)
LIST = ToolSpec(
    name="files.list",
    effects=Effects.NONE,
    description="List regular files below a directory; symbolic links are not followed.",
    output={
        "files": "`path` (from the root) and `size` of each",
        "truncated": "there are more than `max_entries`",
        "skipped": SKIPPED,
    },
    parameters={
        "type": "object",
        "properties": {
            "root": ROOT,
            "path": PATH,
            "pattern": {"type": "string", "minLength": 1},
            "max_entries": {"type": "integer", "minimum": 1, "maximum": 1_000_000},
            "include_hidden": {"type": "boolean"},
            "exclude": {"type": "array", "items": {"type": "string"}, "maxItems": 200},
        },
        "required": ["root"],
        "additionalProperties": False,
    },
)
WRITE = ToolSpec(
    name="files.write",
    effects=Effects.LOCAL,
    description="Write a UTF-8 text file: all of it or nothing.",
    output={
        "path": "where it was written, from the root",
        "size": "bytes",
        "sha256": "digest of the bytes",
    },
    parameters={
        "type": "object",
        "properties": {
            "root": ROOT,
            "path": PATH,
            "text": {"type": "string"},
            "overwrite": {"type": "boolean"},
            "make_dirs": {"type": "boolean"},
        },
        "required": ["root", "path", "text"],
        "additionalProperties": False,
    },
    risk=Risk.MEDIUM,
)


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A regular file of a walk: its path relative to the root, below the start, and its size."""

    path: str
    below: str
    size: int


@dataclass(frozen=True, slots=True)
class Selection:
    """Which files of a walk are wanted; globs are relative to where the walk starts."""

    pattern: Glob
    exclude: Exclusion
    include_hidden: bool


def file_tools() -> Iterator[RegisteredTool]:
    """The file tools."""

    async def read(params: dict[str, Any], context: ToolContext) -> Any:
        return await run_stoppable(lambda _stop: _read(context.limits, params))

    async def list_files(params: dict[str, Any], context: ToolContext) -> Any:
        return await run_stoppable(lambda stop: _list(path_scope(context.limits), params, stop))

    async def write(params: dict[str, Any], context: ToolContext) -> Any:
        limits, approved = context.limits, context.previewed
        return await run_stoppable(lambda stop: _write(path_scope(limits), params, approved, stop))

    yield RegisteredTool(READ, read)
    yield RegisteredTool(LIST, list_files)

    async def preview(params: dict[str, Any], context: ToolContext) -> Preview:
        return await run_stoppable(lambda stop: write_preview(path_scope(context.limits), params, stop))

    yield RegisteredTool(WRITE, write, preview)


def _read(limits: ToolLimits, params: dict[str, Any]) -> dict[str, Any]:
    scoped = path_scope(limits).resolve(params["root"], params["path"])
    content = read_asked(scoped, params.get("max_bytes", 1_000_000), limits)
    return {
        "path": params["path"],
        "text": decoded(content, params["path"]),
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def _list(scope: PathScope, params: dict[str, Any], stop: StopFlag) -> dict[str, Any]:
    limit = params.get("max_entries", 10_000)
    selection = Selection(
        Glob(params.get("pattern", "**/*")),
        Exclusion(params.get("exclude", [])),
        params.get("include_hidden", False),
    )
    start = scope.resolve(params["root"], params.get("path", "."))
    found: list[FoundFile] = []
    skipped: list[str] = []
    truncated = False
    for file in walk(scope, start, selection, skipped, stop):
        if len(found) == limit:
            truncated = True
            break
        found.append(file)
    listing = sorted(found, key=lambda file: file.path)
    return {
        "files": [{"path": file.path, "size": file.size} for file in listing],
        "truncated": truncated,
        "skipped": skipped,
    }


def walk(
    scope: PathScope, start: ScopedPath, selection: Selection, skipped: list[str], stop: StopFlag
) -> Iterator[FoundFile]:
    """Regular files below `start`, in a fixed order, following no link.

    Names that are not UTF-8, directories that cannot be read and those that lie too deep go into `skipped`
    (escaped).
    """
    prefix = start.real.relative_to(start.root).as_posix()
    prefix = "" if prefix == "." else prefix + "/"

    def unreadable(error: OSError) -> None:
        skipped.append(_escaped(prefix + str(error.filename).removeprefix("./")))

    with opened_directory(start.real, start.relative) as descriptor:
        for top, directories, names, directory in os.fwalk(".", dir_fd=descriptor, onerror=unreadable):
            stop.check()
            below = top.removeprefix(".").removeprefix("/")
            below = f"{below}/" if below else ""
            directories[:] = sorted(
                name
                for name in directories
                if (selection.include_hidden or not name.startswith("."))
                and not selection.exclude.directory(below + name)
                and not scope.denies(start.real / below / name)
            )
            if below.count("/") >= MAX_DEPTH:
                skipped.extend(_escaped(f"{prefix}{below}{name}") for name in directories)
                directories.clear()
            for name in sorted(names):
                path = below + name
                if not _wanted(path, name, selection):
                    continue
                if not _is_unicode(path):
                    skipped.append(_escaped(prefix + path))
                    continue
                size = _regular_size(name, directory)
                if size is not None:
                    yield FoundFile(prefix + path, path, size)


def _wanted(path: str, name: str, selection: Selection) -> bool:
    if name.startswith(".") and not selection.include_hidden:
        return False
    return selection.pattern.matches(path) and not selection.exclude.file(path)


def _regular_size(name: str, directory: int) -> int | None:
    try:
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:  # gone since the directory was read
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _is_unicode(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _escaped(path: str) -> str:
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _write(
    scope: PathScope, params: dict[str, Any], approved: Preview | None, stop: StopFlag
) -> dict[str, Any]:
    """Write the file; over no other content than that of the preview which was `approved`."""
    shown = params["path"]
    base = approved.base if approved is not None and approved.kind == "diff" else None
    made = approved is not None and approved.kind == "diff" and base is None
    try:
        content = params["text"].encode()
    except UnicodeEncodeError as error:
        raise invalid_input("the text is not valid Unicode") from error
    target = scope.resolve(params["root"], shown)
    scope.require_writable(shown)
    refuse_link(target)
    try:
        with _opened_parent(target, make=params.get("make_dirs", True)) as directory:
            _require_replaceable(target, directory, overwrite=params.get("overwrite", True))
            stop.check()
            size, digest = write_atomically(
                directory,
                target.real.name,
                (content,),
                fsync=True,
                mode=0o666,
                keep_mode=True,
                overwrite=params.get("overwrite", True) and not made,
                before=lambda: require_base(target, base, stop),  # and that it is still waited for
            )
    except FileExistsError as error:
        if made:
            raise void(shown) from error
        raise permission_denied(f"{shown!r} exists and overwrite is false") from error
    except OSError as error:
        raise from_os_error(error, f"cannot write {shown!r}") from error
    return {"path": shown, "size": size, "sha256": digest, **_kept(target, content)}


def _kept(target: ScopedPath, content: bytes) -> dict[str, Any]:
    """A copy for the run's folder: what a run wrote is seen there, whatever becomes of the file."""
    if len(content) > KEPT_BYTES:
        return {}
    encoded = base64.b64encode(content).decode()
    return {
        "output_files": [{"name": target.real.name, "content_base64": encoded, "copy_of": str(target.real)}]
    }


@contextlib.contextmanager
def _opened_parent(target: ScopedPath, *, make: bool) -> Iterator[int]:
    parts = target.real.parent.relative_to(target.root).parts
    root = open_directory(target.root.parts[1:])
    try:
        directory = open_directory(parts, root, make_mode=0o777 if make else None)
    finally:
        os.close(root)
    try:
        yield directory
    finally:
        os.close(directory)


def _require_replaceable(target: ScopedPath, directory: int, *, overwrite: bool) -> None:
    try:
        mode = os.stat(target.real.name, dir_fd=directory, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise permission_denied(f"{target.relative!r} exists and is not a regular file")
    if not overwrite:
        raise FileExistsError
