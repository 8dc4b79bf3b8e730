"""JSON that other programs write: one that counts in UTF-16 may cut a text within a character."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_ESCAPE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
    rb"|\\.",
    re.DOTALL,
)
_HALF = 6
"""Bytes of an escape that is one half of a character."""
_NONE = rb"\ufffd"


def read_foreign(data: bytes, parse: Callable[[bytes], T]) -> T:
    """What `parse` makes of the JSON, in which half a character is told as none (U+FFFD).

    Raises ValueError for what is no JSON.
    """
    try:
        return parse(data)
    except ValueError:
        if (whole := whole_characters(data)) == data:
            raise
        return parse(whole)


class WholeCharacters:
    """The same for JSON that comes in pieces, which may end within an escape."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> bytes:
        """As much of what came as is certain now."""
        if not self._rest and b"\\" not in piece:
            return piece
        data = self._rest + piece
        end = _certain(data)
        self._rest = data[end:]
        return whole_characters(data[:end])

    def end(self) -> bytes:
        """The rest: nothing more comes."""
        rest, self._rest = self._rest, b""
        return whole_characters(rest)


def whole_characters(data: bytes) -> bytes:
    """The JSON with none (U+FFFD) in place of half a character."""
    if b"\\ud" not in data.lower():
        return data
    return _ESCAPE.sub(lambda found: _NONE if len(found[0]) == _HALF else found[0], data)


def _certain(data: bytes) -> int:
    """Up to where nothing that may follow changes what an escape means."""
    if b"\\" not in data[-2 * _HALF :]:
        return len(data)
    end = 0
    for found in _ESCAPE.finditer(data):
        behind = data[found.end() :] if len(data) - found.end() < _HALF else None
        if behind is not None and _may_go_on(found[0], behind):
            return found.start()
        end = found.end()
    return len(data) - data.endswith(b"\\", end)  # an escape that has just begun


def _may_go_on(escape: bytes, behind: bytes) -> bool:
    """Whether what is behind it, all that came by now, is only the beginning of what belongs to it."""
    if escape == b"\\u":
        return len(behind) < _HALF - len(escape)
    return len(escape) == _HALF and behind[:2] == b"\\u"[: len(behind)]
