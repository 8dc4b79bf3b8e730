"""Images that a person adds to a message or a start: files that are read once, and kept as those of calls."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from engine.errors import InvalidInput
from engine.images import MAX_IMAGE_BYTES, MAX_SIDE, MOST_BYTES, MOST_IMAGES, image_head
from engine.json_schema.forms import image_field
from engine.safe_files.naming import at_home
from engine.safe_files.walking import open_to_read
from engine.safe_text import sanitize
from engine.values import ImageRef, image_ref

if TYPE_CHECKING:
    from collections.abc import Mapping

_KINDS = "PNG, JPEG, GIF or WebP"


async def with_images_read(
    schema: Mapping[str, Any], given: Mapping[str, Any], filled: dict[str, Any], base: Path | None
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """`filled` (what was given, with defaults) with images in place of the files that were given for its
    field `format: images`, and their bytes by digest. Names are those of `base`.

    Raises InvalidInput for what is no image, no plain file, too large or too many, or changes meanwhile;
    where nobody at this machine names files (no `base`); and where a default names one.
    """
    field = image_field(schema)
    names = filled.get(field) if field is not None else None
    if field is None or not isinstance(names, list) or not any(isinstance(one, str) for one in names):
        return filled, {}
    if field not in given:
        _refuse(field, "a default names no image; name the file yourself")
    if base is None:
        _refuse(field, "images are files of this machine, which only a person there can name")
    if len(names) > MOST_IMAGES:
        _refuse(field, f"at most {MOST_IMAGES} images are taken, these are {len(names)}")
    blobs: dict[str, bytes] = {}
    images = []
    for one in names:
        if isinstance(one, str):
            data = await asyncio.to_thread(_read, field, one, base)
            one = _reference(field, one, data)  # noqa: PLW2901 - from here on it is the image
            blobs[one.digest] = data
        images.append(one)
    size = sum(one["size"] for one in images if isinstance(one, ImageRef))
    if size > MOST_BYTES:
        _refuse(field, f"the images have {size:,} bytes in all, more than {MOST_BYTES:,}")
    return {**filled, field: images}, blobs


def _reference(field: str, name: str, data: bytes) -> ImageRef:
    head = image_head(data)
    if head is None:
        _refuse(field, f"{_shown(name)} is no {_KINDS} image")
    if head.too_large:
        _refuse(field, f"{_shown(name)} is {head.shown}: a side may have {MAX_SIDE:,} pixels at the most")
    return image_ref(data, head.kind, head.width, head.height)


def _read(field: str, name: str, base: Path) -> bytes:
    """The file, as it was from the first byte to the last one. Blocks."""
    try:
        descriptor = open_to_read(str(base / at_home(Path(name))))
    except ValueError:  # NUL, or half a character
        _refuse(field, f"{_shown(name)} is no name of a file")
    except OSError as error:
        _refuse(field, f"cannot read {_shown(name)}: {_why(error)}")
    try:
        before = os.fstat(descriptor)
        _require_plain(field, name, before)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read(MAX_IMAGE_BYTES + 1)
        after = os.fstat(descriptor)
    except OSError as error:
        _refuse(field, f"cannot read {_shown(name)}: {_why(error)}")
    finally:
        os.close(descriptor)
    if len(data) > MAX_IMAGE_BYTES:
        _too_large(field, name, len(data))
    if len(data) != before.st_size or after.st_mtime_ns != before.st_mtime_ns:
        _refuse(field, f"{_shown(name)} changed while it was read; add it again when it is whole")
    return data


def _require_plain(field: str, name: str, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        what = "a directory" if stat.S_ISDIR(found.st_mode) else "no plain file"
        _refuse(field, f"{_shown(name)} is {what}; name an image file")
    if found.st_size > MAX_IMAGE_BYTES:
        _too_large(field, name, found.st_size)


def _why(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "it is a symbolic link; name the file itself"
    return (error.strerror or "it cannot be opened").lower()


def _shown(name: str) -> str:
    return sanitize(name, limit=200) or "an empty name"


def _too_large(field: str, name: str, size: int) -> NoReturn:
    _refuse(field, f"{_shown(name)} has {size:,} bytes; an image may have {MAX_IMAGE_BYTES:,} at the most")


def _refuse(field: str, message: str) -> NoReturn:
    raise InvalidInput(message, {"errors": [{"field": field, "message": message}]})
