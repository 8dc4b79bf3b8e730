"""What a server wants back with its own answers is told to it, and to nobody else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.models.asking import ask
from engine.models.conversation import Carried, Message, MessageRole, ModelRequest, Reply, ToolCall
from engine.models.settings import ProviderName
from engine.models.wire.openai_chat import OpenAiChat
from engine.models.wire.wire_format import WireNames
from tests.engine.models.asked_models import HELLO, provider_at, reply_to
from tests.engine.models.loopback import answering, head, lines, serving, sse
from tests.engine.models.servers.test_wire_formats import chunk, openai_call

SIGNED = {"google": {"thought_signature": "c2lnbmVk"}}
OPENAI = sse(
    chunk({"reasoning_content": "", "content": None}),
    chunk({"reasoning_content": "Let me "}),
    chunk({"reasoning_content": "see."}),
    chunk({"tool_calls": [openai_call(0, "{}", id="a", name="one")]}),
    chunk({"tool_calls": [openai_call(1, "{}", id="b", name="two", extra_content=SIGNED)]}),
    chunk({}, "tool_calls"),
    "[DONE]",
)
THOUGHT = {"type": "thinking", "thinking": "Let me see.", "signature": "c2lnbmVk"}
HIDDEN = {"type": "redacted_thinking", "data": "b3BhcXVl"}
ANTHROPIC = sse(
    {
        "type": "content_block_start",
        "index": 0,
        "content_block": {**THOUGHT, "thinking": "", "signature": ""},
    },
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Let me "}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "see."}},
    {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "signature_delta", "signature": "c2lnbmVk"},
    },
    {"type": "content_block_start", "index": 1, "content_block": HIDDEN},
    {
        "type": "content_block_start",
        "index": 2,
        "content_block": {"type": "tool_use", "id": "a", "name": "one", "input": {}},
    },
    {
        "type": "content_block_start",
        "index": 3,
        "content_block": {"type": "tool_use", "id": "b", "name": "two", "input": {}},
    },
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 7}},
    {"type": "message_stop"},
)
OLLAMA = lines(
    {"message": {"thinking": "Let me "}, "done": False},
    {"message": {"thinking": "see."}, "done": False},
    {"message": {"tool_calls": [{"function": {"name": "one"}}, {"function": {"name": "two"}}]}, "done": True},
)
ANSWERS = {
    ProviderName.OPENAI: answering(head(), OPENAI),
    ProviderName.ANTHROPIC: answering(head(), ANTHROPIC),
    ProviderName.OLLAMA: answering(head(content_type="application/x-ndjson"), OLLAMA),
}


def after(reply: Reply) -> ModelRequest:
    """The question after that answer, with ids of our own, as an agent asks it."""
    calls = tuple(ToolCall(f"c{place}", call.name, call.arguments) for place, call in enumerate(reply.calls))
    answer = Message(MessageRole.ASSISTANT, reply.text, calls, carried=reply.carried)
    results = (Message(MessageRole.TOOL, "beans", call_id=call.id) for call in calls)
    return ModelRequest((*HELLO.messages, answer, *results))


async def told_again(provider: ProviderName) -> Any:
    """The answer as its own server is told it with the next question."""
    async with serving(ANSWERS[provider]) as server, provider_at(server.url, provider) as model:
        reply = await ask(model, HELLO)
        await ask(model, after(reply))
    return server.asked[1].body["messages"][1]


async def test_thoughts_and_signatures_go_back_to_a_compatible_server() -> None:
    message = await told_again(ProviderName.OPENAI)
    assert message["reasoning_content"] == "Let me see."
    first, second = message["tool_calls"]
    assert "extra_content" not in first
    assert second["extra_content"] == SIGNED


async def test_details_of_thoughts_go_back_whole_and_name_calls_as_they_are_called_now() -> None:
    """As OpenRouter streams them: a signature of Anthropic's is that of all pieces of its number."""

    def detail(**fields: Any) -> dict[str, Any]:
        return chunk({"reasoning_details": [fields]})

    signed = {"type": "reasoning.encrypted", "id": "b", "data": "c2lnbmVk", "index": 1}
    body = sse(
        detail(type="reasoning.text", text="Let me ", index=0),
        detail(type="reasoning.text", text="see.", index=0, signature=None),
        detail(type="reasoning.text", signature="c2ln", index=0),
        chunk({"tool_calls": [openai_call(0, "{}", id="a", name="one")]}),
        chunk({"tool_calls": [openai_call(1, "{}", id="b", name="two")], "reasoning_details": [signed]}),
        detail(type="reasoning.summary", summary="Seen."),
        detail(type="reasoning.summary", summary="Seen again.", id={"no": "id"}),
        chunk({}, "tool_calls"),
    )
    answer = answering(head(), body)
    async with serving(answer) as server, provider_at(server.url, ProviderName.OPENAI) as model:
        await ask(model, after(await ask(model, HELLO)))
    message = server.asked[1].body["messages"][1]
    assert message["reasoning_details"] == [
        {"type": "reasoning.text", "text": "Let me see.", "signature": "c2ln", "index": 0},
        {**signed, "id": message["tool_calls"][1]["id"]},
        {"type": "reasoning.summary", "summary": "Seen."},
        {"type": "reasoning.summary", "summary": "Seen again.", "id": {"no": "id"}},
    ]
    assert message["tool_calls"][1]["id"] != "b"


