"""Chat completions as OpenAI and every compatible server stream them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic_core import to_json

from engine.models.blocks import ImageBlock
from engine.models.conversation import (
    Finished,
    FinishReason,
    Identified,
    MessageRole,
    TextDelta,
    ThoughtDelta,
    Usage,
    UsageSeen,
)
from engine.models.failure import ModelErrorCode, ModelFailure, ended_without_reason
from engine.models.wire.call_pieces import CallPieces
from engine.models.wire.openai_thoughts import OpenAiThoughts, are_wanted, told_again
from engine.models.wire.server_errors import Hide, failure_in_stream
from engine.models.wire.told_messages import answered_results, images_behind_results, in_turns
from engine.models.wire.wire_format import (
    Reader,
    WireFormat,
    WireNames,
    arguments_of,
    count_of,
    functions_of,
    json_frame,
    name_of,
    object_of,
    objects,
    text_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine.models.conversation import Delta, Message, ModelRequest, ToolCall

_OF_MISTRAL = re.compile(r"(mis|mix|minis|magis|devs|codes|pix|vox)tral", re.I)
_EXAMPLE = re.compile("PUT_|PLACEHOLDER|YOUR_|ORG_ID", re.I)
_THOUGHTS = frozenset({"reasoning_content", "reasoning", "reasoning_details"})
_REASONS = {
    "length": FinishReason.LENGTH,
    "model_length": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_CALLS,
}
_BROKEN_OFF = {
    "error": ModelErrorCode.HTTP_ERROR,
    "insufficient_system_resource": ModelErrorCode.OVERLOADED,
}
"""Why servers of Mistral, OpenRouter and DeepSeek say that they stopped in the middle of an answer."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What servers of this format do not agree about."""

    bound: str = "max_tokens"
    """The name of an answer's bound: OpenAI's newer models refuse the one that other servers know."""
    asks_for_usage: bool = True
    """Mistral's own server refuses to be asked, and tells it anyway."""
    answers_results: bool = False
    """Models of Mistral take words of the user's behind results only when the model has said something."""


def dialect_of(url: str, model: str) -> Dialect:
    """How the server at that address speaks when it is asked for that model."""
    host = urlsplit(url).hostname or ""
    if host == "api.openai.com" or host.endswith(".openai.azure.com"):
        return Dialect("max_completion_tokens")
    at_mistral = host == "api.mistral.ai"
    of_mistral = at_mistral or _OF_MISTRAL.search(model) is not None
    return Dialect(asks_for_usage=not at_mistral, answers_results=of_mistral)


class OpenAiChat(WireFormat):
    """`POST <base_url>/chat/completions`."""

    path = "/chat/completions"

    def __init__(self, hide: Hide, dialect: Dialect = Dialect(), organization: str = "") -> None:
        self._hide = hide
        self._dialect = dialect
        self._organization = organization.strip()

    def headers(self, key: str) -> dict[str, str]:
        """A bearer token, and who pays, if that is more than the words of an example."""
        own = {"authorization": f"Bearer {key}"} if key else {}
        if self._organization and _EXAMPLE.search(self._organization) is None:
            own["openai-organization"] = self._organization
        return own

    def body(self, model: str, request: ModelRequest, names: WireNames) -> dict[str, Any]:
        """Only what was said: servers refuse fields that they do not know."""
        wanted = are_wanted(request.messages)
        messages = in_turns(images_behind_results(request.messages))
        if self._dialect.answers_results:
            messages = answered_results(messages)
        body: dict[str, Any] = {
            "model": model,
            "messages": [_message(one, names, wanted=wanted) for one in messages],
            "stream": True,
        }
        if self._dialect.asks_for_usage:
            body["stream_options"] = {"include_usage": True}
        if request.tools:
            body["tools"] = functions_of(request.tools, names)
        if request.max_tokens is not None:
            body[self._dialect.bound] = request.max_tokens
        if request.temperature is not None:
            body["temperature"] = request.temperature
        if request.schema is not None:
            form = {"name": "answer", "schema": request.schema}
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        return body

    def reader(self, names: WireNames) -> Reader:
        """Reads chunks until `[DONE]`."""
        return _Chunks(names, self._hide)


