"""At a soft cap a person may say that a lower tier is asked: its model is told what it takes."""

from __future__ import annotations

import asyncio
import json
import shutil
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from engine.contracts.status import RunStatus
from engine.contracts.tool import ToolSpec
from engine.models.settings import ModelSettings, NamedModel, ProviderName
from tests.engine.models.loopback import serving
from tests.engine.pictures import as_text, png
from tests.engine.runtime.agents_at_work import agent, answering_in_turn, spoken
from tests.engine.runtime.embedded_home import ANN, Home, tool
from tests.engine.runtime.money.test_caps import BOUND, budget
from tests.engine.runtime.money.test_soft_caps import PACKS, PAUSES, crossed, ended, paused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.facade.engine import Engine
    from engine.tools.context import ToolContext
    from tests.engine.models.loopback import Loopback

SHOT = png(640, 480, b"pixels")
WORDS = "[image 640x480 png]"
DONE = spoken("Done.")
FORM = {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]}


async def shows(_params: dict[str, Any], _context: ToolContext) -> Any:
    return {"images": [{"content_base64": as_text(SHOT)}]}


@asynccontextmanager
async def above_and_below(
    home: Home, *answers: bytes, above: dict[str, Any], below: dict[str, Any]
) -> AsyncIterator[tuple[Engine, Loopback]]:
    """A model of a high tier, and one of a low tier, of the same server."""
    for name in ("budget", "_shared"):
        await asyncio.to_thread(
            shutil.copytree, PACKS / name, home.root / "shipped" / name, dirs_exist_ok=True
        )
    async with serving(answering_in_turn(*answers)) as server:
        named = {
            name: NamedModel(
                provider=ProviderName.OPENAI, model=name, base_url=server.url, api_key="", **fields
            )
            for name, fields in (("served", above), ("small", below))
        }
        models = ModelSettings(
            default="served", named=named, tiers={"high": "served", "low": "small"}, fallback=("high", "low")
        )
        prices = {"served": {"input": 3, "output": 15}, "small": {"input": 1, "output": 1}}
        home.round_seconds = 0.02
        async with home.working(models=models, budget=budget(PAUSES, prices=prices)) as engine:
            yield engine, server


async def lowered(engine: Engine) -> str:
    """Two questions reach the cap, and a person says how the third one goes on."""
    form = await crossed(engine)
    run_id = await paused(engine)
    await engine.requests.answer(form.request_id, {"choice": "lower_model"}, actor=ANN)
    run = await ended(engine, run_id)
    assert run.status is RunStatus.COMPLETED, run.error
    return run_id


async def test_a_model_that_reads_less_is_told_less(home: Home) -> None:
    home.flow("ask", agent(tools=("fake.echo",), max_tokens=BOUND))
    asks = spoken("", ("fake.echo", json.dumps({"x": "long " * 2_000})))
    answers = (DONE, DONE, asks, DONE)
    async with above_and_below(home, *answers, above={}, below={"context_tokens": 3_000}) as (engine, server):
        await lowered(engine)
        assert [one.body["model"] for one in server.asked] == ["served", "served", "small", "small"]
        result = server.asked[-1].body["messages"][-1]["content"]
        assert "characters in all" in result
        assert len(result) < 3_000 * 4


async def test_a_model_that_is_shown_no_images_and_told_no_schema_has_neither(home: Home) -> None:
    for name in ("fake.shows", "fake.look"):
        home.tools.registry.register(ToolSpec(name=name, for_images=name == "fake.look"), shows)
    tools = ("fake.echo", "fake.look")
    asking = agent(tools=tools, images=["{{ steps.shot.output.images }}"], output=FORM, max_tokens=BOUND)
    home.flow("ask", tool("shot", "fake.shows"), asking)
    word = spoken('{"word": "yes"}')
    above = {"images": True, "structured": True}
    async with above_and_below(home, word, word, word, above=above, below={}) as (engine, server):
        run_id = await lowered(engine)
        first, _, lower = (one.body for one in server.asked)
        assert ("response_format" in first, "response_format" in lower) == (True, False)
        assert as_text(SHOT) in json.dumps(first)
        assert as_text(SHOT) not in json.dumps(lower)
        assert WORDS in json.dumps(lower["messages"])
        assert [one["function"]["name"] for one in first["tools"]] == ["fake__echo", "fake__look"]
        assert [one["function"]["name"] for one in lower["tools"]] == ["fake__echo"]
        ((agent_at,)) = (await engine.runs.snapshot(run_id)).agents
        assert agent_at.tools.blind == ("fake.look",)
