"""A new pack from a template: whole when it appears, with the schemas that editors need beside it."""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.contracts.packs.pack import PACK_ID
from engine.errors import ErrorCode, InvalidInput, Unavailable, VasiniError
from vasini_tui.shipped import shipped_packs

if TYPE_CHECKING:
    from collections.abc import Iterator

TEMPLATES = "_templates"
SCHEMAS = "_schemas"
MAX_NAME = 80
_PLACEHOLDER = "new-pack"
_TOOL_PLACEHOLDER = "new_pack"
# templates stand one directory deeper than packs
_SCHEMA_PLACE = "$schema=../"
_BY_ERRNO = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), ErrorCode.DISK_FULL),
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), ErrorCode.READ_ONLY),
}


@dataclass(frozen=True, slots=True)
class NewPack:
    """A pack that is written but not yet in its place."""

    directory: Path
    target: Path
    files: tuple[str, ...]

    def put_in_place(self) -> None:
        """Move it to its place in one step, and the schemas beside it. Raises as `write_new_pack`."""
        try:
            _copy_schemas(self.target.parent / SCHEMAS)
            self.directory.rename(self.target)
        except OSError as error:
            raise _cannot_be_written(self.target.parent, error) from error

    def discard(self) -> None:
        """Remove what is not in its place."""
        shutil.rmtree(self.directory.parent, ignore_errors=True)


def write_new_pack(name: str, template: str, parent: Path) -> NewPack:
    """Write a pack into a hidden directory beside its place (blocking).

    Raises InvalidInput for a name that is no pack id or is taken, and for a place that can be none,
    Unavailable when it cannot be written.
    """
    if re.fullmatch(PACK_ID, name) is None or len(name) > MAX_NAME:
        words = f"{name!r} is no pack id: lower-case letters, digits and hyphens, beginning with a letter"
        raise InvalidInput(words, {"name": name})
    target = parent / name
    if os.path.lexists(target):
        raise InvalidInput(f"there is something at {target} already", {"path": str(target)})
    try:
        parent.mkdir(parents=True, exist_ok=True)
        directory = Path(tempfile.mkdtemp(prefix=".new-", dir=parent)) / name
        files = tuple(sorted(_write(_template(template), directory, name)))
    except OSError as error:
        raise _cannot_be_written(parent, error) from error
    return NewPack(directory, target, files)


def _cannot_be_written(parent: Path, error: OSError) -> VasiniError:
    # files that are copied together fail together, with words alone
    words = f"the pack cannot be written to {parent}: {error.strerror or error}"
    code = _BY_ERRNO.get(error.errno or 0)
    if code is None:
        return InvalidInput(words, {"path": str(parent)})
    return Unavailable(code, words, {"path": str(parent)})


def _template(template: str) -> Path:
    packs = shipped_packs()
    directory = packs / TEMPLATES / template if packs is not None else None
    if directory is None or not directory.is_dir():
        raise InvalidInput(f"there is no template {template}", {"template": template})
    return directory


def _write(template: Path, directory: Path, name: str) -> Iterator[str]:
    for source in sorted(template.rglob("*")):
        if not source.is_file() or "__pycache__" in source.parts:
            continue
        relative = source.relative_to(template)
        text = source.read_text("utf-8").replace(_PLACEHOLDER, name)
        text = text.replace(_TOOL_PLACEHOLDER, name.replace("-", "_"))
        target = directory / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text.replace(_SCHEMA_PLACE, "$schema=", 1), "utf-8")
        yield relative.as_posix()


def _copy_schemas(directory: Path) -> None:
    packs = shipped_packs()
    if packs is not None and (packs / SCHEMAS).is_dir() and directory != packs / SCHEMAS:
        shutil.copytree(packs / SCHEMAS, directory, dirs_exist_ok=True)
