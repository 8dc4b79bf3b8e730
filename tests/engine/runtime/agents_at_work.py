"""Flows with agents, and models that answer them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.models.settings import ModelSettings, NamedModel, ProviderName
from tests.engine.models.loopback import Answer, Write, head, sse

if TYPE_CHECKING:
    from engine.facade.engine import Engine


Step = dict[str, Any]


def call(name: str = "fake.echo", **arguments: Any) -> Step:
    return {"tool": name, "arguments": arguments}


def agent(*script: Step, tools: tuple[str, ...] = ("fake.echo", "fake.fail"), **fields: Any) -> Step:
    given = {"instructions": "Be a test.", "prompt": "Do {{ payload.what | default('it') }}."}
    return {"id": "work", "type": "agent", **given, "tools": list(tools), "script": list(script), **fields}


def says(text: str, *calls: Step) -> Step:
    return {"text": text, "calls": list(calls)}


async def output_of(engine: Engine, run_id: str, step: str) -> Any:
    return (await engine.runs.step(run_id, step)).output


async def told(engine: Engine, run_id: str, turn: int = 0) -> list[Any]:
    """What the model was told of the calls of a turn."""
    return list((await output_of(engine, run_id, f"work/{turn}/calls"))["results"])


def spoken(text: str, *calls: tuple[str, str]) -> bytes:
    """An answer as an OpenAI-compatible server streams it."""
    asked = [
        {"index": number, "id": f"c{number}", "function": {"name": name, "arguments": arguments}}
        for number, (name, arguments) in enumerate(calls)
    ]
    delta = {"content": text, "tool_calls": asked}
    choice = {"index": 0, "delta": delta, "finish_reason": "tool_calls" if calls else "stop"}
    usage = {"prompt_tokens": 100, "completion_tokens": 10}
    return head() + sse({"id": "1", "model": "m", "choices": [choice], "usage": usage}, "[DONE]")


def models_at(url: str, **fields: Any) -> ModelSettings:
    named = NamedModel(provider=ProviderName.OPENAI, model="m", base_url=url, api_key="", **fields)
    return ModelSettings(default="served", named={"served": named})


def answering_in_turn(*answers: bytes) -> Answer:
    waiting = list(answers)

    async def answer(write: Write) -> None:
        await write(waiting.pop(0))

    return answer
