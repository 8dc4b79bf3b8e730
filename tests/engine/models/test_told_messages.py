"""What stands in a conversation is told in the order in which servers take it: else they refuse for ever."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from engine.models.blocks import ImageBlock
from engine.models.conversation import Message, MessageRole, ModelRequest, ToolCall
from engine.models.settings import ProviderName
from engine.models.wire.anthropic_messages import AnthropicMessages
from engine.models.wire.ollama_chat import OllamaChat
from engine.models.wire.openai_chat import OpenAiChat, dialect_of
from engine.models.wire.wire_format import WireFormat, WireNames
from tests.engine.pictures import png

CALLS = (ToolCall("c1", "files.read", "{}"), ToolCall("c2", "notes.list", "{}"))
SAID_TWICE = ModelRequest(
    (
        Message(MessageRole.SYSTEM, "Be short."),
        Message(MessageRole.USER, "What is in a.txt?"),
        Message(MessageRole.USER, "Said for your next answer alone: hurry."),
        Message(MessageRole.ASSISTANT, "", CALLS),
        Message(MessageRole.TOOL, "beans", call_id="c1"),
        Message(MessageRole.TOOL, "none", call_id="c2"),
        Message(MessageRole.USER, "Your answer does not fit."),
        Message(MessageRole.USER, "And hurry."),
    )
)
WIRES: dict[ProviderName, WireFormat] = {
    ProviderName.OPENAI: OpenAiChat(str),
    ProviderName.ANTHROPIC: AnthropicMessages(str),
    ProviderName.OLLAMA: OllamaChat(str),
}


def told(wire: WireFormat, request: ModelRequest = SAID_TWICE) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = wire.body("m", request, WireNames(()))["messages"]
    return messages


@pytest.mark.parametrize("provider", WIRES)
def test_no_two_messages_of_the_users_stand_beside_each_other_and_no_word_is_lost(
    provider: ProviderName,
) -> None:
    messages = told(WIRES[provider])
    roles = [message["role"] for message in messages]
    assert not {("user", "user"), ("assistant", "assistant")} & set(pairwise(roles))
    for message in SAID_TWICE.messages[1:]:
        assert message.text in str(messages)


def test_what_is_said_beside_each_other_is_one_text_for_servers_that_take_texts() -> None:
    joined = "What is in a.txt?\n\nSaid for your next answer alone: hurry."
    assert told(WIRES[ProviderName.OPENAI])[1] == {"role": "user", "content": joined}
    assert told(WIRES[ProviderName.OLLAMA])[1] == {"role": "user", "content": joined}


def test_what_is_said_behind_results_follows_them_in_one_message_of_blocks() -> None:
    *_, last = told(WIRES[ProviderName.ANTHROPIC])
    assert [block["type"] for block in last["content"]] == ["tool_result", "tool_result", "text", "text"]


def test_an_image_that_is_said_beside_words_stays_one() -> None:
    shown = Message(MessageRole.USER, "", blocks=(ImageBlock("png", 640, 480, png()),))
    request = ModelRequest((Message(MessageRole.USER, "Look."), shown, Message(MessageRole.USER, " ")))
    (only,) = told(WIRES[ProviderName.OPENAI], request)
    assert [part["type"] for part in only["content"]] == ["text", "image_url", "text"]
    (only,) = told(WIRES[ProviderName.ANTHROPIC], request)
    assert [block["type"] for block in only["content"]] == ["text", "image"]  # which refuses blanks
    (only,) = told(WIRES[ProviderName.OLLAMA], request)
    assert len(only["images"]) == 1


@pytest.mark.parametrize(
    ("url", "model", "answered"),
    [
        ("https://api.mistral.ai/v1", "large", True),
        ("http://127.0.0.1:8080/v1", "Devstral-Small-2-24B", True),
        ("http://127.0.0.1:8000/v1", "mistralai/Ministral-3-8B", True),
        ("http://127.0.0.1:8000/v1", "qwen3", False),
        ("https://api.openai.com/v1", "gpt-4o-mini", False),
    ],
)
def test_models_of_mistral_have_said_something_between_results_and_words_of_the_users(
    url: str, model: str, answered: bool
) -> None:
    messages = told(OpenAiChat(str, dialect_of(url, model)))
    between = ["assistant"] if answered else []
    assert [one["role"] for one in messages[-(2 + len(between)) :]] == ["tool", *between, "user"]
    spoken = replace(SAID_TWICE, messages=SAID_TWICE.messages[:-2])
    assert told(OpenAiChat(str, dialect_of(url, model)), spoken)[-1]["role"] == "tool"


def test_mistrals_own_server_is_not_asked_for_the_usage_that_it_tells_anyway() -> None:
    def body(url: str) -> dict[str, Any]:
        return OpenAiChat(str, dialect_of(url, "m")).body("m", SAID_TWICE, WireNames(()))

    assert "stream_options" not in body("https://api.mistral.ai/v1")
    assert body("http://127.0.0.1:8000/v1")["stream_options"] == {"include_usage": True}
