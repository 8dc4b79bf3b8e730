"""Chat as Ollama streams it: one JSON object a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

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
from engine.models.wire.frames import LineFrames
from engine.models.wire.server_errors import Hide, failure_in_stream
from engine.models.wire.told_messages import images_behind_results, in_turns
from engine.models.wire.wire_format import (
    Reader,
    WireFormat,
    WireNames,
    arguments_of,
    count_of,
    functions_of,
    index_of,
    json_frame,
    name_of,
    object_of,
    objects,
    text_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from engine.models.conversation import Delta, Message, ModelRequest
    from engine.models.wire.frames import Frames


class OllamaChat(WireFormat):
    """`POST <base_url>/api/chat`."""

    path = "/api/chat"
    content_type = "application/x-ndjson"

    def __init__(self, hide: Hide, context_tokens: int | None = None) -> None:
        self._hide = hide
        self._context_tokens = context_tokens

    def headers(self, key: str) -> dict[str, str]:
        """A bearer token, for a server behind a gate; Ollama itself has no keys."""
        return {"authorization": f"Bearer {key}"} if key else {}

    def body(self, model: str, request: ModelRequest, names: WireNames) -> dict[str, Any]:
        """Bounds and temperature are options. Its context holds the answer, too."""
        context = self._context_tokens
        given = {
            "num_predict": request.max_tokens,
            "temperature": request.temperature,
            "num_ctx": None if context is None else context + (request.max_tokens or 0),
        }
        options = {name: value for name, value in given.items() if value is not None}
        body: dict[str, Any] = {
            "model": model,
            "messages": list(_messages(request.messages, names)),
            "stream": True,
        }
        if options:
            body["options"] = options
        if request.tools:
            body["tools"] = functions_of(request.tools, names)
        elif request.schema is not None:  # with one it calls no tool
            body["format"] = request.schema
        return body

    def frames(self) -> Frames:
        """Lines."""
        return LineFrames()

    def reader(self, names: WireNames) -> Reader:
        """Reads lines until one says `done`."""
        return _Lines(names, self._hide)


class _Lines(Reader):
    def __init__(self, names: WireNames, hide: Hide) -> None:
        super().__init__(names, hide)
        self._identified = False
        self._calls = 0
        self._thoughts: list[str] = []

    def read(self, frame: bytes) -> Iterator[Delta]:
        line = json_frame(frame)
        if line.get("error"):
            raise failure_in_stream(line["error"], self._hide)
        if not self._identified:
            self._identified = True
            yield Identified(None, name_of(line.get("model")))
        message = object_of(line.get("message"))
        if thought := text_of(message.get("thinking")):
            self._thoughts.append(thought)
            yield ThoughtDelta(thought)
        if text := text_of(message.get("content")):
            yield TextDelta(text)
        for call in objects(message.get("tool_calls")):
            yield from self._call(call)
        if line.get("done") is True:
            yield UsageSeen(Usage(count_of(line.get("prompt_eval_count")), count_of(line.get("eval_count"))))
            if self._thoughts:
                yield Carried({"thinking": "".join(self._thoughts)})
            said = FinishReason.TOOL_CALLS if self._calls else FinishReason.STOP
            yield Finished(FinishReason.LENGTH if line.get("done_reason") == "length" else said)
            self.ended = True

    def _call(self, call: Mapping[str, Any]) -> Iterator[Delta]:
        function = object_of(call.get("function"))
        index = index_of(None, self._calls)
        self._calls += 1
        yield CallStarted(index, f"call_{index}", self._names.own(text_of(function.get("name"))))
        arguments = function.get("arguments")
        text = arguments if isinstance(arguments, str) else to_json(object_of(arguments)).decode()
        yield CallArguments(index, text)


def _messages(messages: Sequence[Message], names: WireNames) -> Iterator[dict[str, Any]]:
    """Results name their tool, which is what templates know of a call, and its id."""
    called: dict[str | None, str] = {}
    for message in in_turns(images_behind_results(messages)):
        called |= {call.id: names.wire(call.name) for call in message.calls}
        wire = _message(message, names)
        if message.role is MessageRole.TOOL and message.call_id in called:
            wire |= {"tool_name": called[message.call_id], "tool_call_id": message.call_id}
        yield wire


def _message(message: Message, names: WireNames) -> dict[str, Any]:
    wire: dict[str, Any] = {"role": message.role.value, "content": message.whole_text}
    if message.images:
        wire["images"] = [image.base64 for image in message.images]
    if message.carried is not None:
        wire |= message.carried.data
    if message.calls:
        wire["tool_calls"] = [
            {
                "id": call.id,
                "function": {"name": names.wire(call.name), "arguments": arguments_of(call.arguments)},
            }
            for call in message.calls
        ]
    return wire
