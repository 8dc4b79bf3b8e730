"""Tiers in runs: each attempt asks the model of the next one, and all of them are on record."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from engine.contracts.status import RunStatus
from engine.contracts.tool import ToolSpec
from engine.models.settings import ModelSettings
from tests.engine.models.loopback import head, serving
from tests.engine.pictures import as_text
from tests.engine.runtime.agents.test_agent_images import SHOT, WORDS, shows
from tests.engine.runtime.agents_at_work import agent, answering_in_turn, models_at, spoken
from tests.engine.runtime.embedded_home import ANN, failed, finished, rest, retry, start, tool, until

if TYPE_CHECKING:
    from tests.engine.runtime.embedded_home import Home

BUSY = head(503, "application/json") + b"{}"


def tiers(one: str, two: str, **fields: Any) -> ModelSettings:
    """Two models at these addresses, the second behind the first, which has these fields."""
    named = {"one": models_at(one, **fields).named["served"], "two": models_at(two).named["served"]}
    return ModelSettings(named=named, tiers={"first": "one", "second": "two"}, fallback=("first", "second"))


async def test_when_a_model_is_busy_the_next_tier_is_asked_at_once_and_both_are_on_record(home: Home) -> None:
    home.flow("ask", agent(model="first", retry={"max_attempts": 2, "backoff_seconds": 0}))
    busy = answering_in_turn(head(429, "application/json", retry_after="3000") + b"{}")
    async with (
        serving(busy) as one,
        serving(answering_in_turn(spoken("Here."))) as two,
        home.working(models=tiers(one.url, two.url)) as engine,
    ):
        run = await finished(engine, "ask")
        events = await engine.runs.events(run.run_id)
        (used,) = [event.payload for event in events if event.kind == "model_usage"]
        assert (used["model"], used["why"]) == ("two", "the step names first, then second")
        (details,) = [event.payload["error"]["details"] for event in events if "error" in event.payload]
        assert (details["model"], details["asked_to_wait_seconds"]) == ("one", 3000)
        assert (details["took_ms"] >= 0, "first_token_ms" in details) == (True, False)


async def test_the_model_of_the_next_tier_is_shown_images_and_told_a_schema_as_it_takes_them(
    home: Home,
) -> None:
    home.tools.registry.register(ToolSpec(name="fake.look", for_images=True), shows)
    asking = agent(
        tools=("fake.echo", "fake.look"),
        images=["{{ steps.shot.output.images }}"],
        output={"type": "object"},
        model="first",
        retry={"max_attempts": 2, "backoff_seconds": 0},
    )
    home.flow("ask", tool("shot", "fake.look"), asking)
    async with (
        serving(answering_in_turn(BUSY)) as one,
        serving(answering_in_turn(spoken("{}"))) as two,
        home.working(models=tiers(one.url, two.url, images=True, structured=True)) as engine,
    ):
        await finished(engine, "ask")
        (first,), (second,) = ([asked.body for asked in server.asked] for server in (one, two))
        assert ("response_format" in first, "response_format" in second) == (True, False)
        assert (as_text(SHOT) in json.dumps(first), as_text(SHOT) in json.dumps(second)) == (True, False)
        assert WORDS in json.dumps(second)
        assert [len(asked["tools"]) for asked in (first, second)] == [2, 1]


async def test_when_all_tiers_are_used_up_each_model_is_named_with_its_reason(home: Home) -> None:
    home.flow("ask", agent(model="first", retry={"max_attempts": 2, "backoff_seconds": 0}))
    busy = head(429, "application/json") + b"{}"
    away = head(503, "application/json") + b'{"error": {"message": "we are full"}}'
    async with (
        serving(answering_in_turn(busy)) as one,
        serving(answering_in_turn(away)) as two,
        home.working(models=tiers(one.url, two.url)) as engine,
    ):
        run = await failed(engine, "ask")
        assert run.error is not None
        assert run.error.message == "we are full; asked before: one (rate_limited)"
        assert run.error.details["tried"] == [
            {"model": "one", "reason": "rate_limited"},
            {"model": "two", "reason": "overloaded"},
        ]


async def test_a_server_that_asked_to_wait_is_left_alone_while_there_is_another_one(home: Home) -> None:
    home.flow("ask", agent(model="first", retry={"max_attempts": 3, "backoff_seconds": 0}))
    waits = head(429, "application/json", retry_after="3000") + b"{}"
    others = answering_in_turn(BUSY, spoken("Here."), spoken("Again."))
    async with (
        serving(answering_in_turn(waits)) as one,
        serving(others) as two,
        home.working(models=tiers(one.url, two.url)) as engine,
    ):
        await finished(engine, "ask")
        again = await finished(engine, "ask")
        assert (len(one.asked), len(two.asked)) == (1, 3)
        (used,) = [one for one in await engine.runs.events(again.run_id) if one.kind == "model_usage"]
        assert used.payload["why"] == "the step names first, then second; not asked, asked to wait: one"


async def test_where_all_servers_ask_to_wait_the_first_that_may_be_asked_is_waited_for(home: Home) -> None:
    home.flow("ask", agent(model="first", retry={"max_attempts": 3, "backoff_seconds": 0}))
    long, short = (head(429, "application/json", retry_after=one) + b"{}" for one in ("3000", "900"))
    async with (
        serving(answering_in_turn(long)) as one,
        serving(answering_in_turn(short)) as two,
        home.working(models=tiers(one.url, two.url)) as engine,
    ):
        run_id = await start(engine, "ask")

        async def delays() -> list[int]:
            events = await engine.runs.events(run_id)
            return [one.payload["delay_ms"] for one in events if one.kind == "tool_call_retry_scheduled"]

        async def twice() -> bool:
            return len(await delays()) == 2

        await until(twice)
        first, second = await delays()
        assert (first, 800_000 < second <= 900_000) == (0, True)
        assert (len(one.asked), len(two.asked)) == (1, 1)
        await engine.runs.cancel(run_id, actor=ANN)
        await rest(engine, run_id, expect=RunStatus.CANCELLED)


async def test_after_a_retry_of_the_run_the_first_tier_is_asked_first_again(home: Home) -> None:
    home.flow("ask", agent(model="first", retry={"max_attempts": 3, "backoff_seconds": 0}))
    first = answering_in_turn(BUSY, BUSY, spoken("Here."))
    async with serving(first) as one, serving(answering_in_turn(BUSY)) as two:
        async with home.working(models=tiers(one.url, two.url)) as engine:
            run_id = (await failed(engine, "ask")).run_id
            assert (len(one.asked), len(two.asked)) == (2, 1)
            await retry(engine, run_id)
            await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert (len(one.asked), len(two.asked)) == (3, 1)
