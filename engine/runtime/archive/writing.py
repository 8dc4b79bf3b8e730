"""An archive as it is written: a zip beside its place, which it takes when it is whole. Blocks."""

from __future__ import annotations

import hashlib
import json
import zipfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from engine.errors import InvalidInput
from engine.runtime.archive.verifying import ARCHIVE_VERSION, MANIFEST
from engine.runtime.files.folder_access import storage_errors
from engine.safe_files.new_file import NotNewError, new_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class ArchiveWriter:
    """Takes files one after the other, and knows the digest of each."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.files: list[dict[str, Any]] = []

    def add(self, name: str, content: bytes) -> None:
        """Add a file."""
        with self.begin(name) as put:
            put(content)

    @contextmanager
    def begin(self, name: str) -> Iterator[Callable[[bytes], None]]:
        """Add a file piece by piece, each by what is handed over."""
        digest, size = hashlib.sha256(), 0
        with self._archive.open(_entry(name), "w", force_zip64=True) as file:

            def put(piece: bytes) -> None:
                nonlocal size
                file.write(piece)
                digest.update(piece)
                size += len(piece)

            yield put
        self.files.append({"name": name, "size": size, "sha256": digest.hexdigest()})

    def finish(self, facts: dict[str, Any]) -> str:
        """Add the manifest; its digest."""
        manifest = {"archive_version": ARCHIVE_VERSION, **facts, "files": self.files}
        raw = json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=True).encode()
        with self._archive.open(_entry(MANIFEST), "w") as file:
            file.write(raw)
        return hashlib.sha256(raw).hexdigest()


@contextmanager
def new_archive(target: Path) -> Iterator[ArchiveWriter]:
    """The archive that `target` becomes when nothing is raised. Raises InvalidInput, Unavailable."""
    try:
        with (
            storage_errors(target),
            new_file(target) as place,
            place.open("r+b") as file,
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        ):
            yield ArchiveWriter(archive)
    except NotNewError as error:
        raise InvalidInput(str(error), {"path": str(target)}) from None


def _entry(name: str) -> zipfile.ZipInfo:
    """The same content gives the same bytes: no time of its own."""
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o600 << 16
    return entry