class _Chunks(Reader):
    def __init__(self, names: WireNames, hide: Hide) -> None:
        super().__init__(names, hide)
        self._identified = False
        self._calls = CallPieces(names)
        self._thoughts = OpenAiThoughts()
        self._refusal = ""

    def read(self, frame: bytes) -> Iterator[Delta]:
        if frame == b"[DONE]":
            if not self.may_end:
                raise ended_without_reason()
            self.ended = True
            return
        chunk = json_frame(frame)
        if told := chunk.get("error") or (chunk if chunk.get("object") == "error" else None):
            raise failure_in_stream(told, self._hide)
        if not self._identified:
            self._identified = True
            yield Identified(name_of(chunk.get("id")), name_of(chunk.get("model")))
        if isinstance(used := chunk.get("usage"), dict):
            yield UsageSeen(_usage(used))
        for choice in objects(chunk.get("choices"))[:1]:
            yield from self._choice(choice)

    def _choice(self, choice: Mapping[str, Any]) -> Iterator[Delta]:
        delta = object_of(choice.get("delta"))
        self._refusal += text_of(delta.get("refusal"))
        if not _THOUGHTS.isdisjoint(delta):
            yield from self._thoughts.read(delta)
        content = delta.get("content")
        if isinstance(content, list):
            yield from _said_in_parts(content)
        elif text := text_of(content):
            yield TextDelta(text)
        for call in objects(delta.get("tool_calls")):
            yield from self._calls.read(call)
        reason = choice.get("finish_reason")
        if not reason or self.may_end:  # some compatible servers say '' until the end
            return
        if reason == "content_filter" or self._refusal:
            words = self._hide(self._refusal)[:500] or "the server's filter held the answer back"
            raise ModelFailure(ModelErrorCode.REFUSED, words, provider_code=str(reason)[:100])
        if (broken := _BROKEN_OFF.get(str(reason))) is not None:
            words = "the server broke its answer off"
            raise ModelFailure(broken, words, provider_code=str(reason), passing=True)
        self.may_end = True
        yield from self._calls.end()
        yield from self._thoughts.carried(self._calls)
        # some compatible servers say `stop` after calls
        said = FinishReason.TOOL_CALLS if self._calls else FinishReason.STOP
        yield Finished(_REASONS.get(str(reason), said))


def _said_in_parts(parts: Any) -> Iterator[Delta]:
    """As models of Mistral say what they think before their text."""
    for part in objects(parts):
        if part.get("type") == "thinking":
            thoughts = objects(part.get("thinking"))
            yield ThoughtDelta("".join(text_of(one.get("text")) for one in thoughts))
        elif text := text_of(part.get("text")):
            yield TextDelta(text)


def _usage(given: Mapping[str, Any]) -> Usage:
    """Thoughts are paid as what is said; xAI counts them in the total alone."""
    details = object_of(given.get("prompt_tokens_details"))
    read, said = count_of(given.get("prompt_tokens")), count_of(given.get("completion_tokens"))
    beside = count_of(given.get("total_tokens")) - read if read else 0
    return Usage(read, max(said, beside), count_of(details.get("cached_tokens")))


def _message(message: Message, names: WireNames, *, wanted: bool) -> dict[str, Any]:
    wire: dict[str, Any] = {"role": message.role.value, "content": message.whole_text}
    if message.images:
        wire["content"] = _parts(message)
    if message.calls:
        wire["content"] = message.text or None
        wire["tool_calls"] = [_tool_call(call, names) for call in message.calls]
    if message.role is MessageRole.ASSISTANT:
        wire |= told_again(message, wire.get("tool_calls", ()), wanted=wanted)
    if message.role is MessageRole.TOOL:
        wire["tool_call_id"] = message.call_id or ""
    return wire


def _tool_call(call: ToolCall, names: WireNames) -> dict[str, Any]:
    arguments = to_json(arguments_of(call.arguments)).decode()
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": names.wire(call.name), "arguments": arguments},
    }


def _parts(message: Message) -> list[dict[str, Any]]:
    """Texts and images, a part each."""
    parts: list[dict[str, Any]] = []
    for block in message.blocks:
        if isinstance(block, ImageBlock) and block.data:
            url = f"data:{block.media_type};base64,{block.base64}"
            parts.append({"type": "image_url", "image_url": {"url": url}})
        else:
            parts.append({"type": "text", "text": block.told})
    return [*parts, *([{"type": "text", "text": message.text}] if message.text else [])]
