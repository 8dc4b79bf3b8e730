"""What an image is, read from its first bytes: what a sender says of it counts nothing, no pixel is read."""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import dataclass

MAX_IMAGE_BYTES = 5 * 1024 * 1024
"""Of one image; what is larger is told in words."""
MAX_SIDE = 8_000
"""Pixels of a side; models' servers take no more."""
MOST_IMAGES = 20
"""Of one output, message or question; of an output those behind them are told in words."""
MOST_BYTES = 16 * 1024 * 1024
"""Of all images of one message or question; servers take no more at once."""
_PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_SOI, _MARKER = b"\xff\xd8", 0xFF
_HEAD_CHARACTERS = 400_000
"""Of base64 text: what an image is stands before its pixels."""
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers of a JPEG without a length."""
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of a JPEG behind which its size stands."""


@dataclass(frozen=True, slots=True)
class ImageHead:
    """What the first bytes of an image say: `kind` is png, jpeg, gif or webp, sides are in pixels."""

    kind: str
    width: int
    height: int

    @property
    def shown(self) -> str:
        """As people read it, and models that take no images."""
        return shown_image(self.kind, self.width, self.height)

    @property
    def too_large(self) -> bool:
        """Whether no model would take it."""
        return max(self.width, self.height) > MAX_SIDE


def shown_image(kind: str, width: int, height: int) -> str:
    """`[image 640x480 png]`."""
    return f"[image {width}x{height} {kind}]"


def image_head(data: bytes) -> ImageHead | None:
    """What an image says of itself; None for anything else, and for one without a size. Never raises."""
    try:
        found = _png(data) or _gif(data) or _webp(data) or _jpeg(data)
    except (struct.error, IndexError):  # it ends too early
        return None
    return found if found is not None and found.width > 0 and found.height > 0 else None


def from_base64(text: str) -> bytes | None:
    """The bytes that base64 text stands for, on one line or several; None for what is none."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (ValueError, binascii.Error):
        return None


def head_in_base64(text: str) -> ImageHead | None:
    """The same of base64 text, of which as much is read as an image needs to say what it is."""
    given = "".join(text[:_HEAD_CHARACTERS].split())
    found = from_base64(given[: len(given) // 4 * 4] if len(text) > _HEAD_CHARACTERS else given)
    return image_head(found) if found is not None else None


def _png(data: bytes) -> ImageHead | None:
    return ImageHead("png", *struct.unpack_from(">II", data, 16)) if data.startswith(_PNG) else None


def _gif(data: bytes) -> ImageHead | None:
    known = data.startswith((b"GIF87a", b"GIF89a"))
    return ImageHead("gif", *struct.unpack_from("<HH", data, 6)) if known else None


def _webp(data: bytes) -> ImageHead | None:
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        return None
    match data[12:16]:
        case b"VP8 " if data[23:26] == b"\x9d\x01\x2a":
            width, height = struct.unpack_from("<HH", data, 26)
            return ImageHead("webp", width & 0x3FFF, height & 0x3FFF)
        case b"VP8L" if data[20] == 0x2F:
            (bits,) = struct.unpack_from("<I", data, 21)
            return ImageHead("webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
        case b"VP8X":
            width, height = (int.from_bytes(data[at : at + 3], "little") for at in (24, 27))
            return ImageHead("webp", width + 1, height + 1) if len(data) >= 30 else None
    return None


def _jpeg(data: bytes) -> ImageHead | None:
    """The segments up to the first frame; each says how long it is, and every step goes forward."""
    if not data.startswith(_SOI):
        return None
    at = 2
    while data[at] == _MARKER:
        code = data[at + 1]
        if code == _MARKER:  # padding
            at += 1
        elif code in _ALONE:
            at += 2
        elif code in _FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return ImageHead("jpeg", width, height)
        else:
            (length,) = struct.unpack_from(">H", data, at + 2)
            at += 2 + max(2, length)
    return None
