"""Numbers in little room."""

from __future__ import annotations

_TEN_UNITS = 100
"""In tenths: below that one decimal is shown."""


def short_number(number: int) -> str:
    """In few characters: `812`, `1.2k`, `46k`, `3.1M`; never rounded up."""
    for power, unit in ((12, "T"), (9, "G"), (6, "M"), (3, "k")):
        if number >= 10**power:
            tenths = number // 10 ** (power - 1)
            return f"{tenths / 10:g}{unit}" if tenths < _TEN_UNITS else f"{tenths // 10}{unit}"
    return str(number)
