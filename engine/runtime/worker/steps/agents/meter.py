"""What asking a model uses and costs: counted while it answers, priced as prices are when it is asked."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from engine.budget.price import cost_of
from engine.models.asking import counted, estimated_tokens
from engine.models.blocks import CHARACTERS_A_TOKEN
from engine.models.conversation import (
    CallArguments,
    CallStarted,
    Identified,
    TextDelta,
    ThoughtDelta,
    UsageSeen,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.budget.price_book import QuotedPrice
    from engine.models.conversation import Delta, ModelRequest, Reply, Usage


_TOLD_BYTES: Callable[[Any], int] = attrgetter("told_bytes")


@dataclass(slots=True)
class Meter:
    """Counts one call of a model. `prices`: digest of those in force, `sent`: the request's bytes, `uptime`:
    microseconds of a clock that nobody sets."""

    quoted: QuotedPrice
    prices: str
    sent: int
    request: ModelRequest
    uptime: Callable[[], int]
    told: Usage | None = None
    answered: str | None = None
    hold: str | None = None
    """What is held for the call, and how much of it is money (billionths)."""
    held: int = 0
    heard_characters: int = field(default=0)
    _asked_at: int | None = None
    _first_at: int | None = None
    _told_of: int = 0
    """Characters that had come when the server told its count: what came later is not in it."""

    def asks(self) -> None:
        """The question is put now."""
        self._asked_at = self.uptime()

    def hear(self, delta: Delta) -> None:
        """A piece of the answer came."""
        match delta:
            case TextDelta(text) | ThoughtDelta(text) | CallArguments(_, text) | CallStarted(_, _, text):
                self.heard_characters += len(text)
                if self._first_at is None:
                    self._first_at = self.uptime()
            case UsageSeen(usage):
                self.told, self._told_of = usage, self.heard_characters
            case Identified(_, model):
                self.answered = model
            case _:
                pass

    def whole(self, reply: Reply) -> dict[str, Any]:
        """What a whole answer used: the payload of `model_usage`."""
        return self._payload(reply.usage)

    def partial(self) -> dict[str, Any] | None:
        """The same of a call that failed; None when nothing had come: nothing is known to be paid for."""
        if not self.heard_characters and self.told is None:
            return None
        return self.stopped()

    def stopped(self) -> dict[str, Any]:
        """The same of a call that was stopped: it had been asked, whether or not anything came."""
        told, later = self.told, self.heard_characters - self._told_of
        used = counted(told, estimated_tokens(self.request, self.heard_characters))
        if told is not None and told.output_tokens and later:  # some tell all of them at the end only
            output = told.output_tokens + later // CHARACTERS_A_TOKEN
            used = replace(used, output_tokens=output, estimated=True)
        return {**self._payload(used), "partial": True}

    def times(self) -> dict[str, int]:
        """Milliseconds from the question to the first piece of its answer, and until now; none before it."""
        if self._asked_at is None:
            return {}
        times = {"took_ms": (self.uptime() - self._asked_at) // 1_000}
        if self._first_at is not None:
            times["first_token_ms"] = (self._first_at - self._asked_at) // 1_000
        return times

    def _payload(self, usage: Usage) -> dict[str, Any]:
        quoted = self.quoted
        payload: dict[str, Any] = {
            "model": quoted.name,
            "provider": quoted.provider,
            "asked": quoted.model,
            "prices": self.prices,
            "input": usage.input_tokens,
            "output": usage.output_tokens,
            "cached": min(usage.cached_input_tokens, usage.input_tokens),
            "sent": self.sent,
            "estimated": usage.estimated,
        }
        if self.answered not in {None, quoted.model}:
            payload["answered"] = self.answered
        if quoted.price is not None:
            rates = quoted.price.at(usage.input_tokens)
            payload["cost"] = cost_of(
                rates, usage.input_tokens, usage.cached_input_tokens, usage.output_tokens
            )
            payload["rates"] = [rates.input, rates.cached, rates.output]
        payload |= self.times()
        if self.hold is not None:
            payload["hold"] = self.hold
            payload["over"] = payload.get("cost", 0) > self.held
        return payload


def request_bytes(request: ModelRequest) -> int:
    """Bytes of what a model is told, with the names that every wire format has around it."""
    told = (*request.messages, *request.tools)
    commas = len(told) + (1 if request.tools else 2)  # with the brackets, and a comma less than tools
    schema = 0 if request.schema is None else len(to_json(request.schema))
    return sum(map(_TOLD_BYTES, told)) + commas + schema