async def test_an_empty_thought_goes_back_as_one_and_none_as_none() -> None:
    """DeepSeek refuses a question without the field, others one with it."""

    async def told(delta: dict[str, Any]) -> Any:
        call = openai_call(0, "{}", id="a", name="one")
        said = head() + sse(chunk({"tool_calls": [call], **delta}, "tool_calls"))
        async with serving(answering(said)) as server, provider_at(server.url, ProviderName.OPENAI) as model:
            await ask(model, after(await ask(model, HELLO)))
        return server.asked[1].body["messages"][1]

    assert (await told({"reasoning_content": ""}))["reasoning_content"] == ""
    for delta in ({}, {"reasoning_content": None}, {"reasoning": "which Groq tells, and refuses to hear"}):
        assert (await told(delta)).keys() == {"role", "content", "tool_calls"}


def test_a_server_that_wants_thoughts_back_is_told_of_none_with_answers_that_had_none() -> None:
    """DeepSeek refuses a question for a single answer without the field, whoever gave that."""
    said = [Message(MessageRole.ASSISTANT, text) for text in ("one", "two")]

    def told(*messages: Message) -> list[Any]:
        body = OpenAiChat(str).body("m", ModelRequest((*HELLO.messages, *messages)), WireNames(()))
        return [one.get("reasoning_content") for one in body["messages"]]

    thoughtful = replace(said[1], carried=Carried({"reasoning_content": "so"}))
    assert told(said[0], thoughtful) == [None, "", "so"]
    signed = replace(said[0], carried=Carried({"extra_content": {}}))
    assert told(signed, thoughtful) == [None, "", "so"]
    assert told(*said) == told(signed, said[1]) == [None, None, None]


async def test_blocks_of_thoughts_go_back_before_the_calls_as_they_were() -> None:
    message = await told_again(ProviderName.ANTHROPIC)
    assert message["content"][:2] == [THOUGHT, HIDDEN]
    assert [block["type"] for block in message["content"][2:]] == ["tool_use", "tool_use"]


async def test_ollama_is_told_what_its_model_thought() -> None:
    assert (await told_again(ProviderName.OLLAMA))["thinking"] == "Let me see."


@pytest.mark.parametrize("provider", ANSWERS)
async def test_another_server_is_told_nothing_of_what_was_thought(provider: ProviderName) -> None:
    reply, _, _ = await reply_to(ANSWERS[provider], provider)
    request = after(reply)
    bare = replace(request, messages=tuple(replace(one, carried=None) for one in request.messages))
    bodies = []
    for one in (request, bare):  # each time at another address
        _, _, server = await reply_to(ANSWERS[provider], provider, one)
        bodies.append(server.asked[0].body)
    assert bodies[0] == bodies[1]


def test_what_is_carried_counts_as_what_is_told() -> None:
    def characters(carried: Carried | None) -> tuple[int, int]:
        message = Message(MessageRole.ASSISTANT, "Yes.", carried=carried)
        return message.characters, message.told_bytes

    bare, told = characters(None), characters(Carried({"thinking": "x" * 1_000}))
    assert all(more - less > 1_000 for more, less in zip(told, bare, strict=True))


async def test_thoughts_are_estimated_as_tokens_where_a_server_tells_none() -> None:
    body = sse(chunk({"reasoning_content": "x" * 4_000}), chunk({"content": "Yes."}, "stop"))
    reply, _, _ = await reply_to(answering(head(), body), ProviderName.OPENAI)
    assert reply.usage.output_tokens == 1_002
