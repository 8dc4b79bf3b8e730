"""Amounts of money: billionths of a US dollar, exact decimals where people read and write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

BILLIONTHS = 1_000_000_000
"""Of one dollar."""


def billionths(amount: Decimal) -> int:
    """An exact amount of dollars. Raises ValueError for one that is no whole number of billionths."""
    scaled = amount * BILLIONTHS
    if not scaled.is_finite() or scaled % 1:
        raise ValueError("an amount has at most nine places behind the point")
    return int(scaled)


def dollars(amount: int) -> str:
    """As a person reads it, exact: `$0.525`, `-$12.00`, at least two places behind the point."""
    sign, whole, rest = "-" if amount < 0 else "", *divmod(abs(amount), BILLIONTHS)
    places = f"{rest:09}".rstrip("0").ljust(2, "0")
    return f"{sign}${whole:,}.{places}"


def short_dollars(amount: int) -> str:
    """As a list shows it, rounded up to a cent; what is less than a cent is said to be: `<$0.01`."""
    cent = BILLIONTHS // 100
    if 0 < amount < cent:
        return "<$0.01"
    return dollars(-(-amount // cent) * cent)


def cost_text(cost: int, unpriced: int) -> str:
    """What calls of models cost in a few words, and what of it nobody knows; empty when nothing was asked."""
    if not unpriced:
        return short_dollars(cost) if cost else ""
    calls = "1 call" if unpriced == 1 else f"{unpriced:,} calls"
    return f"{short_dollars(cost)} and {calls} of unknown cost" if cost else f"{calls} of unknown cost"
