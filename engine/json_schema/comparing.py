"""Values as JSON compares them: exact multiples, 1 equal to 1.0, patterns of ECMA-262."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from decimal import Context, Decimal
from functools import lru_cache
from typing import Any

from engine.json_schema.pattern_cost import most_characters

# digits of the largest whole number that JSON may bring (4300) over the smallest float
_EXACT = Context(prec=5000)
_TOKEN = re.compile(r"\\(?P<escaped>.)|(?P<other>.)", re.DOTALL)
_CLASSES = {"d": "0-9", "w": "A-Za-z0-9_"}
_OUTSIDE = {"d": "[0-9]", "D": "[^0-9]", "w": "[A-Za-z0-9_]", "W": "[^A-Za-z0-9_]"}


def is_multiple(value: float, step: float) -> bool:
    """Whether `value` is a whole multiple of `step`, both as the decimals they are written as."""
    if isinstance(value, int) and isinstance(step, int):
        return value % step == 0
    number = _exact(value)
    return number.is_finite() and _EXACT.remainder(number, _exact(step)).is_zero()


def _exact(number: float) -> Decimal:
    return Decimal(number) if isinstance(number, int) else Decimal(repr(number))


def identity(value: Any) -> Hashable:
    """Something that is equal exactly for values that JSON holds to be the same."""
    if isinstance(value, bool) or value is None:
        return (bool, value)
    if isinstance(value, list):
        return (list, tuple(map(identity, value)))
    if isinstance(value, Mapping):
        return (dict, frozenset((key, identity(item)) for key, item in value.items()))
    same: Hashable = value
    return same


@lru_cache(maxsize=512)
def python_pattern(pattern: str) -> re.Pattern[str]:
    """The pattern as ECMA-262 means it: `$` is the very end, `\\d` and `\\w` are ASCII."""
    parts: list[str] = []
    inside = False
    for token in _TOKEN.finditer(pattern):
        escaped, other = token["escaped"], token["other"]
        if escaped is not None:
            parts.append((_CLASSES if inside else _OUTSIDE).get(escaped, token[0]))
        elif inside and other == "^" and parts[-1] == "[":
            parts[-1] = "[^"
        elif inside:
            inside = other != "]" or parts[-1] in {"[", "[^"}
            parts.append(other)
        else:
            inside = other == "["
            parts.append(r"\Z" if other == "$" else other)
    return re.compile("".join(parts))


def matches(pattern: str, text: str) -> bool:
    """Whether the pattern is found in `text`; a text that is too long for it does not match."""
    compiled = python_pattern(pattern)
    return len(text) <= most_characters(compiled.pattern) and compiled.search(text) is not None
