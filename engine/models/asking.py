"""Asking a model: its deltas are told as they come, and put together to the whole reply."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import TYPE_CHECKING

from engine.models.blocks import CHARACTERS_A_TOKEN
from engine.models.conversation import (
    CallArguments,
    CallStarted,
    Carried,
    Finished,
    FinishReason,
    Identified,
    Reply,
    TextDelta,
    ThoughtDelta,
    ToolCall,
    Usage,
    UsageSeen,
)
from engine.models.failure import ModelErrorCode, ModelFailure, ended_without_reason, malformed

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.models.conversation import Delta, Message, ModelRequest
    from engine.models.provider import Provider


_CHARACTERS: Callable[[Message], int] = attrgetter("characters")


@dataclass(slots=True)
class _Parts:
    text: list[str] = field(default_factory=list)
    calls: dict[int, tuple[str, str, list[str]]] = field(default_factory=dict)
    usage: Usage | None = None
    request_id: str | None = None
    model: str | None = None
    finish: FinishReason | None = None
    carried: Carried | None = None
    thought: int = 0

    def add(self, delta: Delta) -> None:
        match delta:
            case TextDelta(text):
                self.text.append(text)
            case CallStarted(index, call_id, name):
                self.calls[index] = (call_id, name, [])
            case CallArguments(index, text):
                if index not in self.calls:
                    raise malformed("the server sent arguments of a call that it had not begun")
                self.calls[index][2].append(text)
            case UsageSeen(usage):
                self.usage = usage
            case Identified(request_id, model):
                self.request_id, self.model = request_id, model
            case ThoughtDelta(text):
                self.thought += len(text)
            case Carried():
                self.carried = delta
            case Finished(reason):
                self.finish = reason


async def ask(
    provider: Provider, request: ModelRequest, on_delta: Callable[[Delta], None] = lambda _: None
) -> Reply:
    """The whole reply; `on_delta` hears of each piece as it comes. Raises ModelFailure.

    An answer without text and without calls is a failure, never an empty success.
    """
    parts = _Parts()
    async with aclosing(provider.stream(request)) as deltas:
        async for delta in deltas:
            parts.add(delta)
            on_delta(delta)
    text = "".join(parts.text)
    calls = tuple(
        ToolCall(call_id, name, "".join(arguments))
        for _, (call_id, name, arguments) in sorted(parts.calls.items())
    )
    if parts.finish is None:
        raise ended_without_reason()
    if not text.strip() and not calls:
        bound = parts.finish is FinishReason.LENGTH  # which another try would use up as well
        code = ModelErrorCode.MALFORMED if bound else ModelErrorCode.NO_ANSWER
        why = "its bound of tokens was used up" if bound else "it said nothing"
        raise ModelFailure(code, f"the model gave no answer: {why}", request_id=parts.request_id)
    return Reply(
        provider=provider.name,
        model=parts.model or provider.model,
        text=text,
        finish=parts.finish,
        calls=calls,
        usage=counted(parts.usage, estimated_tokens(request, _size(text, calls) + parts.thought)),
        request_id=parts.request_id,
        carried=parts.carried,
    )


def counted(told: Usage | None, estimated: Usage) -> Usage:
    """What a server told; the estimate where that is nothing, or no number: no answer took none."""
    if told is None:
        return estimated
    if told.input_tokens and told.output_tokens:
        return told
    return replace(
        told,
        input_tokens=told.input_tokens or estimated.input_tokens,
        output_tokens=told.output_tokens or estimated.output_tokens,
        estimated=True,
    )


def estimated_tokens(request: ModelRequest, got: int) -> Usage:
    """Tokens from the lengths of texts, never none; `got` is the characters of the answer."""
    sent = sum(map(_CHARACTERS, request.messages))
    return Usage(1 + sent // CHARACTERS_A_TOKEN, 1 + got // CHARACTERS_A_TOKEN, estimated=True)


def _size(text: str, calls: tuple[ToolCall, ...]) -> int:
    return len(text) + sum(len(call.name) + len(call.arguments) for call in calls)
