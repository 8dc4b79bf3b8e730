"""Messages as Anthropic streams them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from engine.models.blocks import ImageBlock, TextBlock
from engine.models.conversation import (
    CallArguments,
    CallStarted,
    Carried,
    Finished,
    FinishReason,
    Identified,
    MessageRole,
    TextDelta,
    ThoughtDelta,
    Usage,
    UsageSeen,
)
from engine.models.failure import ModelErrorCode, ModelFailure, ended_without_reason, malformed
from engine.models.wire.server_errors import Hide, failure_in_stream
from engine.models.wire.told_messages import in_turns
from engine.models.wire.told_tools import schema_of
from engine.models.wire.wire_format import (
    Reader,
    WireFormat,
    WireNames,
    arguments_of,
    count_of,
    index_of,
    json_frame,
    name_of,
    object_of,
    text_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from engine.models.conversation import Delta, Message, ModelRequest

VERSION = "2023-06-01"
NO_WORDS = "(no words)"
"""In place of a message without any, as of a plan that was only calls: this format has none."""
DEFAULT_MAX_TOKENS = 4096
"""This format has no answer without a bound."""
_THOUGHTS = ("thinking", "redacted_thinking")
_REASONS = {
    "max_tokens": FinishReason.LENGTH,
    "model_context_window_exceeded": FinishReason.LENGTH,
    "tool_use": FinishReason.TOOL_CALLS,
}


class AnthropicMessages(WireFormat):
    """`POST <base_url>/v1/messages`."""

    path = "/v1/messages"

    def __init__(self, hide: Hide) -> None:
        self._hide = hide

    def headers(self, key: str) -> dict[str, str]:
        """The key, and the version of the format."""
        own = {"anthropic-version": VERSION}
        return {**own, "x-api-key": key} if key else own

    def body(self, model: str, request: ModelRequest, names: WireNames) -> dict[str, Any]:
        """System texts stand beside the messages."""
        system = [one.text for one in request.messages if one.role is MessageRole.SYSTEM]
        body: dict[str, Any] = {
            "model": model,
            "max_tokens": request.max_tokens or DEFAULT_MAX_TOKENS,
            "messages": _messages(request.messages, names),
            "stream": True,
        }
        if system:
            body["system"] = "\n\n".join(system)
        if request.tools:
            body["tools"] = [
                {
                    "name": names.wire(tool.name),
                    "description": tool.description,
                    "input_schema": schema_of(tool),
                }
                for tool in request.tools
            ]
        if request.temperature is not None:
            body["temperature"] = request.temperature
        return body

    def reader(self, names: WireNames) -> Reader:
        """Reads events until `message_stop`."""
        return _Events(names, self._hide)


def _place_of(event: Mapping[str, Any]) -> int | None:
    """The place of the block that an event is of. Raises ModelFailure for what is none."""
    place = event.get("index")
    if place is not None and not isinstance(place, int):
        raise malformed("the server sent an event of a block that has no place")
    return place


class _Thought:
    """A block of what the model thinks: it is told again as it was, signature and all."""

    def __init__(self, block: Mapping[str, Any]) -> None:
        self._block = block
        self.pieces: dict[str, list[str]] = {"thinking": [], "signature": []}

    @property
    def whole(self) -> dict[str, Any]:
        """The block with all pieces that came."""
        came = {name: "".join(pieces) for name, pieces in self.pieces.items() if pieces}
        return {**self._block, **{name: text_of(self._block.get(name)) + more for name, more in came.items()}}


class _Events(Reader):
    def __init__(self, names: WireNames, hide: Hide) -> None:
        super().__init__(names, hide)
        self._usage = Usage()
        self._calls: dict[Any, int] = {}
        self._inputs: dict[Any, Mapping[str, Any]] = {}
        self._thoughts: dict[Any, _Thought] = {}

    def read(self, frame: bytes) -> Iterator[Delta]:
        event = json_frame(frame)
        match event.get("type"):
            case "message_start":
                message = object_of(event.get("message"))
                yield Identified(name_of(message.get("id")), name_of(message.get("model")))
                yield self._used(object_of(message.get("usage")))
            case "content_block_start":
                yield from self._block(event)
            case "content_block_delta":
                yield from self._delta(event)
            case "content_block_stop" if given := self._inputs.pop(_place_of(event), None):
                yield CallArguments(self._calls[_place_of(event)], to_json(given).decode())
            case "message_delta":
                yield from self._closing(event)
            case "message_stop":
                if not self.may_end:
                    raise ended_without_reason()
                self.ended = True
            case "error" | None if event.get("error"):
                raise failure_in_stream(event.get("error"), self._hide)

    def _block(self, event: Mapping[str, Any]) -> Iterator[Delta]:
        block = object_of(event.get("content_block"))
        if block.get("type") == "tool_use":
            index = index_of(None, len(self._calls))
            self._calls[_place_of(event)] = index
            name = self._names.own(text_of(block.get("name")))
            yield CallStarted(index, text_of(block.get("id")) or f"call_{index}", name)
            self._inputs[_place_of(event)] = object_of(block.get("input"))
        elif block.get("type") in _THOUGHTS:
            self._thoughts[_place_of(event)] = _Thought(block)
            yield ThoughtDelta(text_of(block.get("thinking")))
        elif text := text_of(block.get("text")):
            yield TextDelta(text)

    def _delta(self, event: Mapping[str, Any]) -> Iterator[Delta]:
        delta, place = object_of(event.get("delta")), _place_of(event)
        match delta.get("type"):
            case "text_delta":
                yield TextDelta(text_of(delta.get("text")))
            case "input_json_delta" if place in self._calls:
                self._inputs.pop(place, None)  # what stood there was only its beginning
                yield CallArguments(self._calls[place], text_of(delta.get("partial_json")))
            case "thinking_delta" | "signature_delta" as kind if place in self._thoughts:
                name = kind.removesuffix("_delta")
                more = text_of(delta.get(name))
                self._thoughts[place].pieces[name].append(more)
                yield ThoughtDelta(more if name == "thinking" else "")

    def _closing(self, event: Mapping[str, Any]) -> Iterator[Delta]:
        yield self._used(object_of(event.get("usage")))
        reason = object_of(event.get("delta")).get("stop_reason")
        if reason == "refusal":
            raise ModelFailure(ModelErrorCode.REFUSED, "the model refused to answer", provider_code="refusal")
        if reason is not None:
            self.may_end = True
            if self._thoughts:
                blocks = [thought.whole for thought in self._thoughts.values()]
                yield Carried({"blocks": blocks}, signed=frozenset({"blocks"}))
            yield Finished(_REASONS.get(str(reason), FinishReason.STOP))

    def _used(self, given: Mapping[str, Any]) -> UsageSeen:
        """Later counts take the place of earlier ones; what an event leaves out stays."""
        cached = count_of(given.get("cache_read_input_tokens")) or self._usage.cached_input_tokens
        fresh = count_of(given.get("input_tokens")) + count_of(given.get("cache_creation_input_tokens"))
        self._usage = Usage(
            fresh + cached if fresh else self._usage.input_tokens,
            count_of(given.get("output_tokens")) or self._usage.output_tokens,
            cached,
        )
        return UsageSeen(self._usage)


def _messages(messages: Sequence[Message], names: WireNames) -> list[dict[str, Any]]:
    """Messages with blocks; results of several calls, and what is said behind them, are one of the user's."""
    wire: list[dict[str, Any]] = []
    for message in in_turns(messages):
        if message.role is MessageRole.SYSTEM:
            continue
        role = "assistant" if message.role is MessageRole.ASSISTANT else "user"
        said = _said(message, names)
        if wire and wire[-1]["role"] == role == "user":
            wire[-1]["content"] += said if isinstance(said, list) else [_text(said)]
        else:
            wire.append({"role": role, "content": said})
    return wire


