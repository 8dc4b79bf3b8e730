"""What an agent says that it used: tokens with its answer, the cost of its session on the way. Pure.

Nobody can check it, and most agents tell less: what is not told is unknown, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Any

from engine.contracts.governing.money import BILLIONTHS

MOST_TOKENS = 100_000_000
"""Of input or output of one prompt; what an agent tells above that is no count."""
MOST_DOLLARS = 1_000_000
"""Of one session; what an agent tells above that is no amount."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Of one prompt: those of the input, cached ones among them, of the output, and the cached ones."""

    input: int
    output: int
    cached: int


class AgentUsage:
    """What was told by now."""

    def __init__(self) -> None:
        self.tokens: Tokens | None = None
        self.cost: int | None = None
        """Of the prompt, in billionths of a US dollar; None is unknown."""
        self._before = 0

    def hear(self, update: Any, *, prompted: bool) -> None:
        """A `usage_update`: the cost of the session until now, in dollars if it counts here.

        What it had cost before the prompt is no part of the prompt's cost, unless the agent counts anew. What
        was told once comes back to nobody.
        """
        told = update.get("cost") if isinstance(update, dict) else None
        if told is None:
            return
        amount = _amount(told)
        if not prompted:
            self._before = amount or 0
        elif amount is None:
            self.cost = None
        else:
            of_prompt = amount - self._before if amount >= self._before else amount
            self.cost = max(of_prompt, self.cost or 0)

    def answered(self, usage: Any) -> None:
        """The `usage` of the answer, read by the protocol's schema; None where it told none.

        Kinds of tokens add up to the total. Whether cached ones are told within the input or beside it
        differs, so the total decides.
        """
        if usage is None:
            return
        read = max(usage.total_tokens - usage.output_tokens - (usage.thought_tokens or 0), usage.input_tokens)
        written = max(usage.total_tokens - read, usage.output_tokens)
        if max(read, written) <= MOST_TOKENS:
            self.tokens = Tokens(read, written, min(usage.cached_read_tokens or 0, read))


def _amount(told: Any) -> int | None:
    amount = told.get("amount") if isinstance(told, dict) else None
    if isinstance(amount, bool) or not isinstance(amount, int | float) or told.get("currency") != "USD":
        return None
    if not 0 <= amount <= MOST_DOLLARS:
        return None
    return int((Decimal(str(amount)) * BILLIONTHS).to_integral_value(ROUND_CEILING))
