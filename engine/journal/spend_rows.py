"""Rows about money. Amounts are billionths of a dollar, `slot` counts quarters of an hour since the epoch."""

from __future__ import annotations

from typing import TypedDict

SLOT = 900_000_000
"""Microseconds of a quarter of an hour: every day of every time zone begins with one."""


class SpendRow(TypedDict):
    """What some calls of a model used: one call, or the sum of several."""

    tenant: str
    pack: str
    flow: str
    step: str
    model: str
    slot: int
    calls: int
    unpriced: int
    estimated: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    sent_bytes: int
    cost: int


COUNTS = (
    "calls",
    "unpriced",
    "estimated",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "sent_bytes",
    "cost",
)
"""The columns that are sums."""


def added(row: SpendRow, other: SpendRow) -> SpendRow:
    """The first one with the counts of both."""
    total: SpendRow = {**row}
    for name in COUNTS:
        total[name] += other[name]  # type: ignore[literal-required]  # the names of integers above
    return total
