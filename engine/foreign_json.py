"""JSON that other programs write: one that counts in UTF-16 may cut a text within a character."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def read_foreign(data: bytes, parse: Callable[[bytes], T]) -> T:
    """What `parse` makes of the JSON, in which half a character is told as none (U+FFFD).

    Raises ValueError for what is no JSON.
    """
    try:
        return parse(data)
    except ValueError:
        return parse(_without_half_characters(data))


def _without_half_characters(data: bytes) -> bytes:
    if b"\\ud" not in data.lower():
        raise ValueError("it is no JSON")
    try:
        text = json.dumps(json.loads(data), ensure_ascii=False)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
