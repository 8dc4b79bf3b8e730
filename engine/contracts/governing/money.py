"""Amounts of money: billionths of a US dollar, exact decimals where people read and write them."""

from __future__ import annotations

import re
from decimal import Decimal

BILLIONTHS = 1_000_000_000
"""Of one dollar."""
_AMOUNT = re.compile(r"-?\$?(?:[0-9]{1,15}(?:\.[0-9]{0,15})?|\.[0-9]{1,15})")


def billionths(amount: Decimal) -> int:
    """An exact amount of dollars. Raises ValueError for one that is no whole number of billionths."""
    scaled = amount * BILLIONTHS
    if not scaled.is_finite() or scaled % 1:
        raise ValueError("an amount has at most nine places behind the point")
    return int(scaled)


def is_amount(text: str) -> bool:
    """Whether a text is an amount as people write one: digits 0 to 9, perhaps a point, perhaps `$`."""
    return _AMOUNT.fullmatch(text.strip()) is not None


def typed_billionths(text: str) -> int:
    """An amount as it is typed: `12`, `0.50`, `$3`. Raises ValueError for anything else."""
    if not is_amount(text):
        raise ValueError(f"{text!r} is no amount in dollars, such as 12 or 0.50")
    return billionths(Decimal(text.strip().removeprefix("$")))


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
