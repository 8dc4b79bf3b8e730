"""Whether an archive of a run is as it was written. Reads a file that may come from anybody."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import zipfile
import zlib
from collections import Counter
from typing import TYPE_CHECKING, Any

from engine.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = "manifest.json"
ARCHIVE_VERSION = "1"
MAX_MANIFEST = 64 * 1024 * 1024
MAX_DIFFERENCES = 20
_TOLD = ("run_id", "exported_at", "exported_by")
_CHUNK = 1024 * 1024
_UNREADABLE = (
    OSError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    RuntimeError,
    NotImplementedError,
    ValueError,
)


def check_archive(path: Path) -> dict[str, Any]:
    """The manifest of an archive in which every file has its digest, with `digest`, the manifest's own.

    Raises NotFound, InvalidInput (`details["differences"]`) for any other file.
    """
    if not os.path.isfile(path):  # noqa: PTH113 - false also for a name too long, where `is_file` raises
        raise NotFound(f"there is no file {path}", {"path": str(path)})
    try:
        with zipfile.ZipFile(path) as archive:
            raw = _read(archive, MANIFEST, MAX_MANIFEST)
            manifest = json.loads(raw)
            listed = {item["name"]: (item["size"], item["sha256"]) for item in manifest["files"]}
            _require_told(manifest)
            differences = _differences(archive, listed)
    except (*_UNREADABLE, KeyError, TypeError, AttributeError) as error:
        words = f"{path} is no archive of a run, or it is damaged: {error}"
        raise InvalidInput(words, {"path": str(path)}) from error
    if differences:
        told = "; ".join(differences[:MAX_DIFFERENCES])
        details = {"path": str(path), "differences": differences[:MAX_DIFFERENCES]}
        raise InvalidInput(f"{path} is not as it was written: {told}", details)
    return {**manifest, "digest": hashlib.sha256(raw).hexdigest()}


def _require_told(manifest: dict[str, Any]) -> None:
    for name in _TOLD:
        if not isinstance(manifest.get(name), str):
            raise TypeError(f"its manifest has no text {name}")


def _differences(archive: zipfile.ZipFile, listed: dict[str, tuple[int, str]]) -> list[str]:
    names = Counter(item.filename for item in archive.infolist())
    found = [f"{name} was added" for name in sorted(names.keys() - listed - {MANIFEST})]
    found += [f"{name} is there twice" for name in sorted(names) if names[name] > 1]
    for name, (size, digest) in listed.items():
        if name not in names:
            found.append(f"{name} is missing")
        elif not _is_as_listed(archive, name, size, digest):
            found.append(f"{name} was changed")
    return found


def _is_as_listed(archive: zipfile.ZipFile, name: str, size: int, digest: str) -> bool:
    """Reads one byte more than is listed at the most, however much it says it holds."""
    hashed, left = hashlib.sha256(), size + 1
    try:
        with archive.open(_packed_as_ours(archive, name)) as file:
            while left > 0 and (chunk := file.read(min(_CHUNK, left))):
                hashed.update(chunk)
                left -= len(chunk)
    except _UNREADABLE:
        return False
    return left == 1 and hashed.hexdigest() == digest


def _read(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    with archive.open(_packed_as_ours(archive, name)) as file:
        raw = file.read(limit + 1)
    if len(raw) > limit:
        raise ValueError(f"{name} is larger than {limit} bytes")
    return raw


def _packed_as_ours(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    """Raises BadZipFile for a way of packing that fails in ways of its own."""
    found = archive.getinfo(name)
    if found.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise zipfile.BadZipFile(f"{name} is packed in another way")
    return found
