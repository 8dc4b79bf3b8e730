"""What a decision is told of money: what the run has cost, will cost, and what is left for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.actor import Actor, Operator, Role
from engine.contracts.governing.budget import CapScope, CapWindow, SpendSum
from engine.contracts.governing.outlook import SpendOutlook
from engine.errors import NotFound
from tests.engine.models.loopback import serving
from tests.engine.runtime.agents_at_work import agent, models_at
from tests.engine.runtime.embedded_home import ANN, approval, pending_approval, rest, start, tool
from tests.engine.runtime.money.test_caps import BOUND, answer, budget
from tests.engine.runtime.money.test_spending import ANSWER

if TYPE_CHECKING:
    from engine.facade.engine import Engine
    from tests.engine.runtime.embedded_home import Home


async def asked(engine: Engine, flow: str = "work") -> tuple[str, str]:
    """A run that waits for its approval: the run, and the approval."""
    run_id = await start(engine, flow)
    return run_id, (await pending_approval(engine, run_id)).approval_id


def flows(home: Home) -> None:
    first, second = ({**agent(tools=(), max_tokens=BOUND), "id": name} for name in ("plan", "act"))
    home.flow("below", agent(tools=(), max_tokens=BOUND))
    home.flow(
        "work", first, approval(gates="none"), second, {"id": "child", "type": "subflow", "subflow": "below"}
    )


async def test_it_is_learned_from_completed_runs_that_went_through_the_step(home: Home) -> None:
    flows(home)
    caps: tuple[dict[str, Any], ...] = (
        {"scope": "tenant", "window": "month", "hard": 100},
        {"scope": "run", "hard": 1},
    )
    async with (
        serving(answer) as server,
        home.working(models=models_at(server.url), budget=budget(*caps)) as engine,
    ):
        for done in range(5):
            run_id, approval_id = await asked(engine)
            outlook = await engine.budget.outlook(run_id, "ask")
            assert (outlook.runs, outlook.to_finish) == (done, None)
            assert "to finish unknown" in outlook.words
            await engine.requests.approve(approval_id, actor=ANN)
            assert (await rest(engine, run_id)).error is None
        run_id, _ = await asked(engine)
        outlook = await engine.budget.outlook(run_id, "ask")
        assert (outlook.spent.cost, outlook.runs) == (ANSWER, 5)
        assert (outlook.to_finish, outlook.to_finish_most) == (2 * ANSWER, 2 * ANSWER)
        assert outlook.tightest is not None
        assert (outlook.tightest.scope, outlook.tightest.window) == (CapScope.RUN, CapWindow.TOTAL)
        assert outlook.tightest.left == 10**9 - ANSWER
        assert outlook.words == "cost so far <$0.01, to finish about <$0.01, $1.00 left of the run"
        elsewhere = await engine.budget.outlook(run_id, "nowhere")
        assert (elsewhere.runs, elsewhere.to_finish) == (0, None)


async def test_a_run_of_unknown_cost_says_nothing_about_the_next_one(home: Home) -> None:
    flows(home)
    async with (
        serving(answer) as server,
        home.working(models=models_at(server.url), budget=budget(prices={})) as engine,
    ):
        for _ in range(5):
            run_id, approval_id = await asked(engine)
            await engine.requests.approve(approval_id, actor=ANN)
            await rest(engine, run_id)
        run_id, _ = await asked(engine)
        outlook = await engine.budget.outlook(run_id, "ask")
        assert (outlook.runs, outlook.to_finish, outlook.tightest) == (5, None, None)
        assert outlook.words == "cost so far 1 call of unknown cost, to finish unknown"


@pytest.mark.parametrize("cap", [{"scope": "pack", "of": "demo", "window": "month"}, {"scope": "run"}])
async def test_the_tightest_cap_tells_the_calls_that_are_not_in_it(home: Home, cap: dict[str, Any]) -> None:
    flows(home)
    settings = budget({**cap, "hard": 100}, prices={}, unpriced="allow")
    async with (
        serving(answer) as server,
        home.working(models=models_at(server.url), budget=settings) as engine,
    ):
        run_id, _ = await asked(engine)
        tightest = (await engine.budget.outlook(run_id, "ask")).tightest
        assert tightest is not None
        assert (tightest.scope, tightest.spent, tightest.unpriced) == (cap["scope"], 0, 1)


async def test_nobody_sees_the_money_of_another_tenant(home: Home) -> None:
    home.flow("work", approval())
    operators = {"far": Operator(tenants=("other",), roles=frozenset({Role.ADMIN}))}
    far = Actor(name="far", account="far")
    async with home.working(operators=operators) as engine:
        run_id, _ = await asked(engine)
        with pytest.raises(NotFound):
            await engine.for_(far).budget.outlook(run_id, "ask")


async def test_of_a_flow_that_asks_no_model_nothing_is_told_though_a_cap_holds(home: Home) -> None:
    home.flow("work", approval(gates="none"), tool("said"))
    caps: tuple[dict[str, Any], ...] = ({"scope": "run", "hard": 1},)
    async with home.working(budget=budget(*caps)) as engine:
        run_id, _ = await asked(engine)
        outlook = await engine.budget.outlook(run_id, "ask")
        assert (outlook.to_finish, outlook.to_finish_most, outlook.words) == (0, 0, "")
        assert outlook.tightest is not None


def test_a_run_that_asks_no_model_has_nothing_to_say() -> None:
    assert SpendOutlook(spent=SpendSum(), runs=7, to_finish=0, to_finish_most=0).words == ""
    assert SpendOutlook(spent=SpendSum(), runs=0).words == ""
