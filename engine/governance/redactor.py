"""What is kept of a value, and what is shown of it: secrets are struck out, personal data is masked.

A value that is small and holds nothing to mask is kept inline; any other becomes a reference with a
masked preview, and its full JSON (without secrets) goes to the protected value store.
"""

from __future__ import annotations

import hashlib
from dataclasses import field
from typing import TYPE_CHECKING, Any

from engine.errors import InvalidInput
from engine.frozen import frozen
from engine.values import (
    BLOB_KEY,
    IMAGE_KEY,
    INLINE_LIMIT,
    LIST_KEY,
    ImageRef,
    blob_ref,
    canonical_json,
    images_in,
    looks_like_reference,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from engine.governance.masking import Masker

MAX_DEPTH = 100
"""Levels of lists and objects in a value from outside."""
JOINED_DEPTH = 2 * MAX_DEPTH
"""The same in what the engine itself puts together: lists of outputs, a run's output."""
PREVIEW_LIMIT = 512
"""Bytes of a preview's JSON."""
_IMAGE = f'"{IMAGE_KEY}"'.encode()
_LIST = f'"{LIST_KEY}":['.encode()
_MARKS = tuple(f'"{key}'.encode() for key in (BLOB_KEY, LIST_KEY, IMAGE_KEY))
_PREVIEW_TEXT = 80
_PREVIEW_ITEMS = 8
_LONGEST_MATCH = 700  # characters: no pattern of personal data matches more


@frozen
class StoredValue:
    """A value as events hold it, and by digest the JSON (`blobs`) of what it refers to."""

    value: Any
    blobs: dict[str, bytes] = field(default_factory=dict)


class Redactor:
    """Strikes out secrets and masks personal data; `inline_limit` is in bytes of canonical JSON."""

    def __init__(self, masker: Masker, inline_limit: int = INLINE_LIMIT) -> None:
        self._masker = masker
        self._inline_limit = inline_limit

    def storable(self, value: Any, *, levels: int = MAX_DEPTH) -> StoredValue:
        """The form in which a value from outside may be kept.

        Raises InvalidInput for what is not JSON or nested deeper than `levels`.
        """
        raw = _json_of(value, levels)
        limit = self._inline_limit
        if b'"$' not in raw and self._masker.is_clean(str(raw, "utf-8")):
            return StoredValue(value) if len(raw) <= limit else _apart(raw, self._preview(value, None))
        scrubbed = self._masker.scrub_secrets(value)
        if scrubbed is not value:
            raw = _json_of(scrubbed, levels)
        literal = _holds_reference(scrubbed, raw)
        if not literal and len(raw) <= limit and not self._masker.has_personal(scrubbed):
            return StoredValue(scrubbed)
        images = dict.fromkeys(one.digest for one in images_in(scrubbed)) if _IMAGE in raw else ()
        return _apart(raw, self.preview(scrubbed), literal=literal, images=images)

    def holds_whole(self, raw: bytes) -> bool:
        """Whether what was joined from stored values, under names that say nothing, to this JSON is small and
        refers to nothing: then all was looked at when it was stored, and nothing is there to mask."""
        return raw.count(b'"$') == raw.count(_LIST) and len(raw) <= self._inline_limit

    def scrubbed(self, value: Any) -> Any:
        """A value as it is kept: secrets replaced."""
        return self._masker.scrub_secrets(value)

    def redact(self, value: Any) -> Any:
        """A value as errors, titles, screens and the run's folder may hold it: masked."""
        return self._masker.mask(value)

    def redact_lines(self, lines: list[str]) -> list[str]:
        """The same for texts without line ends, of which there may be many."""
        return self._masker.mask_lines(lines)

    def redact_beginning(self, text: str) -> str:
        """The masked beginning of a longer text; what its cut may have made unrecognizable is left out."""
        masked: str = self._masker.mask(text)
        return masked[:-_LONGEST_MATCH]

    def without_secrets(self, value: Any) -> Any:
        """A value as it may be kept for its author: texts that hold a secret go.

        A field goes as a whole, an element of a list becomes the empty text.
        """
        return _without(value, self._masker.scrub_secrets(value))

    def preview(self, value: Any) -> Any:
        """A masked, shortened form of a value without secrets: at most PREVIEW_LIMIT bytes of JSON."""
        return self._preview(value, self._masker.mask)

    def _preview(self, value: Any, mask: Callable[[Any], Any] | None) -> Any:
        """`mask` is None for a value in which there is nothing to mask."""
        short = _shorten(value, mask)
        return short if len(_json_of(short)) <= PREVIEW_LIMIT else _describe(value)


def _apart(raw: bytes, preview: Any, *, literal: bool = False, images: Iterable[str] = ()) -> StoredValue:
    digest = hashlib.sha256(raw).hexdigest()
    ref = blob_ref(digest, len(raw), preview, literal=literal, images=images)
    return StoredValue(ref, {digest: raw})


def _shorten(value: Any, mask: Callable[[Any], Any] | None, depth: int = 0) -> Any:
    if isinstance(value, str):
        return value if mask is None and len(value) <= _PREVIEW_TEXT else _short_text(value, mask)
    if not isinstance(value, dict | list | tuple):
        return value
    if isinstance(value, ImageRef):
        return value.shown
    if depth >= 2:
        return _describe(value)
    if isinstance(value, dict):
        pairs = list(value.items())[:_PREVIEW_ITEMS]
        kept = {_shorten(key, mask): _shorten(item, mask, depth + 1) for key, item in pairs}
        return {**kept, "…": f"+{len(value) - _PREVIEW_ITEMS}"} if len(value) > _PREVIEW_ITEMS else kept
    items = [_shorten(item, mask, depth + 1) for item in value[:_PREVIEW_ITEMS]]
    return [*items, f"… +{len(value) - _PREVIEW_ITEMS}"] if len(value) > _PREVIEW_ITEMS else items


def _short_text(text: str, mask: Callable[[Any], Any] | None) -> str:
    """The masked beginning. What the cut may have made unrecognizable at the end is left out."""
    if mask is None:
        return f"{text[: _PREVIEW_TEXT - 1]}…"
    start = text[: _PREVIEW_TEXT + _LONGEST_MATCH]
    masked: str = mask(start) if len(text) == len(start) else mask(start)[:-_LONGEST_MATCH]
    if len(text) == len(start) and len(masked) <= _PREVIEW_TEXT:
        return masked
    return f"{masked[: _PREVIEW_TEXT - 1]}…"


def _without(value: Any, scrubbed: Any) -> Any:
    """What of `value` is the same in `scrubbed`, which has the same shape."""
    if value is scrubbed:
        return value
    if isinstance(value, dict) and isinstance(scrubbed, dict):
        pairs = zip(value.items(), scrubbed.items(), strict=True)
        return {
            key: _without(item, new)
            for (key, item), (new_key, new) in pairs
            if key == new_key and (item is new or not isinstance(item, str))
        }
    if isinstance(value, list | tuple) and isinstance(scrubbed, list | tuple):
        return [_without(item, new) for item, new in zip(value, scrubbed, strict=True)]
    return ""


def _json_of(value: Any, levels: int = MAX_DEPTH) -> bytes:
    try:
        raw = canonical_json(value)
    except RecursionError:
        raise _too_deep(levels) from None
    except (TypeError, ValueError):
        raise InvalidInput(
            "the value is not JSON: only finite numbers, Unicode text, lists and objects can be stored"
        ) from None
    if raw.count(b"[") + raw.count(b"{") > levels and _is_deeper(value, levels):
        raise _too_deep(levels)
    return raw


def _too_deep(levels: int) -> InvalidInput:
    return InvalidInput(f"the value is nested deeper than {levels} levels", {"limit": levels})


def _is_deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list | tuple):
        return False
    items = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(item, levels - 1) for item in items)


def _holds_reference(value: Any, raw: bytes) -> bool:
    return any(mark in raw for mark in _MARKS) and _any_reference(value)


def _any_reference(value: Any) -> bool:
    if isinstance(value, dict):
        return looks_like_reference(value) or any(map(_any_reference, value.values()))
    return isinstance(value, list | tuple) and any(map(_any_reference, value))


def _describe(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{… {len(value)} fields}}"
    if isinstance(value, list | tuple):
        return f"[… {len(value)} items]"
    return f"… {len(str(value))} characters" if isinstance(value, str | int) else str(value)[:_PREVIEW_TEXT]
