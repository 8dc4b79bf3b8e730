"""Images that a tool brings: each is kept by digest, and its output says what it is."""

from __future__ import annotations

from typing import Any

from engine.images import MAX_IMAGE_BYTES, MAX_SIDE, MOST_IMAGES, from_base64, image_head
from engine.values import image_ref

IMAGES = "images"
"""The field of an output that they stand in, as `[{"content_base64": ...}]`."""
_CONTENT = "content_base64"
_FIELDS = frozenset({_CONTENT, "name"})


def brings_images(output: Any) -> bool:
    """Whether the output holds images that are to be kept."""
    images = output.get(IMAGES) if isinstance(output, dict) else None
    return isinstance(images, list) and any(map(_is_one, images))


def kept_images(output: dict[str, Any]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The output with its images as references, and their bytes by digest.

    What is none, or more than a model takes, is told in words: it is data from outside, and no error.
    """
    blobs: dict[str, bytes] = {}
    images = [_kept(one, number, blobs) if _is_one(one) else one for number, one in enumerate(output[IMAGES])]
    return {**output, IMAGES: images}, blobs


def _is_one(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get(_CONTENT), str) and _FIELDS.issuperset(entry)


def _kept(entry: dict[str, Any], number: int, blobs: dict[str, bytes]) -> Any:
    data = from_base64(entry[_CONTENT])
    if data is None:
        return "[no image: what was sent is no base64]"
    head = image_head(data)
    if head is None:
        return f"[no image: {len(data)} bytes of something else]"
    if number >= MOST_IMAGES:
        return f"{head.shown} (not kept: {MOST_IMAGES} images are kept of a result)"
    if len(data) > MAX_IMAGE_BYTES:
        return f"{head.shown} (not kept: {len(data)} bytes are more than {MAX_IMAGE_BYTES})"
    if head.too_large:
        return f"{head.shown} (not kept: a side has more than {MAX_SIDE} pixels)"
    reference = image_ref(data, head.kind, head.width, head.height)
    blobs[reference.digest] = data
    return reference
