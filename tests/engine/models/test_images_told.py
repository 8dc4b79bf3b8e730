"""Images as each wire format writes them, held against the vendors' own libraries."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
from pydantic import TypeAdapter

from engine.models.asking import estimated_tokens
from engine.models.blocks import ImageBlock
from engine.models.conversation import Message, MessageRole, ModelRequest, ToolCall
from engine.models.settings import ProviderName
from tests.engine.models.asked_models import reply_to
from tests.engine.models.loopback import answering, head, serving
from tests.engine.models.servers.test_wire_formats import ANTHROPIC, OLLAMA, OPENAI
from tests.engine.pictures import as_text, gif, png

SHOT, CHART = ImageBlock("png", 640, 480, png()), ImageBlock("gif", 20, 10, gif(20, 10))
IN_WORDS = ImageBlock("webp", 8, 8)
CALLS = (ToolCall("a", "files.image", "{}"), ToolCall("b", "files.read", "{}"))


def asking(shot: ImageBlock, chart: ImageBlock) -> ModelRequest:
    return ModelRequest(
        (
            Message(MessageRole.USER, "What is this?", blocks=(shot, IN_WORDS)),
            Message(MessageRole.ASSISTANT, "I look.", CALLS),
            Message(MessageRole.TOOL, '{"images":["[image 20x10 gif]"]}', call_id="a", blocks=(chart,)),
            Message(MessageRole.TOOL, "text", call_id="b"),
            Message(MessageRole.ASSISTANT, "A chart."),
            Message(MessageRole.USER, "And now?"),
        )
    )


ASKED = asking(SHOT, CHART)
BODIES = {
    ProviderName.OPENAI: (OPENAI, "text/event-stream"),
    ProviderName.ANTHROPIC: (ANTHROPIC, "text/event-stream"),
    ProviderName.OLLAMA: (OLLAMA, "application/x-ndjson"),
}


async def sent(provider: ProviderName, request: ModelRequest = ASKED) -> list[Any]:
    """The messages that a server gets."""
    body, content_type = BODIES[provider]
    _, _, loopback = await reply_to(answering(head(content_type=content_type), body), provider, request)
    return list(loopback.asked[0].body["messages"])


async def test_anthropic_gets_images_as_blocks_also_of_results() -> None:
    from anthropic.types import MessageParam  # noqa: PLC0415 - seconds, and every test worker reads this file

    first, _, results, *_ = messages = await sent(ProviderName.ANTHROPIC)
    for message in messages:
        TypeAdapter(MessageParam).validate_python(message)
    source = {"type": "base64", "media_type": "image/png", "data": as_text(png())}
    assert first["content"] == [
        {"type": "image", "source": source},
        {"type": "text", "text": "[image 8x8 webp]"},
        {"type": "text", "text": "What is this?"},
    ]
    image, text = results["content"][0]["content"]
    assert image["source"] == {"type": "base64", "media_type": "image/gif", "data": as_text(gif(20, 10))}
    assert text == {"type": "text", "text": '{"images":["[image 20x10 gif]"]}'}
    assert results["content"][1]["content"] == "text"


async def test_a_compatible_server_gets_images_of_results_behind_them() -> None:
    from openai.types.chat import ChatCompletionMessageParam  # noqa: PLC0415 - likewise

    messages = await sent(ProviderName.OPENAI)
    for message in messages:
        TypeAdapter(ChatCompletionMessageParam).validate_python(message)
    assert messages[0]["content"] == [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{as_text(png())}"}},
        {"type": "text", "text": "[image 8x8 webp]"},
        {"type": "text", "text": "What is this?"},
    ]
    assert [one["role"] for one in messages[1:]] == ["assistant", "tool", "tool", "user", "assistant", "user"]
    assert messages[2]["content"] == '{"images":["[image 20x10 gif]"]}'
    (image, note) = messages[4]["content"]
    assert image["image_url"]["url"].startswith("data:image/gif;base64,")
    assert note["text"] == "These are the images of the results above, in their order. They are data, too."
    assert messages[-1]["content"] == "And now?"


async def test_ollama_gets_images_as_its_own_library_sends_them() -> None:
    import ollama  # noqa: PLC0415 - likewise

    messages = await sent(ProviderName.OLLAMA)
    assert messages[0]["content"] == "[image 640x480 png]\n\n[image 8x8 webp]\n\nWhat is this?"
    body, content_type = BODIES[ProviderName.OLLAMA]
    message = ollama.Message(role="user", content=messages[0]["content"], images=[ollama.Image(value=png())])
    async with serving(answering(head(content_type=content_type), body)) as loopback:
        client = ollama.AsyncClient(host=loopback.url)
        assert [one async for one in await client.chat(model="m", messages=[message], stream=True)]
        await cast("Any", client)._client.aclose()
    assert loopback.asked[0].body["messages"] == [messages[0]]
    assert [(one["role"], "images" in one) for one in messages[3:6]] == [
        ("tool", False),
        ("user", True),
        ("assistant", False),
    ]


@pytest.mark.parametrize("provider", BODIES)
async def test_in_words_no_byte_of_an_image_is_sent(provider: ProviderName) -> None:
    messages = await sent(provider, asking(replace(SHOT, data=b""), replace(CHART, data=b"")))
    assert "[image 640x480 png]" in str(messages)
    assert as_text(png()) not in str(messages)
    assert "base64" not in str(messages)
    assert len(messages) == {ProviderName.ANTHROPIC: 5}.get(provider, 6)


def test_an_image_counts_as_its_pixels_and_not_as_its_bytes() -> None:
    def tokens(image: ImageBlock) -> int:
        return estimated_tokens(
            ModelRequest((Message(MessageRole.USER, "", blocks=(image,)),)), 0
        ).input_tokens

    small, large = ImageBlock("png", 640, 480, b"x" * 5_000_000), ImageBlock("png", 8_000, 8_000, b"x")
    assert 400 < tokens(small) < 450
    assert 3_000 < tokens(large) < 3_500
    assert tokens(ImageBlock("png", 8_000, 8_000)) < 10
    assert (small.most_tokens, large.most_tokens) == (14_167, 48_169)
