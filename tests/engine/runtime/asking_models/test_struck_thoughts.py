"""A secret is struck out of what a model thought as of everything that is kept: what was signed goes back as
it was, or not at all, for its server refuses a question with a signature that does not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.models.settings import ModelSettings, NamedModel, ProviderName
from tests.engine.models.loopback import head, serving, sse
from tests.engine.runtime.agents_at_work import agent, answering_in_turn, models_at, says, spoken
from tests.engine.runtime.embedded_home import finished

if TYPE_CHECKING:
    from tests.engine.runtime.embedded_home import Home

SECRET = "ghp_" + "a1B2" * 9
SIGNED = "c2lnbmVk"


def thought_of_claude(*thoughts: str) -> bytes:
    """An answer with signed blocks and a call."""
    blocks = [{"type": "thinking", "thinking": text, "signature": SIGNED} for text in thoughts]
    call = {"type": "tool_use", "id": "a", "name": "fake__echo", "input": {"a": 1}}
    return head() + sse(
        *(
            {"type": "content_block_start", "index": number, "content_block": block}
            for number, block in enumerate([*blocks, call])
        ),
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 7}},
        {"type": "message_stop"},
    )


def said_by_claude(text: str) -> bytes:
    block = {"type": "text", "text": text}
    return head() + sse(
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}},
        {"type": "message_stop"},
    )


def thought_elsewhere(**thought: Any) -> bytes:
    """An answer of a compatible server with a call."""
    answer = spoken("", ("fake__echo", '{"a": 1}'))
    thinks = {"id": "1", "model": "m", "choices": [{"index": 0, "delta": thought}]}
    return answer.replace(head(), head() + sse(thinks))


async def told_again(home: Home, models: ModelSettings, server: Any) -> Any:
    async with home.working(models=models) as engine:
        await finished(engine, "ask")
    assert SECRET not in str(server.asked[-1].body["messages"])
    return next(one for one in server.asked[-1].body["messages"] if one["role"] == "assistant")


@pytest.mark.parametrize(
    ("thoughts", "kinds"),
    [
        (("I look.", "Then I see."), ["thinking", "thinking", "tool_use"]),
        (("I look.", f"The key is {SECRET}."), ["tool_use"]),
    ],
)
async def test_blocks_of_which_one_was_changed_do_not_go_back(
    home: Home, thoughts: tuple[str, ...], kinds: list[str]
) -> None:
    home.flow("ask", agent(says("never asked for")))
    answers = answering_in_turn(thought_of_claude(*thoughts), said_by_claude("Done."))
    async with serving(answers) as server:
        named = NamedModel(provider=ProviderName.ANTHROPIC, model="m", base_url=server.url, api_key="")
        answer = await told_again(home, ModelSettings(default="served", named={"served": named}), server)
    assert [block["type"] for block in answer["content"]] == kinds


async def test_a_thought_that_nobody_signed_goes_back_without_the_secret(home: Home) -> None:
    home.flow("ask", agent(says("never asked for")))
    detail = {"type": "reasoning.text", "text": f"It is {SECRET}", "signature": SIGNED, "index": 0}
    thought = {"reasoning_content": f"It is {SECRET}", "reasoning_details": [detail]}
    answers = answering_in_turn(thought_elsewhere(**thought), spoken("Done."))
    async with serving(answers) as server:
        answer = await told_again(home, models_at(server.url), server)
    assert answer["reasoning_content"] == "It is [SECRET github-pat]"
    assert "reasoning_details" not in answer
