"""What tokens of a model cost."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

PER = 1_000_000
"""Tokens that rates are for."""


class PriceSource(StrEnum):
    """Where a price is from."""

    SCRIPTED = "scripted"
    SETTINGS = "settings"
    TABLE = "table"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Rates:
    """Billionths of a dollar per million tokens, for a call with more than `above` tokens of input."""

    above: int
    input: int
    cached: int
    output: int


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs; `rates` by rising `above`, the first from 0. They hold for all of a call."""

    rates: tuple[Rates, ...]

    def at(self, input_tokens: int) -> Rates:
        """The rates of a call with so many tokens of input, cached ones among them."""
        return next(one for one in reversed(self.rates) if input_tokens > one.above or one is self.rates[0])

    def bound(self, input_tokens: int, output_tokens: int) -> int:
        """The most that a call with at most so many tokens may cost, in billionths."""
        return max(
            _rounded_up(input_tokens * max(one.input, one.cached) + output_tokens * one.output)
            for one in self.rates
            if one.above < input_tokens or one is self.rates[0]
        )

    @property
    def is_free(self) -> bool:
        """Whether it costs nothing, whatever is asked."""
        return all(one.input == one.cached == one.output == 0 for one in self.rates)


FREE = Price((Rates(0, 0, 0, 0),))


def cost_of(rates: Rates, input_tokens: int, cached_tokens: int, output_tokens: int) -> int:
    """What a call costs, in billionths, rounded up once; cached tokens are part of the input."""
    cached = min(cached_tokens, input_tokens)
    fresh = input_tokens - cached
    return _rounded_up(fresh * rates.input + cached * rates.cached + output_tokens * rates.output)


def _rounded_up(millionths: int) -> int:
    return -(-millionths // PER)
