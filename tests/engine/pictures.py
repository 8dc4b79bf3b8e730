"""Images as their first bytes, with as much behind them as a test wants."""

from __future__ import annotations

import base64
import struct


def png(width: int = 640, height: int = 480, more: bytes = b"") -> bytes:
    return (
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", width, height) + b"\x08\x02\0\0\0" + more
    )


def gif(width: int = 640, height: int = 480) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\0\0\0"


def jpeg(width: int = 640, height: int = 480, *, before: bytes = b"") -> bytes:
    size = struct.pack(">HH", height, width)
    return (
        b"\xff\xd8\xff\xe0\0\x10JFIF"
        + b"\0" * 10
        + before
        + b"\xff\xff\xc2\0\x11\x08"
        + size
        + b"\x03"
        + b"\0" * 9
    )


def webp(kind: bytes, width: int = 640, height: int = 480) -> bytes:
    bodies = {
        b"VP8 ": b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height),
        b"VP8L": b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14),
        b"VP8X": b"\0\0\0\0" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little"),
    }
    return b"RIFF\0\0\0\0WEBP" + kind + b"\0\0\0\0" + bodies[kind]


def as_text(image: bytes) -> str:
    return base64.b64encode(image).decode()
