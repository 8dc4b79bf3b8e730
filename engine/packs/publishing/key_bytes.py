"""Keys and signatures as people write them: hexadecimal digits or base64."""

from __future__ import annotations

import base64
import binascii

KEY_BYTES = 32
SIGNATURE_BYTES = 64


def decode_bytes(text: str, size: int) -> bytes | None:
    """Exactly `size` bytes from hexadecimal digits or base64, else None."""
    text = text.strip()
    try:
        decoded = bytes.fromhex(text) if len(text) == size * 2 else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None
    return decoded if len(decoded) == size else None
