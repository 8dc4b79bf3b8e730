"""What a flow may do by itself: with suggest_only whatever does not only read is asked for, with semi_auto
what a model chose and is of high risk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.contracts.status import Effects, Risk, RunStatus
from engine.contracts.tool import ToolSpec
from engine.errors import Refused
from engine.governance.policies import Policies
from tests.engine.runtime.agents_at_work import agent, call, says
from tests.engine.runtime.embedded_home import (
    ANN,
    Home,
    approval,
    error_of,
    pending_approval,
    rest,
    start,
    tool,
    until,
)

if TYPE_CHECKING:
    from typing import Any

    from engine.facade.engine import Engine
    from engine.tools.context import ToolContext


def reading(home: Home) -> None:
    """A tool that only reads."""

    async def read(params: dict[str, Any], _context: ToolContext) -> Any:
        return {"read": params["name"]}

    home.tools.registry.register(ToolSpec(name="fake.read", effects=Effects.NONE), read)


async def test_suggest_only_asks_before_every_call_that_does_not_only_read(home: Home) -> None:
    reading(home)
    home.flow(
        "careful",
        tool("look", "fake.read", params={"name": "x"}),
        tool("act", params={"text": "{{ steps.look.output.read }}"}, name="Act on it"),
        autonomy_level="suggest_only",
    )
    async with home.working() as engine:
        run_id = await start(engine, "careful")
        card = await pending_approval(engine, run_id)
        assert (card.step_id, card.title, card.autonomy_level) == ("act", "Act on it", "suggest_only")
        assert card.action is not None
        assert (card.action.target, card.action.params) == ("fake.echo", {"text": "x"})
        assert "suggest_only" in card.message
        assert home.tools.calls == []
        await engine.requests.approve(card.approval_id, actor=ANN, digest=card.digest)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
    assert home.tools.calls == [("act", {"text": "x"})]


async def test_the_level_shows_in_runs_and_lists_also_of_runs_below_and_of_refused_ones(home: Home) -> None:
    home.flow("child", tool("a", params={"n": 1}), autonomy_level="suggest_only")
    home.flow("usual", {"id": "below", "type": "subflow", "subflow": "child"})
    home.flow("free", tool("a"), autonomy_level="full_auto")
    async with home.working() as engine:
        run_id = await start(engine, "usual")
        await until(lambda: waits_below(engine))
        with pytest.raises(Refused):
            await start(engine, "free")
        listed = {run.flow: run.autonomy_level for run in (await engine.runs.list()).items}
        assert listed == {"usual": "semi_auto", "child": "suggest_only", "free": "full_auto"}
        assert (await engine.runs.summary(run_id)).autonomy_level == "semi_auto"


async def waits_below(engine: Engine) -> bool:
    return bool((await engine.requests.approvals()).items)


async def test_what_is_rejected_is_not_called(home: Home) -> None:
    home.flow("careful", tool("act", params={"n": 1}), autonomy_level="suggest_only")
    async with home.working() as engine:
        run_id = await start(engine, "careful")
        card = await pending_approval(engine, run_id)
        await engine.requests.reject(card.approval_id, actor=ANN, comment="no")
        await rest(engine, run_id, expect=RunStatus.FAILED)
        assert (await error_of(engine, run_id))[0] == "approval_rejected"
    assert home.tools.calls == []


async def test_a_call_that_its_flow_gates_is_asked_for_once(home: Home) -> None:
    home.flow("gated", approval("ask"), tool("act", params={"n": 1}), autonomy_level="suggest_only")
    async with home.working() as engine:
        run_id = await start(engine, "gated")
        card = await pending_approval(engine, run_id)
        assert card.step_id == "ask"
        await engine.requests.approve(card.approval_id, actor=ANN)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert len((await engine.requests.approvals(status=None, run_id=run_id)).items) == 1


async def test_other_flows_call_by_themselves(home: Home) -> None:
    home.flow("free", tool("act", params={"n": 1}))
    async with home.working() as engine:
        await rest(engine, await start(engine, "free"), expect=RunStatus.COMPLETED)


def acting(home: Home, risk: Risk) -> None:
    """A tool that acts, with that risk."""

    async def act(params: dict[str, Any], _context: ToolContext) -> Any:
        home.tools.calls.append(("fake.act", params))
        return {"done": True}

    home.tools.registry.register(ToolSpec(name="fake.act", risk=risk), act)


async def test_what_a_model_chose_and_is_of_high_risk_asks_a_person_and_nothing_else_does(home: Home) -> None:
    acting(home, Risk.HIGH)
    asked = agent(says("", call("fake.act", n=1), call(n=2)), says("Done."), tools=("fake.act", "fake.echo"))
    home.flow("ask", tool("written", "fake.act", params={"n": 0}), asked)
    async with home.working() as engine:
        run_id = await start(engine, "ask")
        card = await pending_approval(engine, run_id)
        assert (card.step_id, card.risk) == ("work/0/calls/0/call", Risk.HIGH)
        assert card.message == "a model chose to call fake.act, whose risk is high"
        await engine.requests.approve(card.approval_id, actor=ANN, digest=card.digest)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        (decision,) = [one for one in await engine.runs.events(run_id) if one.kind == "governance.decision"]
        assert (decision.payload["reason"], decision.payload["rule"]) == ("tool_risk", "risk_level")
        assert decision.payload["details"] == {"tool": "fake.act", "risk": "high"}
    made = [params["n"] for _, params in home.tools.calls]
    assert (made[0], sorted(made)) == (0, [0, 1, 2])


@pytest.mark.parametrize(
    ("risk", "level", "policies"),
    [
        (Risk.MEDIUM, "semi_auto", Policies()),
        (Risk.CRITICAL, "full_auto", Policies(allow_full_autonomy=True)),
        (Risk.CRITICAL, "semi_auto", Policies(enforce=False)),
    ],
)
async def test_a_model_makes_calls_of_less_risk_and_with_more_autonomy_by_itself(
    home: Home, risk: Risk, level: str, policies: Policies
) -> None:
    acting(home, risk)
    asked = agent(says("", call("fake.act", n=1)), says("Done."), tools=("fake.act",))
    home.flow("ask", asked, autonomy_level=level)
    async with home.working(policies=policies) as engine:
        await rest(engine, await start(engine, "ask"), expect=RunStatus.COMPLETED)
    assert home.tools.calls == [("fake.act", {"n": 1})]
