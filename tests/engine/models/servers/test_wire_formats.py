"""Each wire format as servers really speak it: text, tool calls, usage, ids, however the bytes are cut."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.models.conversation import (
    CallArguments,
    CallStarted,
    FinishReason,
    Message,
    MessageRole,
    ModelRequest,
    TextDelta,
    ToolCall,
    ToolOffer,
    Usage,
)
from engine.models.settings import ProviderName
from engine.models.wire.openai_chat import OpenAiChat, dialect_of
from engine.models.wire.wire_format import WireNames
from tests.engine.models.asked_models import KEY, reply_to
from tests.engine.models.loopback import answering, head, lines, sse

READ = ToolOffer(
    "files.read", "Reads a file.", {"type": "object", "properties": {"path": {"type": "string"}}}
)
CONVERSATION = ModelRequest(
    (
        Message(MessageRole.SYSTEM, "Be short."),
        Message(MessageRole.USER, "What is in a.txt?"),
        Message(MessageRole.ASSISTANT, "I look.", (ToolCall("c1", "files.read", '{"path": "a.txt"}'),)),
        Message(MessageRole.TOOL, "beans", call_id="c1"),
    ),
    tools=(READ,),
    max_tokens=50,
    temperature=0.2,
)


FORM = {"type": "object", "properties": {"summary": {"type": "string"}}, "required": ["summary"]}


async def test_servers_that_take_a_schema_are_told_it_and_no_other_field() -> None:
    asked = replace(CONVERSATION, schema=FORM)
    ollama = answering(head(content_type="application/x-ndjson"), OLLAMA)
    _, _, at_openai = await reply_to(answering(head(), OPENAI), ProviderName.OPENAI, asked)
    _, _, with_tools = await reply_to(ollama, ProviderName.OLLAMA, asked)
    _, _, without = await reply_to(ollama, ProviderName.OLLAMA, replace(asked, tools=()))

    form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": FORM}}
    assert at_openai.asked[0].body["response_format"] == form
    assert "format" not in with_tools.asked[0].body
    assert without.asked[0].body["format"] == FORM


def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "chatcmpl-1", "model": "m-1-2024", "choices": [choice]}


def openai_call(index: int, arguments: Any, **more: Any) -> dict[str, Any]:
    name = {"name": more.pop("name")} if "name" in more else {}
    return {"index": index, "function": {"arguments": arguments, **name}, **more}


OPENAI = sse(
    chunk({"role": "assistant", "content": ""}),
    chunk({"content": "Käse "}),
    chunk({"content": "🧀"}),
    chunk({"tool_calls": [openai_call(0, "", id="c9", type="function", name="files__read")]}),
    chunk({"tool_calls": [openai_call(0, '{"pa')]}),
    chunk({"tool_calls": [openai_call(0, 'th": "b"}')]}),
    chunk({"tool_calls": [openai_call(1, "{}", id="c10", type="function", name="other")]}),
    chunk({}, "tool_calls"),
    {
        "id": "chatcmpl-1",
        "choices": [],
        "usage": {
            "prompt_tokens": 20,
            "completion_tokens": 7,
            "prompt_tokens_details": {"cached_tokens": 5},
        },
    },
    "[DONE]",
)
ANTHROPIC = b": a comment\n\n" + b"".join(
    f"event: {event['type']}\n".encode() + sse(event)
    for event in (
        {
            "type": "message_start",
            "message": {
                "id": "msg_1",
                "model": "m-1-2024",
                "usage": {"input_tokens": 15, "cache_read_input_tokens": 5, "output_tokens": 1},
            },
        },
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Käse "}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "🧀"}},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "content_block_start",
            "index": 1,
            "content_block": {"type": "tool_use", "id": "c9", "name": "files__read", "input": {}},
        },
        {
            "type": "content_block_delta",
            "index": 1,
            "delta": {"type": "input_json_delta", "partial_json": '{"pa'},
        },
        {
            "type": "content_block_delta",
            "index": 1,
            "delta": {"type": "input_json_delta", "partial_json": 'th": "b"}'},
        },
        {"type": "content_block_stop", "index": 1},
        {
            "type": "content_block_start",
            "index": 2,
            "content_block": {"type": "tool_use", "id": "c10", "name": "other", "input": {}},
        },
        {
            "type": "content_block_delta",
            "index": 2,
            "delta": {"type": "input_json_delta", "partial_json": "{}"},
        },
        {"type": "content_block_stop", "index": 2},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 7}},
        {"type": "message_stop"},
    )
)
OLLAMA = lines(
    {"model": "m-1-2024", "message": {"role": "assistant", "content": "Käse "}, "done": False},
    {"model": "m-1-2024", "message": {"role": "assistant", "content": "🧀"}, "done": False},
    {
        "message": {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {"function": {"name": "files__read", "arguments": {"path": "b"}}},
                {"function": {"name": "other", "arguments": {}}},
            ],
        },
        "done": False,
    },
    {
        "message": {"role": "assistant", "content": ""},
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": 20,
        "eval_count": 7,
    },
)
WHOLE = {
    ProviderName.OPENAI: (OPENAI, "text/event-stream"),
    ProviderName.ANTHROPIC: (ANTHROPIC, "text/event-stream; charset=utf-8"),
    ProviderName.OLLAMA: (OLLAMA, "application/x-ndjson"),
}
SERVED = sorted(WHOLE)


@pytest.mark.parametrize("provider", SERVED)
@pytest.mark.parametrize("cut", ["at once", "byte by byte", "with carriage returns"])
async def test_text_calls_usage_and_ids_are_read_however_the_bytes_are_cut(
    provider: ProviderName, cut: str
) -> None:
    body, content_type = WHOLE[provider]
    if cut == "with carriage returns":
        body = body.replace(b"\n", b"\r\n")
    parts = [body[at : at + 1] for at in range(len(body))] if cut == "byte by byte" else [body]
    answer = answering(head(content_type=content_type, x_request_id="req-7"), *parts)
    reply, deltas, _ = await reply_to(answer, provider, CONVERSATION)
    assert reply.text == "Käse 🧀"
    assert [(call.name, call.arguments.replace(" ", "")) for call in reply.calls] == [
        ("files.read", '{"path":"b"}'),
        ("other", "{}"),
    ]
    assert len({call.id for call in reply.calls}) == 2
    assert reply.finish is FinishReason.TOOL_CALLS
    assert (reply.usage.input_tokens, reply.usage.output_tokens, reply.usage.estimated) == (20, 7, False)
    assert (reply.provider, reply.model, reply.request_id) == (provider.value, "m-1-2024", "req-7")
    assert [one.text for one in deltas if isinstance(one, TextDelta)] == ["Käse ", "🧀"]


@pytest.mark.parametrize("provider", [ProviderName.OPENAI, ProviderName.ANTHROPIC])
async def test_arguments_are_told_while_they_come(provider: ProviderName) -> None:
    body, content_type = WHOLE[provider]
    _, deltas, _ = await reply_to(answering(head(content_type=content_type), body), provider, CONVERSATION)
    calls = [one for one in deltas if isinstance(one, CallStarted | CallArguments)]
    assert calls[:3] == [
        CallStarted(0, "c9", "files.read"),
        CallArguments(0, '{"pa'),
        CallArguments(0, 'th": "b"}'),
    ]


async def test_a_chat_completion_is_asked_for_as_servers_want_it() -> None:
    _, _, server = await reply_to(answering(head(), OPENAI), ProviderName.OPENAI, CONVERSATION)
    asked = server.asked[0]
    assert (asked.path, asked.headers["authorization"]) == ("/chat/completions", f"Bearer {KEY}")
    assert asked.body == {
        "model": "m-1",
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 50,
        "temperature": 0.2,
        "messages": [
            {"role": "system", "content": "Be short."},
            {"role": "user", "content": "What is in a.txt?"},
            {
                "role": "assistant",
                "content": "I look.",
                "tool_calls": [
                    {
                        "id": "c1",
                        "type": "function",
                        "function": {"name": "files__read", "arguments": '{"path":"a.txt"}'},
                    }
                ],
            },
            {"role": "tool", "content": "beans", "tool_call_id": "c1"},
        ],
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "files__read",
                    "description": "Reads a file.",
                    "parameters": READ.parameters,
                },
            }
        ],
    }


async def test_messages_are_asked_for_with_blocks_and_the_system_text_beside_them() -> None:
    _, _, server = await reply_to(answering(head(), ANTHROPIC), ProviderName.ANTHROPIC, CONVERSATION)
    asked = server.asked[0]
    assert (asked.path, asked.headers["x-api-key"]) == ("/v1/messages", KEY)
    assert asked.headers["anthropic-version"]
    assert asked.body["system"] == "Be short."
    assert asked.body["messages"] == [
        {"role": "user", "content": "What is in a.txt?"},
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "c1", "name": "files__read", "input": {"path": "a.txt"}},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "beans"}]},
    ]
    assert asked.body["tools"][0]["input_schema"] == READ.parameters


async def test_ollama_is_asked_with_options_and_arguments_as_objects() -> None:
    answer = answering(head(content_type="application/x-ndjson"), OLLAMA)
    _, _, server = await reply_to(answer, ProviderName.OLLAMA, CONVERSATION)
    asked = server.asked[0]
    assert asked.path == "/api/chat"
    assert asked.body["options"] == {"num_predict": 50, "temperature": 0.2}
    assert asked.body["messages"][2]["tool_calls"] == [
        {"id": "c1", "function": {"name": "files__read", "arguments": {"path": "a.txt"}}}
    ]
    assert asked.body["messages"][3] == {
        "role": "tool",
        "content": "beans",
        "tool_name": "files__read",
        "tool_call_id": "c1",
    }


@pytest.mark.parametrize(
    ("said", "max_tokens", "context"),
    [({"context_tokens": 8_000}, 50, 8_050), ({"context_tokens": 8_000}, None, 8_000), ({}, 50, None)],
)
async def test_ollama_is_told_how_much_it_has_to_read_where_the_settings_say_so(
    said: dict[str, int], max_tokens: int | None, context: int | None
) -> None:
    answer = answering(head(content_type="application/x-ndjson"), OLLAMA)
    request = replace(CONVERSATION, max_tokens=max_tokens)
    _, _, server = await reply_to(answer, ProviderName.OLLAMA, request, **said)
    assert server.asked[0].body["options"].get("num_ctx") == context


async def test_a_model_that_refuses_a_temperature_is_told_none() -> None:
    _, _, server = await reply_to(
        answering(head(), OPENAI), ProviderName.OPENAI, CONVERSATION, temperature=False
    )
    assert "temperature" not in server.asked[0].body


@pytest.mark.parametrize(
    ("url", "field"),
    [
        ("https://api.openai.com/v1", "max_completion_tokens"),
        ("https://ours.openai.azure.com/openai/v1", "max_completion_tokens"),
        ("https://openai.example/v1", "max_tokens"),
        ("http://127.0.0.1:8000/v1", "max_tokens"),
    ],
)
def test_the_bound_of_an_answer_has_the_name_that_the_server_takes(url: str, field: str) -> None:
    wire = OpenAiChat(str, dialect_of(url, "m-1"))
    body = wire.body("m-1", CONVERSATION, WireNames(CONVERSATION.tools))
    assert {name for name in body if "tokens" in name} == {field}


async def test_usage_that_no_server_told_is_estimated_and_says_so() -> None:
    body = sse(chunk({"content": "x" * 40}), chunk({}, "stop"), "[DONE]")
    reply, _, _ = await reply_to(answering(head(), body), ProviderName.OPENAI)
    assert reply.usage == Usage(2, 11, estimated=True)


@pytest.mark.parametrize(
    ("told", "tokens"),
    [
        ({"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 135}, (32, 103)),  # as xAI counts
        ({"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 41}, (32, 9)),
        ({"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 0}, (32, 9)),
        ({"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": "many"}, (32, 9)),
        ({"prompt_tokens": 0, "completion_tokens": 9, "total_tokens": 41}, (2, 9)),
    ],
)
async def test_tokens_that_stand_in_the_total_alone_are_counted_as_said(
    told: dict[str, Any], tokens: tuple[int, int]
) -> None:
    body = sse({**chunk({"content": "yes"}, "stop"), "usage": told}, "[DONE]")
    reply, _, _ = await reply_to(answering(head(), body), ProviderName.OPENAI)
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == tokens


async def test_a_server_that_leaves_out_the_last_mark_has_answered_when_it_said_why_it_ended() -> None:
    body = sse(chunk({"content": "yes"}), chunk({}, "length"))
    reply, _, _ = await reply_to(answering(head(), body), ProviderName.OPENAI)
    assert (reply.text, reply.finish) == ("yes", FinishReason.LENGTH)


async def test_calls_of_a_server_that_ends_them_with_stop_are_calls() -> None:
    call = {"tool_calls": [openai_call(0, "{}", name="other")]}
    body = sse(chunk(call), chunk({}, "stop"), "[DONE]")
    reply, _, _ = await reply_to(answering(head(), body), ProviderName.OPENAI)
    assert (reply.finish, reply.calls) == (FinishReason.TOOL_CALLS, (ToolCall("call_0", "other", "{}"),))
