"""What the models of a run used and cost: told with the run, by its tenant, pack, step, model and day."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from engine.budget.price import PriceSource
from engine.budget.price_book import QuotedPrice
from engine.budget.settings import BudgetSettings, ModelPrice
from engine.contracts.governing.budget import SpendBy
from engine.errors import NotFound
from engine.machine.events.model_facts import ModelUsage
from engine.models.conversation import Identified, ModelRequest, TextDelta, ThoughtDelta
from engine.runtime.worker.steps.agents.meter import Meter
from tests.engine.models.loopback import head, serving, sse
from tests.engine.runtime.agents_at_work import agent, answering_in_turn, models_at, says, spoken
from tests.engine.runtime.embedded_home import ANN, Home, failed, finished

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.contracts.runs.run import EventView
    from engine.facade.engine import Engine

PRICED = BudgetSettings(prices={"served": ModelPrice.model_validate({"input": 3, "output": 15})})
ANSWER = 100 * 3_000 + 10 * 15_000
"""What 100 tokens of input and 10 of output cost, billionths."""


@asynccontextmanager
async def asking(home: Home, *answers: bytes) -> AsyncIterator[Engine]:
    """An engine whose model, which has a price, gives these answers to the flow `ask`."""
    home.flow("ask", agent())
    async with (
        serving(answering_in_turn(*answers)) as server,
        home.working(models=models_at(server.url), budget=PRICED) as engine,
    ):
        yield engine


async def usages(engine: Engine, run_id: str) -> list[EventView]:
    return [one for one in (await engine.runs.events(run_id)) if one.kind == ModelUsage.kind]


async def test_each_answer_is_an_event_with_its_cost_and_the_price_in_force(home: Home) -> None:
    answers = (spoken("I try.", ("fake__echo", "{}")), spoken("Done."))
    async with asking(home, *answers) as engine:
        run = await finished(engine, "ask")
        assert (run.cost, run.unpriced_calls, run.tokens_used) == (2 * ANSWER, 0, 220)
        first, second = await usages(engine, run.run_id)
        assert (first.step_id, second.step_id) == ("work/0/model", "work/1/model")
        assert first.payload["cost"] == ANSWER
        assert first.payload["rates"] == [3 * 10**9, 3 * 10**9, 15 * 10**9]
        assert first.payload["asked"] == "m"
        assert len(first.payload["prices"]) == 64
        assert first.payload["sent"] > 0
        assert (await engine.budget.of_run(run.run_id)).cost == 2 * ANSWER
        assert [turn.cost for turn in (await engine.runs.conversation(run.run_id, "work")).turns] == [
            ANSWER
        ] * 2
        for by, name in (
            (SpendBy.MODEL, "served"),
            (SpendBy.STEP, f"{run.pack}/ask/work"),
            (SpendBy.PACK, run.pack),
            (SpendBy.TENANT, run.tenant),
            (SpendBy.DAY, run.created_at.date().isoformat()),
        ):
            spending = await engine.budget.spending(by)
            assert [(row.name, row.sum.cost, row.sum.calls) for row in spending.rows] == [
                (name, 2 * ANSWER, 2)
            ]
            assert spending.total.input_tokens == 200


def test_a_call_tells_when_its_first_piece_came_and_how_long_it_took() -> None:
    now = [7_000_000]
    quoted = QuotedPrice("fast", "openai", "m", None, PriceSource.UNKNOWN)
    meter = Meter(quoted, "digest", 10, ModelRequest(messages=()), lambda: now[0])
    times = ("first_token_ms", "took_ms")
    now[0] += 5_000_000  # it waited for money: nobody had been asked
    assert not meter.stopped().keys() & set(times)
    meter.asks()
    now[0] += 250_900
    meter.hear(Identified("r-1", "m"))
    assert [meter.stopped().get(name) for name in times] == [None, 250]
    meter.hear(ThoughtDelta("so"))
    now[0] += 100_000
    meter.hear(TextDelta("Here."))
    now[0] += 1_000_000
    assert [meter.stopped()[name] for name in times] == [250, 1_350]


async def test_the_times_of_each_try_stand_in_the_history_also_of_one_that_broke_off(home: Home) -> None:
    begun = head() + sse({"id": "1", "choices": [{"delta": {"content": "So"}}]})
    async with asking(home, begun, spoken("Done.")) as engine:
        home.flow("ask", agent(retry={"max_attempts": 2, "backoff_seconds": 0}))
        run = await finished(engine, "ask")
        tries = [one.payload for one in await usages(engine, run.run_id)]
        assert [one.get("partial", False) for one in tries] == [True, False]
        assert all(0 <= one["first_token_ms"] <= one["took_ms"] for one in tries)
        (failed_try,) = [
            one.payload["error"]["details"]
            for one in await engine.runs.events(run.run_id)
            if one.kind == "tool_call_attempt_failed"
        ]
        assert 0 <= failed_try["first_token_ms"] <= failed_try["took_ms"]


async def test_another_tenant_sees_nothing_of_it(home: Home) -> None:
    async with asking(home, spoken("Done.")) as engine:
        run = await finished(engine, "ask")
        other = engine.for_(ANN, tenant="other")
        assert (await other.budget.spending()).rows == ()
        with pytest.raises(NotFound):
            await other.budget.of_run(run.run_id)


async def test_a_scripted_model_costs_nothing_which_is_known(home: Home) -> None:
    home.flow("ask", agent(says("There.")))
    async with home.working() as engine:
        run = await finished(engine, "ask")
        assert (run.cost, run.unpriced_calls) == (0, 0)
        (usage,) = await usages(engine, run.run_id)
        assert (usage.payload["provider"], usage.payload["cost"]) == ("scripted", 0)


async def test_an_answer_that_breaks_off_is_counted_with_what_came_of_it(home: Home) -> None:
    choice = {"index": 0, "delta": {"content": "Half of an ans"}, "finish_reason": None}
    half = head() + sse({"id": "1", "model": "m", "choices": [choice]})
    async with asking(home, half) as engine:
        run = await failed(engine, "ask")
        (usage,) = await usages(engine, run.run_id)
        assert usage.payload["partial"] is True
        assert usage.payload["estimated"] is True
        assert run.cost == usage.payload["cost"] > 0


async def test_a_call_that_fails_before_anything_came_costs_nothing(home: Home) -> None:
    refused = head(401, "application/json") + b"{}"
    async with asking(home, refused) as engine:
        run = await failed(engine, "ask")
        assert (run.cost, run.unpriced_calls, await usages(engine, run.run_id)) == (0, 0, [])
