"""What a model made up, and what a tool leaves out, is told as servers take it: else they refuse for ever."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from engine.models.conversation import Message, MessageRole, ModelRequest, ToolCall, ToolOffer
from engine.models.failure import ModelErrorCode
from engine.models.settings import ProviderName
from engine.models.wire.told_tools import schema_of
from engine.models.wire.wire_format import WireNames
from tests.engine.models.asked_models import failure_of, reply_to
from tests.engine.models.loopback import answering, head, sse
from tests.engine.models.servers.test_wire_formats import ANTHROPIC, OLLAMA, OPENAI, chunk

TAKEN = re.compile(r"[a-zA-Z0-9_-]{1,64}")
MADE_UP = ["", "functions.look!", "\x1b[31mevil", "x" * 300, "häufig", "a/b", "lone \ud800"]
ANSWERS = {
    ProviderName.OPENAI: answering(head(), OPENAI),
    ProviderName.ANTHROPIC: answering(head(), ANTHROPIC),
    ProviderName.OLLAMA: answering(head(content_type="application/x-ndjson"), OLLAMA),
}


def offer(name: str) -> ToolOffer:
    return ToolOffer(name, "Looks.", {"type": "object", "properties": {}})


async def asked_with(provider: ProviderName, *calls: ToolCall, text: str = "I look.") -> Any:
    """The body of the question after an answer with those calls."""
    results = (Message(MessageRole.TOOL, "none", call_id=call.id) for call in calls)
    answer = Message(MessageRole.ASSISTANT, text, calls)
    request = ModelRequest((Message(MessageRole.USER, "look"), answer, *results))
    _, _, server = await reply_to(ANSWERS[provider], provider, request)
    return server.asked[0].body


@pytest.mark.parametrize("name", MADE_UP)
async def test_a_name_that_is_none_is_told_back_as_one(name: str) -> None:
    call = ToolCall("c1", name, "{}")
    body = await asked_with(ProviderName.OPENAI, call)
    assert TAKEN.fullmatch(body["messages"][1]["tool_calls"][0]["function"]["name"])
    body = await asked_with(ProviderName.ANTHROPIC, call)
    assert TAKEN.fullmatch(body["messages"][1]["content"][1]["name"])
    body = await asked_with(ProviderName.OLLAMA, call)
    assert TAKEN.fullmatch(body["messages"][1]["tool_calls"][0]["function"]["name"])


def test_every_tool_is_offered_under_a_name_of_its_own_that_servers_take() -> None:
    own = [f"notes.{'very_' * 20}long{number}" for number in range(3)]
    own += ["files.read", "a.b__c", "a__b.c", "flow.two.parts", "a_.b", "a._b"]
    names = WireNames([offer(name) for name in own])
    wire = [names.wire(name) for name in own]
    assert all(TAKEN.fullmatch(name) for name in wire)
    assert len(set(wire)) == len(own)
    assert [names.own(name) for name in wire] == own
    assert names.wire("files.read") == "files__read"


@pytest.mark.parametrize("parameters", [{}, {"type": "object"}, {"required": [], "title": "X"}])
async def test_tools_whose_schema_leaves_out_what_servers_want_are_offered_with_it(
    parameters: dict[str, Any],
) -> None:
    tools = (ToolOffer("notes.list", "Lists. " * 300, parameters),)
    request = ModelRequest((Message(MessageRole.USER, "look"),), tools)
    whole = {"type": "object", "properties": {}, **parameters}
    for provider in (ProviderName.OPENAI, ProviderName.OLLAMA):
        _, _, server = await reply_to(ANSWERS[provider], provider, request)
        function = server.asked[0].body["tools"][0]["function"]
        assert function["parameters"] == whole
        assert len(function["description"]) == 1_024
    _, _, server = await reply_to(ANSWERS[ProviderName.ANTHROPIC], ProviderName.ANTHROPIC, request)
    assert server.asked[0].body["tools"][0]["input_schema"] == whole


@pytest.mark.parametrize(
    "parameters",
    [
        {"anyOf": [{"properties": {"a": {"type": "string"}}}, {"required": ["b"]}], "properties": {"b": {}}},
        {
            "type": "object",
            "oneOf": [{"allOf": [{"properties": {"a": {"type": "string"}}}]}, 7, {"properties": {"b": {}}}],
        },
        {"type": ["object", "null"], "properties": {"a": {"type": "string"}, "b": {}}, "not": {}},
    ],
)
def test_a_schema_that_begins_with_a_choice_is_offered_with_all_that_may_be_chosen(
    parameters: dict[str, Any],
) -> None:
    offered = schema_of(ToolOffer("notes.list", "Lists.", parameters))
    assert offered == {"type": "object", "properties": {"a": {"type": "string"}, "b": {}}}


@pytest.mark.parametrize("arguments", ['{"n": ', "[1]", '{"n": NaN}', "", "null", '{"n": "\\ud800"}'])
async def test_arguments_that_are_no_object_are_told_back_in_one(arguments: str) -> None:
    call = ToolCall("c1", "look", arguments)
    told = {"not_an_object": arguments} if arguments else {}
    body = await asked_with(ProviderName.ANTHROPIC, call)
    assert body["messages"][1]["content"][1]["input"] == told
    body = await asked_with(ProviderName.OLLAMA, call)
    assert body["messages"][1]["tool_calls"][0]["function"]["arguments"] == told
    body = await asked_with(ProviderName.OPENAI, call)
    assert json.loads(body["messages"][1]["tool_calls"][0]["function"]["arguments"]) == told


async def test_blank_words_beside_a_call_are_not_told_where_a_server_refuses_them() -> None:
    body = await asked_with(ProviderName.ANTHROPIC, ToolCall("c1", "look", "{}"), text="\n\n")
    assert [block["type"] for block in body["messages"][1]["content"]] == ["tool_use"]


@pytest.mark.parametrize("text", ["", "\n"])
async def test_an_answer_without_words_is_told_as_that_where_a_server_refuses_an_empty_one(text: str) -> None:
    body = await asked_with(ProviderName.ANTHROPIC, text=text)
    assert body["messages"][1] == {"role": "assistant", "content": "(no words)"}


@pytest.mark.parametrize("said", [None, "", " ", "\n\n"])
async def test_an_answer_of_blanks_alone_is_none(said: str | None) -> None:
    failure = await failure_of(answering(head(), sse(chunk({"content": said}), chunk({}, "stop"), "[DONE]")))
    assert "it said nothing" in str(failure)
    assert (failure.code, failure.retryable) == (ModelErrorCode.NO_ANSWER, True)
