"""The vendors' own libraries read the same bytes as ours: text, calls and usage are the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import pytest
from pydantic import TypeAdapter

from engine.models.settings import ProviderName
from engine.models.wire.anthropic_messages import AnthropicMessages
from engine.models.wire.ollama_chat import OllamaChat
from engine.models.wire.wire_format import WireNames
from tests.engine.models.asked_models import reply_to
from tests.engine.models.loopback import answering, head, serving, sse
from tests.engine.models.servers.test_wire_formats import ANTHROPIC, OLLAMA, OPENAI
from tests.engine.models.test_thoughts import ANTHROPIC as THOUGHTFUL
from tests.engine.models.test_thoughts import OLLAMA as THOUGHTFUL_LINES
from tests.engine.models.test_thoughts import after

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

Said = tuple[str, list[tuple[str, Any]], tuple[int, int]]
"""Text, calls by name with their arguments, tokens in and out."""
MULTI_LINE = OPENAI.replace(b'data: {"id": "chatcmpl-1", ', b'data: {"id": "chatcmpl-1",\ndata:  ')
"""The same events, each on two lines of data."""
WHOLE_START = ANTHROPIC.replace(
    b'"id": "msg_1", ', b'"id": "msg_1", "type": "message", "role": "assistant", "content": [], '
)
"""With what the vendor's library wants beside what is read."""


def openai_said(events: list[Any]) -> Said:
    text, usage = "", (0, 0)
    calls: dict[int, tuple[str, str]] = {}
    for event in events:
        if event.usage is not None:
            usage = (event.usage.prompt_tokens, event.usage.completion_tokens)
        for choice in event.choices:
            text += choice.delta.content or ""
            for call in choice.delta.tool_calls or ():
                name, arguments = calls.get(call.index, ("", ""))
                calls[call.index] = (
                    name + (call.function.name or ""),
                    arguments + (call.function.arguments or ""),
                )
    return text, [(name, json.loads(arguments)) for name, arguments in calls.values()], usage


async def asked_by_openai(url: str) -> Said:
    import openai  # noqa: PLC0415 - seconds to import, and every test worker reads this file

    async with openai.AsyncOpenAI(base_url=url, api_key="x", max_retries=0) as client:
        stream = await client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "hello"}], stream=True
        )
        return openai_said([event async for event in stream])


async def asked_by_anthropic(url: str) -> Said:
    import anthropic  # noqa: PLC0415 - likewise

    async with (
        anthropic.AsyncAnthropic(base_url=url, api_key="x", max_retries=0) as client,
        client.messages.stream(
            model="m", max_tokens=9, messages=[{"role": "user", "content": "hello"}]
        ) as stream,
    ):
        message: Any = await stream.get_final_message()
    text = "".join(block.text for block in message.content if block.type == "text")
    calls = [(block.name, block.input) for block in message.content if block.type == "tool_use"]
    used = message.usage
    read = used.input_tokens + (used.cache_read_input_tokens or 0)
    return text, calls, (read, used.output_tokens)


async def asked_by_ollama(url: str) -> Said:
    import ollama  # noqa: PLC0415 - likewise

    client = ollama.AsyncClient(host=url)
    text, calls, usage = "", [], (0, 0)
    async for part in await client.chat(
        model="m", messages=[{"role": "user", "content": "hello"}], stream=True
    ):
        text += part.message.content or ""
        calls += [
            (call.function.name, dict(call.function.arguments)) for call in part.message.tool_calls or ()
        ]
        if part.done:
            usage = (part.prompt_eval_count or 0, part.eval_count or 0)
    await cast("Any", client)._client.aclose()
    return text, calls, usage


ORACLES: dict[ProviderName, tuple[Callable[[str], Awaitable[Said]], str]] = {
    ProviderName.OPENAI: (asked_by_openai, "text/event-stream"),
    ProviderName.ANTHROPIC: (asked_by_anthropic, "text/event-stream"),
    ProviderName.OLLAMA: (asked_by_ollama, "application/x-ndjson"),
}


@pytest.mark.parametrize("cut", [1, 7, 1 << 20], ids=["byte by byte", "in sevens", "at once"])
@pytest.mark.parametrize(
    ("provider", "body"),
    [
        pytest.param(ProviderName.OPENAI, OPENAI, id="openai"),
        pytest.param(ProviderName.OPENAI, MULTI_LINE, id="openai, data of two lines"),
        pytest.param(ProviderName.ANTHROPIC, WHOLE_START, id="anthropic"),
        pytest.param(ProviderName.OLLAMA, OLLAMA, id="ollama"),
    ],
)
async def test_a_vendor_s_library_hears_the_same(provider: ProviderName, body: bytes, cut: int) -> None:
    ask, content_type = ORACLES[provider]
    pieces = [body[start : start + cut] for start in range(0, len(body), cut)]
    answer = answering(head(content_type=content_type), *pieces)
    async with serving(answer) as loopback:
        text, calls, usage = await ask(
            f"{loopback.url}/v1" if provider is ProviderName.OPENAI else loopback.url
        )
    reply, _, _ = await reply_to(answer, provider)
    assert (reply.text, reply.usage.input_tokens, reply.usage.output_tokens) == (text, *usage)
    assert [json.loads(call.arguments) for call in reply.calls] == [arguments for _, arguments in calls]
    assert [name for name, _ in calls] == ["files__read", "other"]


async def test_thoughts_are_read_and_told_again_as_the_vendors_library_does() -> None:
    import anthropic  # noqa: PLC0415 - likewise

    usage = {"input_tokens": 1, "output_tokens": 1}
    start = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": usage}
    body = sse({"type": "message_start", "message": start}) + THOUGHTFUL
    events = b"".join(
        b"event: %s\n%s\n\n" % (json.loads(event[6:])["type"].encode(), event)
        for event in body.strip().split(b"\n\n")
    )
    async with (
        serving(answering(head(), events)) as server,
        anthropic.AsyncAnthropic(base_url=server.url, api_key="x", max_retries=0) as client,
        client.messages.stream(
            model="m", max_tokens=9, messages=[{"role": "user", "content": "hello"}]
        ) as stream,
    ):
        message: Any = await stream.get_final_message()
    theirs = [block.model_dump(exclude_none=True) for block in message.content if "thinking" in block.type]
    reply, _, _ = await reply_to(answering(head(), events), ProviderName.ANTHROPIC)
    assert reply.carried is not None
    assert reply.carried.data["blocks"] == theirs
    told = AnthropicMessages(str).body("m", after(reply), WireNames(()))["messages"]
    for one in told:
        TypeAdapter(anthropic.types.MessageParam).validate_python(one)


async def test_results_and_thoughts_are_told_to_ollama_in_fields_that_its_library_knows() -> None:
    import ollama  # noqa: PLC0415 - likewise

    answer = answering(head(content_type="application/x-ndjson"), THOUGHTFUL_LINES)
    reply, _, _ = await reply_to(answer, ProviderName.OLLAMA)
    for one in OllamaChat(str).body("m", after(reply), WireNames(()))["messages"]:
        known = ollama.Message(**one).model_dump(exclude_none=True)
        assert one.keys() - {"tool_call_id"} <= known.keys()
