"""What calls of models used counts: of those that were stopped, or whose server told nonsense."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING, Any

import pytest

from engine.budget.settings import BudgetSettings
from engine.contracts.governing.budget import CapOf, CapScope, CapState
from engine.contracts.status import CancelMode, RunStatus
from engine.journal.memory.journal import MemoryJournal
from engine.runtime.clock import SystemClock
from engine.runtime.processes import boot_id
from tests.engine.models.loopback import head, serving, sse
from tests.engine.runtime.agents_at_work import agent, models_at
from tests.engine.runtime.embedded_home import (
    ANN,
    Home,
    approval,
    failed,
    finished,
    rest,
    start,
    tool,
    until,
)
from tests.engine.runtime.money.test_caps import BOUND, TOTAL, asking, budget
from tests.engine.runtime.money.test_spending import ANSWER, usages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.facade.engine import Engine
    from engine.journal.sqlite.journal import SqliteJournal
    from tests.engine.models.loopback import Write


@asynccontextmanager
async def silent_model(home: Home, **config: Any) -> AsyncIterator[tuple[Engine, asyncio.Event]]:
    """An engine whose model hears a question, and never answers; the event is set when it has heard one."""
    begun = asyncio.Event()

    async def silent(write: Write) -> None:
        begun.set()
        await asyncio.Event().wait()

    home.flow("ask", agent(tools=(), max_tokens=BOUND))
    async with (
        serving(silent) as server,
        home.working(models=models_at(server.url), **{"budget": budget(), **config}) as engine,
    ):
        yield engine, begun


async def test_a_call_that_is_cancelled_is_counted_with_what_it_had_used(
    home: Home, journal: SqliteJournal
) -> None:
    async with silent_model(home, journal=journal) as (engine, begun):
        run_id = await start(engine, "ask")
        await begun.wait()
        (held,) = await journal.spending.holds()
        assert (held["run_id"], held["step_id"], held["tree"]) == (run_id, "work/0/model", run_id)
        await engine.runs.cancel(run_id, mode=CancelMode.NOW, actor=ANN)
        run = await rest(engine, run_id)
        assert run.status is RunStatus.CANCELLED
        (usage,) = await usages(engine, run_id)
        assert (usage.payload["partial"], usage.payload["estimated"]) == (True, True)
        assert 0 < usage.payload["cost"] < held["amount"]
        assert run.cost == usage.payload["cost"]
        assert await journal.spending.holds() == []


@pytest.mark.parametrize(("join", "tool_name"), [("all", "fake.fail"), ("any", "fake.give")])
async def test_a_call_that_others_make_needless_is_counted_also_when_the_run_has_ended(
    home: Home, join: str, tool_name: str
) -> None:
    async with silent_model(home) as (engine, begun):
        branches = [[agent(tools=(), max_tokens=BOUND)], [approval("ok"), tool("quick", tool_name)]]
        home.flow("race", {"id": "both", "type": "parallel", "join": join, "branches": branches})
        run_id = await start(engine, "race")
        await begun.wait()

        async def approved() -> bool:
            cards = (await engine.requests.approvals(run_id=run_id)).items
            for card in cards:
                await engine.requests.approve(card.approval_id, actor=ANN, digest=card.digest)
            return bool(cards)

        async def counted() -> bool:
            return bool(await usages(engine, run_id))

        await until(approved)
        await until(counted)
        (usage,) = await usages(engine, run_id)
        assert (await rest(engine, run_id)).cost == usage.payload["cost"] > 0


async def on_file(home: Home, statement: str) -> list[Any]:
    """As another process on the journal does it."""

    def run() -> list[Any]:
        with closing(sqlite3.connect(home.root / "data" / "journal.db")) as database, database:
            return database.execute(statement).fetchall()

    return await asyncio.to_thread(run)


async def test_calls_that_were_stopped_with_their_worker_count_when_their_run_goes_on(home: Home) -> None:
    """Those of a worker that ended in peace with what they had used, those of a dead one with the most."""
    amounts = "SELECT run_id, amount FROM holds ORDER BY run_id"
    async with silent_model(home, drain_seconds=0.0) as (engine, _):
        run_id, other = sorted([await start(engine, "ask"), await start(engine, "ask")])

        async def both_asked() -> bool:
            return len(await on_file(home, amounts)) == 2

        await until(both_asked)
        most = dict(await on_file(home, amounts))
    left = dict(await on_file(home, amounts))
    assert 0 < left[run_id] < most[run_id]
    dead = f"SET amount = {most[other]}, boot_id = 'earlier' WHERE run_id = '{other}'"
    await on_file(home, f"UPDATE holds {dead}")
    async with asking(home, budget()) as (engine, _):
        for each, cost in ((run_id, left[run_id]), (other, most[other])):
            run = await rest(engine, each, expect=RunStatus.COMPLETED)
            lost, _ = [one.payload for one in await usages(engine, each)]
            assert (lost["cost"], lost["lost"], lost["model"]) == (cost, True, "served")
            assert run.cost == cost + ANSWER
        assert await on_file(home, amounts) == []
        (row,) = (await engine.budget.spending()).rows
        assert row.sum.cost == left[run_id] + most[other] + 2 * ANSWER


async def test_a_call_without_a_price_that_ends_with_its_worker_counts_as_one_of_unknown_cost(
    home: Home,
) -> None:
    async with silent_model(home, drain_seconds=0.0, budget=BudgetSettings()) as (engine, begun):
        run_id = await start(engine, "ask")
        await begun.wait()
        caps = await engine.budget.caps()
        assert (caps.held, caps.held_calls) == (0, 0)
    async with asking(home, BudgetSettings()) as (engine, _):
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        lost, _ = [one.payload for one in await usages(engine, run_id)]
        assert ("cost" in lost, lost["lost"], lost["input"] > 0) == (False, True, True)
        (row,) = (await engine.budget.spending()).rows
        assert (row.sum.cost, row.sum.calls, row.sum.unpriced) == (0, 2, 2)
        assert row.sum.input_tokens > lost["input"]


@pytest.mark.parametrize(
    ("boot", "ago", "counts"), [("", 0, True), ("", 10**12, False), ("earlier", 0, False)]
)
async def test_what_nobody_can_be_making_any_more_is_not_told_as_held(
    home: Home, boot: str, ago: int, counts: bool
) -> None:
    cap = {"scope": "pack", "of": "demo", "window": "total", "hard": 5}
    async with asking(home, budget(cap)) as (engine, _):
        ends = SystemClock().uptime() + 10**11 - ago
        made = boot or await asyncio.to_thread(boot_id)
        row = f"'hold_1', 'run_1', 'work/0/model', 'default', 'demo', 'served', 'run_1', 10, '{made}', {ends}"
        await on_file(home, f"INSERT INTO holds VALUES ({row}, 'null', 0, 0, 0, 0, 1)")
        caps = await engine.for_(ANN, tenant="default").budget.caps()
        (one,) = caps.caps
        assert (caps.held, caps.held_calls, one.held, one.held_calls) == (
            (10, 1) * 2 if counts else (0, 0) * 2
        )
        assert one.left == 5 * 10**9 - one.held


async def test_a_call_that_waits_for_what_a_dead_one_holds_says_so(home: Home) -> None:
    home.flow("ask", agent(tools=(), max_tokens=BOUND))
    async with asking(home, budget()) as (engine, _):
        (usage,) = await usages(engine, (await finished(engine, "ask")).run_id)
    most = (usage.payload["sent"] + 64) * 3_000 + BOUND * 15_000
    boot = await asyncio.to_thread(boot_id)
    dead = (
        f"'hold_dead', 'run_dead', 'work/0/model', 'default', 'demo', 'served', 'run_dead', {most}, '{boot}'"
    )
    await on_file(home, f"INSERT INTO holds VALUES ({dead}, {2**60}, '[]', 0, 0, 0, 0, 1)")
    cap = {"scope": "pack", "of": "demo", "window": "total", "hard": f"{(ANSWER + most * 1.5) / 10**9:.9f}"}
    async with asking(home, budget(cap)) as (engine, _):
        run_id = await start(engine, "ask")

        async def told() -> list[str]:
            return [line.text for line in (await engine.runs.output(run_id)).lines if line.stream == "err"]

        async def waits() -> bool:
            return bool(await told())

        await until(waits)
        (words,) = await told()
        assert words.startswith("waits for money: the cap of pack demo is $")
        assert "whose process died" in words
        run = await engine.runs.summary(run_id)
        assert run.waiting_for is not None
        assert run.waiting_for.text == "money that other calls hold, below the cap of pack demo"
        mine = engine.for_(ANN, tenant="default").budget
        await mine.top_up(CapOf(CapScope.PACK, "demo", TOTAL), 10**9, comment="rush", actor=ANN)

        async def goes_on() -> bool:
            return (await engine.runs.summary(run_id)).waiting_for is None

        await until(goes_on)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)


async def test_a_server_that_tells_more_than_was_allowed_is_counted_with_what_it_tells(home: Home) -> None:
    async def more(write: Write) -> None:
        choice = {"index": 0, "delta": {"content": "Done."}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 10**6, "completion_tokens": 10**6}
        await write(head() + sse({"id": "1", "model": "m", "choices": [choice], "usage": usage}, "[DONE]"))

    home.flow("ask", agent(tools=(), max_tokens=BOUND))
    settings = budget({"scope": "tenant", "window": "day", "hard": 1})
    async with (
        serving(more) as server,
        home.working(models=models_at(server.url), budget=settings) as engine,
    ):
        run = await finished(engine, "ask")
        (usage,) = await usages(engine, run.run_id)
        assert usage.payload["over"] is True
        (view,) = (await engine.budget.caps()).caps
        assert (view.spent, view.left, view.state) == (18 * 10**9, 0, CapState.HARD)
        assert (await failed(engine, "ask")).error is not None


async def test_a_number_of_tokens_that_no_answer_has_is_counted_and_stalls_no_run(home: Home) -> None:
    async def absurd(write: Write) -> None:
        choice = {"index": 0, "delta": {"content": "Done."}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 10**30, "completion_tokens": 10**18}
        await write(head() + sse({"id": "1", "model": "m", "choices": [choice], "usage": usage}, "[DONE]"))

    home.flow("ask", agent(tools=(), max_tokens=BOUND))
    async with (
        serving(absurd) as server,
        home.working(models=models_at(server.url), budget=budget()) as engine,
    ):
        run = await finished(engine, "ask")
        (usage,) = await usages(engine, run.run_id)
        assert (usage.payload["input"], usage.payload["output"]) == (10**8, 10**8)


async def test_a_server_that_tells_no_usage_is_counted_with_an_estimate(home: Home) -> None:
    async def silent_about_it(write: Write) -> None:
        choice = {"index": 0, "delta": {"content": "Done."}, "finish_reason": "stop"}
        await write(head() + sse({"id": "1", "model": "m", "choices": [choice]}, "[DONE]"))

    home.flow("ask", agent(tools=(), max_tokens=BOUND))
    async with (
        serving(silent_about_it) as server,
        home.working(models=models_at(server.url), budget=budget()) as engine,
    ):
        run = await finished(engine, "ask")
        assert run.cost > 0
        spent = await engine.budget.of_run(run.run_id)
        assert (spent.estimated, spent.cost) == (1, run.cost)


@pytest.mark.parametrize("told", [0, -5, 1.5, "7", True, None])
async def test_a_server_that_tells_what_is_no_number_of_tokens_makes_no_call_free(
    home: Home, told: object
) -> None:
    async def lying(write: Write) -> None:
        choice = {"index": 0, "delta": {"content": "Done."}, "finish_reason": "stop"}
        usage = {"prompt_tokens": told, "completion_tokens": told}
        await write(head() + sse({"id": "1", "model": "m", "choices": [choice], "usage": usage}, "[DONE]"))

    home.flow("ask", agent(tools=(), max_tokens=BOUND))
    async with (
        serving(lying) as server,
        home.working(models=models_at(server.url), budget=budget(), journal=MemoryJournal()) as engine,
    ):
        spent = await engine.budget.of_run((await finished(engine, "ask")).run_id)
        assert spent.estimated == 1
        assert spent.cost > 0
        assert spent.input_tokens > 0
        assert spent.output_tokens > 0
