"""Ed25519 signatures of packs: what is signed, and by which configured key."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from engine.errors import ErrorCode, Unavailable
from engine.packs.publishing.key_bytes import KEY_BYTES, SIGNATURE_BYTES, decode_bytes
from engine.packs.source.content import MANIFEST
from engine.packs.source.yaml_source import SourceDocument, parse_document

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.packs.source.content import PackContent


def signing_digest(content: PackContent) -> str:
    """SHA-256 (hex) over the content without `author.signature`, which could not sign itself.

    The manifest takes part by its value, so that the place and style of the signature do not matter, but each
    decimal as it is written: `1.10` and `1.1` are two versions.
    """
    files = {name: text for name, text in content.files.items() if name != MANIFEST}
    document = parse_document(content.files.get(MANIFEST, ""), MANIFEST)
    value = document.value if isinstance(document, SourceDocument) else None
    if isinstance(value, dict) and isinstance(value.get("author"), dict):
        author = {key: part for key, part in value["author"].items() if key != "signature"}
        value = {**value, "author": author}
    written = document.written if isinstance(document, SourceDocument) else {}
    odd = sorted(f"{json.dumps(path)} {text}" for path, text in written.items() if str(float(text)) != text)
    signed = [value, sorted(files.items()), *([odd] if odd else [])]
    canonical = json.dumps(signed, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def signer(digest: str, signature: str, keys: Mapping[str, str]) -> str | None:
    """Name of the key whose owner signed the digest (its hex text), None when none did.

    Raises Unavailable when the optional library is not installed.
    """
    try:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - an extra, and slow to import
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - likewise
    except ImportError as error:
        message = "packs.signing_keys needs the extra `signatures`: pip install 'vasini-tui[signatures]'"
        raise Unavailable(ErrorCode.CONFIG_INVALID, message) from error
    raw = decode_bytes(signature, SIGNATURE_BYTES)
    if raw is None:
        return None
    for name, key in keys.items():
        public = decode_bytes(key, KEY_BYTES)
        if public is None:  # refused when the settings are read
            continue
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(raw, digest.encode())
        except InvalidSignature:
            continue
        return name
    return None
