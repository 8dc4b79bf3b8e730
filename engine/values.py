"""The forms a value takes at rest: inline JSON, a reference to a protected blob, or a list of both.

A reference is `{"$blob": <sha256>, "size": <bytes>, "preview": <masked>}`; `literal: true` beside them
says that the blob itself holds dicts shaped like references, which came from outside and must never be
followed. `engine.governance.redactor` is the only maker of blobs, so anything else that looks
like a reference cannot reach the journal.

An image stands in a value as `{"$image": <sha256>, "kind", "width", "height", "size"}`. Its bytes are a blob,
too, and read only where a model is told of it.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NoReturn

from engine.images import shown_image

INLINE_LIMIT = 16_384
"""Canonical JSON larger than this many bytes is kept as a blob."""

BLOB_KEY = "$blob"
LIST_KEY = "$list"
IMAGE_KEY = "$image"

Resolve = Callable[[str], Any]
"""From a blob's digest to its value; may raise BlobNeeded when the blob is not at hand."""

_BLOB_FIELDS = frozenset({BLOB_KEY, "size", "preview", "literal", "images"})
_IMAGE_FIELDS = frozenset({IMAGE_KEY, "kind", "width", "height", "size"})
_DEEPEST = 200
_HOLDERS = (dict, list, tuple)
_SCALARS = frozenset({str, int, bool, float, type(None)})
_DIGEST = re.compile(r"[0-9a-f]{64}")
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode


class BlobNeeded(Exception):
    """A value cannot be given until the blob with this digest has been loaded."""

    def __init__(self, digest: str) -> None:
        super().__init__(f"the blob {digest} is not loaded")
        self.digest = digest


class LiteralDict(dict[str, Any]):
    """A dict from outside that is shaped like a reference and is not one."""


class ImageRef(dict[str, Any]):
    """An image in a value: what it is, and the digest of its bytes. Values from outside hold none."""

    @property
    def digest(self) -> str:
        """Of the bytes, which are a blob."""
        return str(self[IMAGE_KEY])

    @property
    def shown(self) -> str:
        """As people read it."""
        return shown_image(self["kind"], self["width"], self["height"])


def image_ref(data: bytes, kind: str, width: int, height: int) -> ImageRef:
    """The reference to an image of these bytes."""
    digest = hashlib.sha256(data).hexdigest()
    return ImageRef({IMAGE_KEY: digest, "kind": kind, "width": width, "height": height, "size": len(data)})


def is_image(value: Any) -> bool:
    """True for exactly the shape that `image_ref` makes."""
    return isinstance(value, ImageRef) or (type(value) is dict and value.keys() == _IMAGE_FIELDS)


def images_in(value: Any) -> Iterator[ImageRef]:
    """The images of a value, in their order."""
    if isinstance(value, ImageRef):
        yield value
    elif isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            yield from images_in(item)


def with_images_shown(value: Any, *, stored: bool = False) -> Any:
    """A value with `[image 640x480 png]` where an image is; itself where there is none.

    `stored`: a value as it stands in an event, where everything that has the shape of an image is one.
    """
    return _images_shown(value, stored, 0) if _has_image_key(value) else value


def _has_image_key(value: Any) -> bool:
    """Whether a closer look is worth it: every event is asked that."""
    waiting = [value] if isinstance(value, _HOLDERS) else []
    for item in waiting:  # which grows
        if isinstance(item, dict) and IMAGE_KEY in item:
            return True
        for inner in item.values() if isinstance(item, dict) else item:
            if type(inner) not in _SCALARS and isinstance(inner, _HOLDERS):
                waiting.append(inner)  # noqa: PERF401 - a list of them takes longer to make than to fill
    return False


def _images_shown(value: Any, stored: bool, depth: int) -> Any:
    if isinstance(value, ImageRef) or (stored and is_image(value)):
        return ImageRef(value).shown
    if depth > _DEEPEST:
        return value
    if isinstance(value, dict):
        shown = {key: _images_shown(item, stored, depth + 1) for key, item in value.items()}
        return shown if any(shown[key] is not item for key, item in value.items()) else value
    if isinstance(value, list | tuple):
        items = [_images_shown(item, stored, depth + 1) for item in value]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    return value


def with_images(value: Any) -> Any:
    """A value read from a blob, with its images as such."""
    if is_image(value):
        return ImageRef(value)
    if isinstance(value, dict):
        return {key: with_images(item) for key, item in value.items()}
    return [with_images(item) for item in value] if isinstance(value, list) else value


