"""What is asked of a model and how it answers: messages, offered tools, deltas while it speaks, replies."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from engine.frozen import frozen
from engine.models.blocks import ImageBlock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.models.blocks import Block


class MessageRole(StrEnum):
    """Whose words a message holds."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class FinishReason(StrEnum):
    """Why a model stopped speaking; a refusal is a ModelFailure, not a reason."""

    STOP = "stop"
    TOOL_CALLS = "tool_calls"
    LENGTH = "length"


@frozen
class ToolCall:
    """A call that a model asks for; `arguments` is the text it wrote, which may be no JSON at all."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class Carried:
    """What a server wants to be told again with an answer of its own, as it was: thoughts, signatures.

    `of` says whose it is: nobody else is told it. What is `signed` goes back as it was, or not at all.
    """

    data: Mapping[str, Any]
    of: str = ""
    signed: frozenset[str] = frozenset()

    @cached_property
    def characters(self) -> int:
        """How many it has as JSON."""
        return len(to_json(dict(self.data)))

    def kept_as(self, data: Mapping[str, Any]) -> Carried | None:
        """What can be told again where this is kept of it: no server takes a signature that does not fit."""
        told = {
            name: part for name, part in data.items() if name not in self.signed or part == self.data[name]
        }
        return replace(self, data=told) if told else None


@dataclass(frozen=True)
class Message:
    """One message. `calls` are an assistant's; `call_id` says which call a tool's result answers.

    `blocks` stand before the text, and are never part of it. The same message is told turn after turn: it
    is measured once.
    """

    role: MessageRole
    text: str
    calls: tuple[ToolCall, ...] = ()
    call_id: str | None = None
    blocks: tuple[Block, ...] = ()
    carried: Carried | None = None

    @property
    def images(self) -> tuple[ImageBlock, ...]:
        """Those of its blocks that are images which the model sees."""
        return tuple(block for block in self.blocks if isinstance(block, ImageBlock) and block.data)

    @property
    def texts(self) -> tuple[str, ...]:
        """What it says, block by block."""
        return (*(block.told for block in self.blocks), *((self.text,) if self.text else ()))

    @property
    def whole_text(self) -> str:
        """The same for servers that take one text."""
        return "\n\n".join(self.texts) if self.blocks else self.text

    @cached_property
    def characters(self) -> int:
        """How many its texts and the arguments of its calls have; an image counts by its tokens."""
        images = sum(image.characters for image in self.images)
        carried = self.carried.characters if self.carried is not None else 0
        return len(self.whole_text) + sum(len(call.arguments) for call in self.calls) + images + carried

    @cached_property
    def told_bytes(self) -> int:
        """Bytes of it, with the names that every wire format has around it.

        No token has less than one of them; of an image they are the tokens that it is at the most.
        """
        calls = [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in self.calls]
        images = sum(image.most_tokens for image in self.images)
        carried = self.carried.characters if self.carried is not None else 0
        return len(to_json([self.role, self.texts, calls, self.call_id])) + images + carried


@dataclass(frozen=True)
class ToolOffer:
    """A tool as a model is told of it; `parameters` is a JSON Schema. As a message it is measured once."""

    name: str
    description: str
    parameters: Mapping[str, Any]

    @cached_property
    def characters(self) -> int:
        """How many a model is told of it."""
        return len(self.name) + len(self.description) + len(to_json(dict(self.parameters)))

    @cached_property
    def told_bytes(self) -> int:
        """Bytes of it, as those of a message."""
        return len(to_json([self.name, self.description, dict(self.parameters)]))


@frozen
class ModelRequest:
    """One question to a model. `max_tokens` bounds its answer, `schema` is the form of its last one, for
    servers that are told it beside the words."""

    messages: tuple[Message, ...]
    tools: tuple[ToolOffer, ...] = ()
    max_tokens: int | None = None
    temperature: float | None = None
    schema: Mapping[str, Any] | None = None

    def told_by(self, asked: str) -> ModelRequest:
        """The same without what others than `asked` want to be told again."""
        if all(one.carried is None or one.carried.of == asked for one in self.messages):
            return self
        told = (
            one if one.carried is None or one.carried.of == asked else replace(one, carried=None)
            for one in self.messages
        )
        return replace(self, messages=tuple(told))


@frozen
class Usage:
    """Tokens of one call; `estimated` from the lengths of texts where the server told none."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    estimated: bool = False


@frozen
class TextDelta:
    """A piece of the answer's text."""

    text: str


@frozen
class ThoughtDelta:
    """A piece of what the model thinks before it answers: it is at work. It is shown to nobody."""

    text: str


@frozen
class CallStarted:
    """The model begins to write the call of that index."""

    index: int
    id: str
    name: str


@frozen
class CallArguments:
    """A piece of the arguments of the call of that index."""

    index: int
    text: str


@frozen
class UsageSeen:
    """What the server says the call used so far; a later one takes its place."""

    usage: Usage


@frozen
class Identified:
    """The server's id of the request, and the model that answers, as far as it told them."""

    request_id: str | None = None
    model: str | None = None


@frozen
class Finished:
    """The answer is whole."""

    reason: FinishReason


Delta = TextDelta | ThoughtDelta | CallStarted | CallArguments | UsageSeen | Identified | Carried | Finished


@frozen
class Reply:
    """A whole answer. `provider` and `model` are those that gave it."""

    provider: str
    model: str
    text: str
    finish: FinishReason
    calls: tuple[ToolCall, ...] = ()
    usage: Usage = field(default_factory=Usage)
    request_id: str | None = None
    carried: Carried | None = None
