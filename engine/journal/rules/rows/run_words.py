"""The words a run is found by: how they are taken from values, and when a run holds what is looked for. Pure.

A word is letters and digits in a row, without case and accents. It is found by its beginning.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any

from engine.safe_text import with_few_marks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MOST_WORDS = 1_000
"""Different words of one value."""
MOST_CHARACTERS = 100_000
"""So much of a value's text is looked at."""
LONGEST_WORD = 40
"""Characters; the rest of a longer word is left out."""
_WORD = re.compile(r"[^\W_]+")


def run_words(
    subject: str | None, given: Any, error: Mapping[str, Any] | None = None, output: Any = None
) -> str:
    """The words of a run as they are kept: each once, each after a blank. The values have to be masked."""
    told = None if error is None else [error["code"], error["message"]]
    found: dict[str, None] = {}
    for value in (subject, told, given, output):
        found |= _first_words(value)
    return "".join(f" {word}" for word in found)


def wanted_words(text: str) -> list[str]:
    """The words of a filter."""
    return list(dict.fromkeys(_words_in(text)))


def holds_words(words: str, wanted: Sequence[str]) -> bool:
    """Whether kept words hold all that are wanted, by their beginnings; nothing holds no words at all."""
    return bool(wanted) and all(f" {word}" in words for word in wanted)


def _first_words(value: Any) -> dict[str, None]:
    found: dict[str, None] = {}
    left = MOST_CHARACTERS
    for text in _texts(value):
        for word in _words_in(text[:left]):
            found[word] = None
            if len(found) == MOST_WORDS:
                return found
        left -= len(text)
        if left <= 0:
            break
    return found


def _texts(value: Any) -> Iterator[str]:
    """Texts, numbers and names of fields, in the order in which they stand."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            waiting.extend(part for pair in reversed(item.items()) for part in reversed(pair))
        elif isinstance(item, list | tuple):
            waiting.extend(reversed(item))
        elif item is not None and not isinstance(item, bool):
            yield str(item)


def _words_in(text: str) -> Iterator[str]:
    if not text.isascii():
        parts = unicodedata.normalize("NFKD", with_few_marks(text))
        text = "".join(part for part in parts if not unicodedata.combining(part))
    return (found.group()[:LONGEST_WORD] for found in _WORD.finditer(text.casefold()))