def _said(message: Message, names: WireNames) -> str | list[dict[str, Any]]:
    if message.role is MessageRole.TOOL:
        content = _content(message)
        return [{"type": "tool_result", "tool_use_id": message.call_id or "", "content": content}]
    thoughts = message.carried.data.get("blocks", []) if message.carried is not None else []
    if message.calls or thoughts:
        text = [_text(message.text)] if message.text.strip() else []
        return [*thoughts, *text, *_uses(message, names)]
    return _content(message) or NO_WORDS


def _content(message: Message) -> str | list[dict[str, Any]]:
    """One text as it is, else a block each."""
    if not message.blocks:
        return message.text if message.text.strip() else ""
    blocks = [
        _image(one) if isinstance(one, ImageBlock) and one.data else _text(one.told)
        for one in message.blocks
        if not isinstance(one, TextBlock) or one.text.strip()
    ]
    return [*blocks, *([_text(message.text)] if message.text.strip() else [])]


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _image(image: ImageBlock) -> dict[str, Any]:
    source = {"type": "base64", "media_type": image.media_type, "data": image.base64}
    return {"type": "image", "source": source}


def _uses(message: Message, names: WireNames) -> list[dict[str, Any]]:
    return [
        {
            "type": "tool_use",
            "id": call.id,
            "name": names.wire(call.name),
            "input": arguments_of(call.arguments),
        }
        for call in message.calls
    ]