def is_blob(value: Any) -> bool:
    """True for exactly the shape `blob_ref` makes."""
    if type(value) is not dict or BLOB_KEY not in value or not _BLOB_FIELDS.issuperset(value):
        return False
    digest = value[BLOB_KEY]
    return isinstance(digest, str) and _DIGEST.fullmatch(digest) is not None


def is_list_ref(value: Any) -> bool:
    """True for exactly `{"$list": [...]}`: a list whose elements are inline values or references."""
    return type(value) is dict and LIST_KEY in value and len(value) == 1 and isinstance(value[LIST_KEY], list)


def looks_like_reference(value: dict[Any, Any]) -> bool:
    """True when a key starts as a reference's would; such outside data never stays inline."""
    if isinstance(value, ImageRef):
        return False
    return any(isinstance(key, str) and key.startswith((BLOB_KEY, LIST_KEY, IMAGE_KEY)) for key in value)


def blob_ref(
    digest: str, size: int, preview: Any, *, literal: bool = False, images: Iterable[str] = ()
) -> dict[str, Any]:
    """The reference that stands for a blob of `size` bytes; `preview` is masked and short.

    `images` are digests of the images in it: what keeps the blob keeps them.
    """
    ref: dict[str, Any] = {BLOB_KEY: digest, "size": size, "preview": preview}
    kept = [{IMAGE_KEY: one} for one in images]
    if kept:
        ref["images"] = kept
    return {**ref, "literal": True} if literal else ref


def follow(value: Any, resolve: Resolve) -> Any:
    """`value`, or what it refers to when it is a reference; does not look inside plain values."""
    if type(value) is not dict or not (BLOB_KEY in value or LIST_KEY in value or IMAGE_KEY in value):
        return value
    if BLOB_KEY in value and is_blob(value):
        found = resolve(value[BLOB_KEY])
        return _as_literal(found) if value.get("literal") is True else found
    if LIST_KEY in value and is_list_ref(value):
        return [follow(item, resolve) for item in value[LIST_KEY]]
    return ImageRef(value) if IMAGE_KEY in value and is_image(value) else value


def resolve_value(value: Any, resolve: Resolve) -> Any:
    """`value` with every reference in it followed; the same object when there is none.

    What a blob holds is taken as it is: references are never nested inside blobs.
    """
    if isinstance(value, dict):
        found = follow(value, resolve)
        return found if found is not value else _resolve_dict(value, resolve)
    if isinstance(value, list):
        items = [resolve_value(item, resolve) for item in value]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    return value


def digests_in(value: Any) -> Iterator[str]:
    """Digests of the blobs that a value refers to."""
    if is_blob(value):
        yield value[BLOB_KEY]
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from digests_in(item)


def _resolve_dict(value: dict[str, Any], resolve: Resolve) -> dict[str, Any]:
    if type(value) is not dict:
        return value
    changed: dict[str, Any] = {}
    for key, item in value.items():
        if isinstance(item, _HOLDERS) and (new := resolve_value(item, resolve)) is not item:
            changed[key] = new
    return {**value, **changed} if changed else value


def _as_literal(value: Any) -> Any:
    if isinstance(value, list):
        return [_as_literal(item) for item in value]
    if isinstance(value, dict):
        items = {key: _as_literal(item) for key, item in value.items()}
        return LiteralDict(items) if looks_like_reference(items) else items
    return value


def canonical_json(value: Any) -> bytes:
    """UTF-8 JSON with sorted keys and no spaces.

    Raises ValueError for a number that is not finite or text that is not Unicode (a lone surrogate),
    TypeError for what JSON does not have, RecursionError for nesting deeper than the interpreter allows.
    """
    return _encode(value).encode()


def digest_of(value: Any) -> str:
    """SHA-256 of the canonical JSON, in hex."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def parse_json(text: str) -> Any:
    """JSON as a person or a program wrote it: no NaN, no number out of range, no key twice.

    Raises ValueError with words for a person, RecursionError for nesting deeper than the interpreter allows.
    """
    return json.loads(
        text, parse_constant=_no_constant, parse_float=_finite_float, object_pairs_hook=_unique_keys
    )


def is_same(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON; for Python 1, 1.0 and true are equal."""
    return canonical_json(one) == canonical_json(other)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:40]} is out of range")
    return number


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise ValueError(f"the key {key[:80]!r} stands there twice")
        result[key] = value
    return result
