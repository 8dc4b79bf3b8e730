"""Distributions of times in little room: counts by bins that grow with the time they stand for.

Each bin is 2 % wide, so a quantile differs from the exact one by less than 1 % (the mapping of DDSketch,
Masson, Rim and Lee 2019). Sketches are merged by adding their counts.
"""

from __future__ import annotations

import math
import sys
from array import array
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ERROR = 0.0095
"""Most by which a quantile is wrong, as a share of it."""
LEAST = 1_000
"""Microseconds; what is shorter counts as this long."""
_GAMMA = (1 + ERROR) / (1 - ERROR)
_LOG = math.log(_GAMMA)
MOST_BINS = 1_500
"""What is longer than this bin (some decades) counts in it."""

Sketch = dict[int, int]
"""How many times fell into each bin."""


def bin_of(micros: int) -> int:
    """The bin of a time in microseconds."""
    return min(MOST_BINS, math.ceil(math.log(max(micros, LEAST) / LEAST) / _LOG))


@cache
def time_in(number: int) -> int:
    """The time in microseconds that a bin stands for."""
    return round(LEAST * 2 * _GAMMA**number / (_GAMMA + 1))


def add_all(sketch: Sketch, other: Mapping[int, int]) -> None:
    """Count all that another one counted."""
    if not sketch:
        sketch.update(other)
        return
    for number, count in other.items():
        sketch[number] = sketch.get(number, 0) + count


def quantile(sketch: Mapping[int, int], share: float) -> int | None:
    """The time in microseconds that `share` (0 to 1) of what was counted did not pass; None without any.

    The nearest rank: of 20 times the 95 % one is the nineteenth.
    """
    rank = max(1, math.ceil(share * sum(sketch.values()) - 1e-9))
    for number in sorted(sketch):
        rank -= sketch[number]
        if rank <= 0:
            return time_in(number)
    return None


def total(sketch: Mapping[int, int]) -> int:
    """All times together, in microseconds."""
    return sum(time_in(number) * count for number, count in sketch.items())


def encode(sketch: Mapping[int, int]) -> bytes:
    """Bin and count in turn, as unsigned numbers of 32 bits, the low byte first."""
    numbers = array("I", [each for pair in sorted(sketch.items()) for each in pair])
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def decode_all(data: bytes) -> Sketch:
    """What several sketches counted that were encoded one after another."""
    numbers = array("I", data[: len(data) // 8 * 8])
    if sys.byteorder == "big":
        numbers.byteswap()
    bins, counts = numbers[::2], numbers[1::2]
    found: Sketch = {}
    for number, count in zip(bins, counts, strict=True):
        found[number] = found.get(number, 0) + count
    return found


def decode(data: bytes) -> Sketch:
    """The opposite of `encode`; what was cut short counts as far as it goes."""
    if not data:
        return {}
    numbers = array("I", data[: len(data) // 8 * 8])
    if sys.byteorder == "big":
        numbers.byteswap()
    each = iter(numbers.tolist())
    return dict(zip(each, each, strict=True))
