"""The folders of all runs, `<root>/<pack>/<run_id>`: where they are, opened to be written, read.

All methods are synchronous and block on the disk: call them in a thread. They raise Unavailable
(`disk_full`, `read_only`).
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from engine.errors import InvalidInput
from engine.runtime.files.folder_access import names_in, open_directory, read_beginning, storage_errors
from engine.runtime.files.run_folder import ANSWERS, RunFolder, output_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")


class RunFolders:
    """Folders of all runs under `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, pack: str, run_id: str, *below: str) -> Path:
        """Where a run's folder, or what is below it, is or would be."""
        return self._root.joinpath(*_parts(pack, run_id), *below)

    @contextmanager
    def opened(self, pack: str, run_id: str) -> Iterator[RunFolder]:
        """The folder of a run to write into, made where it is missing: one walk there for all that is
        written."""
        path = self.path(pack, run_id)
        with storage_errors(path), open_directory(self._root, (pack, run_id)) as descriptor:
            yield RunFolder(path, descriptor)

    def answered(self, pack: str, run_id: str) -> frozenset[str]:
        """The requests whose answers are kept there."""
        parts = (*_parts(pack, run_id), *ANSWERS)
        with storage_errors(self._root, parts):
            try:
                with open_directory(self._root, parts, create=False) as directory:
                    names = names_in(directory)
            except FileNotFoundError:
                return frozenset()
        return frozenset(name.split(".")[-2] for name in names if name.endswith(".json"))

    def list_files(self, pack: str, run_id: str) -> list[dict[str, Any]]:
        """Output files with role, content type, size, sha256 and path; none when there is no folder."""
        folder, parts = self.path(pack, run_id, "output"), (pack, run_id, "output")
        with storage_errors(folder):
            try:
                with open_directory(self._root, parts, create=False) as directory:
                    return [
                        {**entry, "path": str(folder / entry["stored_name"])}
                        for entry in output_files(directory)
                    ]
            except FileNotFoundError:
                return []

    def read_output(self, pack: str, run_id: str, stored_name: str, limit: int) -> tuple[bytes, int] | None:
        """The first `limit` bytes of a regular output file and its size; None when there is no such file."""
        if "/" in stored_name or "\0" in stored_name or stored_name.startswith(".") or not stored_name:
            return None
        parts = (*_parts(pack, run_id), "output")
        with storage_errors(self._root, parts):
            try:
                with open_directory(self._root, parts, create=False) as directory:
                    return read_beginning(directory, stored_name, limit)
            except (FileNotFoundError, ValueError):  # ValueError: a name no file system takes
                return None


def _parts(pack: str, run_id: str) -> tuple[str, str]:
    for part in (pack, run_id):
        if _PART.fullmatch(part) is None:
            raise InvalidInput(f"{part[:80]!r} cannot be the name of a run's folder")
    return pack, run_id
