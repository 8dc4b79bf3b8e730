"""What a server's tool brought, as data: texts as they are, everything else told in words."""

from __future__ import annotations

import base64
import binascii
import struct
from typing import TYPE_CHECKING, Any

from engine.contracts.status import StepErrorCode
from engine.safe_text import sanitize
from engine.tools.failure import ToolFailure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_PARTS = 10_000
_MAX_WORDS = 1_500
_PNG = b"\x89PNG\r\n\x1a\n"
_HEAD_CHARACTERS = 44


def output_of(content: Sequence[Mapping[str, Any]], structured: Any) -> dict[str, Any]:
    """The tool's output: its texts one below the other, and its structured value (None without one)."""
    return {"text": text_of(content), "structured": structured}


def text_of(content: Sequence[Mapping[str, Any]]) -> str:
    """All parts as text."""
    parts = [_told(part) for part in content[:MAX_PARTS]]
    if len(content) > MAX_PARTS:
        parts.append(f"[{len(content) - MAX_PARTS} more parts]")
    return "\n".join(parts)


def tool_failed(tool: str, content: Sequence[Mapping[str, Any]]) -> ToolFailure:
    """The tool said itself that it failed."""
    words = sanitize(text_of(content).strip(), limit=_MAX_WORDS) or "it did not say why"
    return ToolFailure(
        StepErrorCode.BACKEND_ERROR, f"{tool} failed: {words}", details={"reason": "tool_failed"}
    )


def _told(part: Mapping[str, Any]) -> str:
    match part.get("type"):
        case "text":
            return str(part.get("text", ""))
        case "image":
            return _image(part)
        case "audio":
            return f"[audio {_kind(part)}, {_size(part.get('data'))} bytes]"
        case "resource":
            return _resource(part.get("resource"))
        case "resource_link":
            uri, name = (sanitize(part.get(key, ""), limit=500) for key in ("uri", "name"))
            return f"[link {uri} {name}]"
        case other:
            return f"[{sanitize(other or 'something', limit=40)}]"


def _image(part: Mapping[str, Any]) -> str:
    data = part.get("data")
    size = _pixels(data) if isinstance(data, str) else None
    kind = _kind(part).removeprefix("image/")
    return f"[image {size} {kind}]" if size else f"[image {kind}, {_size(data)} bytes]"


def _resource(resource: Any) -> str:
    if not isinstance(resource, dict):
        return "[resource]"
    uri = sanitize(resource.get("uri", ""), limit=500)
    if isinstance(resource.get("text"), str):
        return f"[resource {uri}]\n{resource['text']}"
    return f"[resource {uri}, {_kind(resource)}, {_size(resource.get('blob'))} bytes]"


def _kind(part: Mapping[str, Any]) -> str:
    return sanitize(part.get("mimeType") or "of no known kind", limit=60)


def _size(data: Any) -> int:
    """Bytes that base64 text stands for."""
    return len(data) * 3 // 4 - data[-2:].count("=") if isinstance(data, str) else 0


def _pixels(data: str) -> str | None:
    """Width and height of a PNG, from its first bytes."""
    try:
        head = base64.b64decode(data[:_HEAD_CHARACTERS])
    except (ValueError, binascii.Error):
        return None
    if not head.startswith(_PNG) or len(head) < 24:
        return None
    width, height = struct.unpack(">II", head[16:24])
    return f"{width}x{height}"
