"""Between an agent and its model: durability in a turn, and our reading of a stream before the first token.

    python -m benchmarks.agents.agents_overhead

Both sides take turns in one process; of each the least time counts.
"""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from benchmarks.agents.agents_at_once import TURNS, _run_all, _step
from benchmarks.agents.agents_bench import _answer, _serving, _working
from engine.models.asking import ask
from engine.models.catalog import ModelCatalog
from engine.models.conversation import Message, MessageRole, ModelRequest, ToolCall, ToolOffer
from engine.models.scripted import ScriptedModel, ScriptedReply
from engine.models.settings import ModelSettings, NamedModel, ProviderName
from engine.tools.builtin.all import builtin_registry
from engine.tools.context import ToolContext, ToolLimits
from engine.tools.executor import ToolExecutor

if TYPE_CHECKING:
    from engine.models.conversation import Delta

ROUNDS = 7
ASKED = 60
PIECES = 20
TOOL = "text.report"


async def bare_turns() -> float:
    """Processor time of a turn of the same loop, in ms: the model, the executor, and nothing written down."""
    executor = ToolExecutor(builtin_registry(), ToolLimits())
    spec = executor.spec(TOOL)
    assert spec is not None
    offer = ToolOffer(TOOL, spec.description, spec.parameters)
    messages = [Message(MessageRole.SYSTEM, "Be."), Message(MessageRole.USER, "Do.")]
    begun = time.process_time()
    for turn in range(TURNS):
        wanted = ToolCall(f"call_{turn}", TOOL, json.dumps({"title": f"t{turn}", "body": "b"}))
        model = ScriptedModel(ScriptedReply("", (wanted,)))
        reply = await ask(model, ModelRequest(tuple(messages), (offer,)))
        (call,) = reply.calls
        context = ToolContext("run", "work", 1, f"run/{turn}", "bench", Path("/nowhere"))
        result = await executor.call(call.name, json.loads(call.arguments), context)
        assert result.ok
        messages.append(Message(MessageRole.ASSISTANT, reply.text, reply.calls))
        messages.append(Message(MessageRole.TOOL, json.dumps(result.data), call_id=call.id))
    return (time.process_time() - begun) / TURNS * 1e3


async def durability() -> None:
    """A turn with one call beside the same without a journal."""
    bare: list[float] = []
    kept: list[float] = []
    async with _working(_step()) as (engine, _):
        await _run_all(engine, 1)  # what is loaded once is loaded
        for _ in range(ROUNDS):
            bare.append(await bare_turns())
            begun = time.process_time()
            await _run_all(engine, 1)
            kept.append((time.process_time() - begun) / TURNS * 1e3)
    print(
        f"a turn with one call, ms of processor time: {min(kept):.2f} written down, {min(bare):.2f} the same "
        f"loop without durability: {min(kept) - min(bare):.2f} for it"
    )


async def first_token() -> None:
    """How much later a token is told by us than by httpx's lines; the server is in both."""
    async with _serving(_answer(PIECES)) as url, httpx.AsyncClient(trust_env=False) as client:
        named = NamedModel(provider=ProviderName.OPENAI, model="m", base_url=url, api_key="")
        catalog = ModelCatalog(ModelSettings(named={"m": named}), {})
        request = ModelRequest((Message(MessageRole.USER, "go"),))

        async def plain() -> float:
            begun, first = time.perf_counter(), 0.0
            async with client.stream("POST", url, content=b"{}") as response:
                async for line in response.aiter_lines():
                    if not first and line.startswith("data: {"):
                        json.loads(line[6:])
                        first = time.perf_counter() - begun
            return first * 1e3

        async def ours() -> float:
            begun, first = time.perf_counter(), 0.0

            def heard(_: Delta) -> None:
                nonlocal first
                first = first or time.perf_counter() - begun

            await ask(catalog.provider("m"), request, heard)
            return first * 1e3

        theirs: list[float] = []
        mine: list[float] = []
        for _ in range(ASKED):
            theirs.append(await plain())
            mine.append(await ours())
        await catalog.connections.close()
    print(
        f"the first token after {min(mine):.2f} ms, {min(theirs):.2f} in plain httpx lines: "
        f"{min(mine) - min(theirs):.2f} ms later"
    )


async def _all() -> None:
    await durability()
    await first_token()


if __name__ == "__main__":
    asyncio.run(_all())
