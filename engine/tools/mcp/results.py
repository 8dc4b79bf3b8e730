"""What a server's tool brought, as data: texts as they are, everything else told in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.status import StepErrorCode
from engine.images import head_in_base64
from engine.safe_text import sanitize
from engine.tools.failure import ToolFailure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.images import ImageHead

MAX_PARTS = 10_000
_MAX_WORDS = 1_500


def output_of(content: Sequence[Mapping[str, Any]], structured: Any) -> dict[str, Any]:
    """The tool's output: its texts one below the other, its structured value (or None), and its images."""
    output = {"text": text_of(content), "structured": structured}
    images = [{"content_base64": data} for data in map(_image_data, content[:MAX_PARTS]) if data is not None]
    return {**output, "images": images} if images else output


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
    head = _head(data)
    if head is not None:
        return head.shown
    return f"[image {_kind(part).removeprefix('image/')}, {_size(data)} bytes]"


def _image_data(part: Mapping[str, Any]) -> str | None:
    """The base64 text of a part, or of the resource in it, that is an image, whatever its sender calls it."""
    match part.get("type"), part.get("resource"):
        case "image", _:
            data = part.get("data")
        case "resource", {"blob": data}:
            pass
        case _:
            return None
    return data if isinstance(data, str) and _head(data) is not None else None


def _head(data: Any) -> ImageHead | None:
    return head_in_base64(data) if isinstance(data, str) else None


def _resource(resource: Any) -> str:
    if not isinstance(resource, dict):
        return "[resource]"
    uri = sanitize(resource.get("uri", ""), limit=500)
    if isinstance(resource.get("text"), str):
        return f"[resource {uri}]\n{resource['text']}"
    head = _head(resource.get("blob"))
    if head is not None:
        return f"[resource {uri}]\n{head.shown}"
    return f"[resource {uri}, {_kind(resource)}, {_size(resource.get('blob'))} bytes]"


def _kind(part: Mapping[str, Any]) -> str:
    return sanitize(part.get("mimeType") or "of no known kind", limit=60)


def _size(data: Any) -> int:
    """Bytes that base64 text stands for."""
    return len(data) * 3 // 4 - data[-2:].count("=") if isinstance(data, str) else 0
