"""Numbers in little room."""

from __future__ import annotations

from math import floor

_TEN_UNITS = 100
"""In tenths: below that one decimal is shown."""


def short_number(number: int) -> str:
    """In few characters: `812`, `1.2k`, `46k`, `3.1M`; never rounded up."""
    for power, unit in ((12, "T"), (9, "G"), (6, "M"), (3, "k")):
        if number >= 10**power:
            tenths = number // 10 ** (power - 1)
            return f"{tenths / 10:g}{unit}" if tenths < _TEN_UNITS else f"{tenths // 10}{unit}"
    return str(number)


def counted(number: int, unit: str) -> str:
    """`1 run`, `1,204 runs`."""
    return f"{number:,} {unit}{'' if number == 1 else 's'}"


def percent(share: float | None) -> str:
    """A share with up to two places, rounded down, so that nothing looks better than it is."""
    return "-" if share is None else f"{_hundredths(share) / 100:g}"


def percent_of_bad(share: float | None) -> str:
    """The same of what should be few, rounded up."""
    return "-" if share is None else f"{-_hundredths(-share) / 100:g}"


def percent_cell(share: float | None) -> str:
    """The same for a column: five characters, always of as many digits: `97.05`, ` 9.50`, `100.0`."""
    return "    -" if share is None else f"{_hundredths(share) / 100:5.2f}"[:5]


def _hundredths(share: float) -> int:
    """Of a percent, the whole ones below it."""
    return floor(share * 10_000 + 1e-6)
