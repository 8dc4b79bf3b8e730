"""What agents of other programs cost: as they tell it, else unknown, which no hard cap lets begin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.budget.settings import BudgetSettings
from engine.contracts.governing.budget import CapOf, CapScope, CapWindow, SpendBy
from engine.contracts.status import CancelMode, RunStatus
from tests.engine.runtime.asking_models.told_conversation import conversation_lines
from tests.engine.runtime.embedded_home import (
    ANN,
    Home,
    failed,
    finished,
    pending_approval,
    rest,
    start,
    until,
)
from tests.engine.runtime.money.test_spending import usages
from tests.engine.runtime.outside_programs import agent, agents, notes

if TYPE_CHECKING:
    from typing import Any

HARD = {"scope": "run", "hard": 1}


def budget(*caps: dict[str, Any], **fields: Any) -> BudgetSettings:
    return BudgetSettings.model_validate({"caps": caps, **fields})


async def test_what_an_agent_tells_is_counted_as_its_tokens_and_cost(home: Home) -> None:
    home.flow("ask", agent())
    async with home.working(agents=agents(home, "tells_usage")) as engine:
        run = await finished(engine, "ask")
        assert (run.cost, run.unpriced_calls, run.tokens_used) == (250_000_000, 0, 160)
        (usage,) = await usages(engine, run.run_id)
        told = {name: usage.payload[name] for name in ("model", "provider", "asked", "input", "output")}
        assert told == {
            "model": "acp:plain",
            "provider": "acp",
            "asked": "plain 1.0",
            "input": 120,
            "output": 40,
        }
        (row,) = (await engine.budget.spending(SpendBy.STEP)).rows
        assert (row.name, row.sum.cost, row.sum.cached_tokens) == ("demo/ask/work", 250_000_000, 100)
        lines = list(conversation_lines(await engine.runs.conversation(run.run_id, "work")))
        assert "turn 1 · acp:plain plain 1.0 · 120 tokens in, 40 out, $0.25" in lines


async def test_what_an_agent_does_not_tell_is_a_call_of_unknown_cost(home: Home) -> None:
    home.flow("ask", agent())
    async with home.working(agents=agents(home, "answer")) as engine:
        run = await finished(engine, "ask")
        assert (run.cost, run.unpriced_calls) == (0, 1)
        (row,) = (await engine.budget.spending(SpendBy.MODEL)).rows
        assert (row.name, row.sum.calls, row.sum.unpriced) == ("acp:plain", 1, 1)
        lines = list(conversation_lines(await engine.runs.conversation(run.run_id, "work")))
        assert "turn 1 · acp:plain plain 1.0 · tokens not told" in lines


async def test_each_attempt_that_was_given_its_prompt_is_counted_with_what_it_told(home: Home) -> None:
    home.flow("ask", agent(retry={"max_attempts": 2, "backoff_seconds": 0}))
    async with home.working(agents=agents(home, "tells_usage_and_exits")) as engine:
        run = await failed(engine, "ask")
        assert (run.cost, run.unpriced_calls) == (500_000_000, 0)
        assert [one.payload["partial"] for one in await usages(engine, run.run_id)] == [True, True]


async def test_an_agent_that_never_had_its_prompt_costs_nothing(home: Home) -> None:
    home.flow("ask", agent())
    async with home.working(agents=agents(home, "version")) as engine:
        run = await failed(engine, "ask")
        assert (run.cost, run.unpriced_calls, await usages(engine, run.run_id)) == (0, 0, [])


async def test_an_agent_whose_run_is_cancelled_is_a_call_of_unknown_cost(home: Home) -> None:
    home.flow("ask", agent())
    async with home.working(agents=agents(home, "file")) as engine:
        run_id = await start(engine, "ask")
        await pending_approval(engine, run_id)
        await engine.runs.cancel(run_id, mode=CancelMode.NOW, actor=ANN)
        run = await rest(engine, run_id, expect=RunStatus.CANCELLED)
        assert (run.cost, run.unpriced_calls) == (0, 1)
        assert [one.payload["partial"] for one in await usages(engine, run_id)] == [True]


async def test_an_agent_whose_worker_leaves_is_counted_with_what_it_had_told(home: Home) -> None:
    home.flow("ask", agent())
    async with home.open(agents=agents(home, "tells_usage_and_asks")) as engine:
        async with engine.work():
            run_id = await start(engine, "ask")
            await pending_approval(engine, run_id)
        (usage,) = await usages(engine, run_id)
        assert (usage.payload["cost"], usage.payload["partial"]) == (250_000_000, True)
        async with engine.work():
            card = await pending_approval(engine, run_id)
            await engine.requests.approve(card.approval_id, actor=ANN, digest=card.digest)

            async def goes_on() -> bool:
                return (await engine.runs.summary(run_id)).status is RunStatus.COMPLETED

            await until(goes_on)
        run = await engine.runs.summary(run_id)
        assert (run.cost, run.unpriced_calls) == (500_000_000, 0)
        assert (await engine.runs.step(run_id, "work/0/prompt")).attempt == 1


async def test_below_a_hard_cap_an_agent_does_not_start_unless_that_is_allowed(home: Home) -> None:
    home.flow("ask", agent())
    async with home.working(agents=agents(home, "tells_usage"), budget=budget(HARD)) as engine:
        run = await failed(engine, "ask")
        assert run.error is not None
        assert (run.error.code, run.error.details["reason"]) == ("budget_exhausted", "price_unknown")
        assert "budget.unpriced" in run.error.message
        assert "budget.prices" not in run.error.message
        assert notes(home) == []
    allowed = budget(HARD, unpriced="allow")
    async with home.working(agents=agents(home, "tells_usage"), budget=allowed) as engine:
        assert (await finished(engine, "ask")).cost == 250_000_000


async def test_at_a_soft_cap_that_pauses_an_agent_waits_and_starts_after_the_answer(home: Home) -> None:
    home.flow("ask", agent())
    soft = {"scope": "model", "of": "acp:plain", "window": "total", "soft": "0.2", "on_soft": "pause"}
    async with home.working(agents=agents(home, "tells_usage"), budget=budget(soft)) as engine:
        await finished(engine, "ask")
        run_id = await start(engine, "ask")

        async def held_back() -> bool:
            return (await engine.runs.summary(run_id)).status is RunStatus.PAUSED

        await until(held_back)
        assert sum(line.startswith("prompt") for line in notes(home)) == 1
        await engine.for_(ANN).budget.top_up(
            CapOf(CapScope.MODEL, "acp:plain", CapWindow.TOTAL), 10**9, actor=ANN, comment="rush"
        )

        async def goes_on() -> bool:
            return (await engine.runs.summary(run_id)).status is RunStatus.COMPLETED

        await until(goes_on)
        assert (await engine.runs.step(run_id, "work/0/prompt")).attempt == 1
