"""A plan may say where its flow goes on: forward only, and past no approval of what runs then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.status import RunStatus
from engine.runtime.plans.onward import Onward
from engine.runtime.plans.reading import Bounds, plan_faults, read_plan
from tests.engine.runtime.embedded_home import Home, approval, rest, start, statuses, tool
from tests.engine.runtime.plans.proposed_plans import approve, call, next_plan, plan, proposes, shown
from tests.engine.runtime.plans.test_reading_plans import fits, refused, written

if TYPE_CHECKING:
    from engine.facade.engine import Engine

FLOW = Onward(("before", "plan", "look", "ask", "act", "end"), 1, {"act": "ask"})


def faults(**named: Any) -> list[str]:
    found = read_plan(written(call("a", "note"), **named), 5)
    return list(plan_faults(found, Bounds(["note"], 5, refused, fits, FLOW)))


@pytest.mark.parametrize(
    ("named", "target", "left_out"),
    [
        ({}, None, []),
        ({"start_at": "look"}, "look", []),
        ({"start_step_id": "ask"}, "ask", ["look"]),
        ({"start_from": "ask"}, "ask", ["look"]),
        ({"start_step": "ask"}, "ask", ["look"]),
        ({"start_index": 3}, "ask", ["look"]),
        ({"start_index": 2, "start_at": "gone"}, "look", []),
        ({"start_at": "end"}, "end", ["look", "ask", "act"]),
        ({"start_index": 6}, "done", ["look", "ask", "act", "end"]),
    ],
)
def test_a_step_behind_the_plan_is_named_by_its_id_or_its_number(
    named: dict[str, Any], target: str | None, left_out: list[str]
) -> None:
    assert faults(**named) == []
    found = read_plan(written(call("a", "note"), **named), 5)
    assert (FLOW.goes_on_with(found), FLOW.left_out(found)) == (target, left_out)


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ({"start_at": "gone"}, "cannot go on with gone: the steps behind this plan are: look, ask, act, end"),
        ({"start_at": "before"}, "cannot go on with before"),
        ({"start_at": "plan"}, "cannot go on with plan"),
        ({"start_index": 0}, "cannot go on with step 0"),
        ({"start_index": 7}, "cannot go on with step 7"),
        ({"start_at": "act"}, "cannot go on past ask, which a person approves act with"),
    ],
)
def test_backward_unknown_and_past_an_approval_are_told_to_the_model(
    named: dict[str, Any], words: str
) -> None:
    (fault,) = faults(**named)
    assert words in fault


def test_an_approval_of_a_step_further_behind_is_not_passed_over_either() -> None:
    flow = Onward(("plan", "ask", "look", "act"), 0, {"act": "ask"})
    found = read_plan(written(call("a", "note"), start_at="look"), 5)
    assert list(flow.faults(found)) == ["the flow cannot go on past ask, which a person approves act with"]


async def worked(engine: Engine, run_id: str) -> dict[str, str]:
    view = await shown(engine, run_id)
    await approve(engine, view)
    await rest(engine, run_id, expect=RunStatus.COMPLETED)
    return await statuses(engine, run_id)


async def test_the_flow_goes_on_where_the_approved_plan_says_and_the_card_shows_it(home: Home) -> None:
    home.flow("do", plan(proposes(call("a"), start_at="last")), tool("skipped"), tool("last"))
    async with home.working() as engine:
        run_id = await start(engine, "do")
        view = await shown(engine, run_id)
        assert view.action is not None
        params = view.action.params
        assert (params["goes_on_with"], params["left_out"]) == ("last", ["skipped"])
        found = await worked(engine, run_id)
        assert found["last"] == "COMPLETED"
        assert "skipped" not in found
        plan_output = (await engine.runs.step(run_id, "plan")).output
        assert plan_output["goes_on_with"] == "last"


async def test_a_plan_that_would_pass_an_approval_is_shown_to_nobody(home: Home) -> None:
    home.flow(
        "do",
        plan(proposes(call("a"), start_at="act"), proposes(call("a"), start_index=1)),
        approval("ask"),
        tool("act"),
    )
    async with home.working() as engine:
        run_id = await start(engine, "do")
        view = await shown(engine, run_id)
        assert view.step_id == "plan/1/review"
        await approve(engine, view)
        assert (await next_plan(engine, run_id, view)).step_id == "ask"


async def test_the_end_of_the_flow_is_a_place_to_go_on_with_too(home: Home) -> None:
    home.flow("do", plan(proposes(call("a"), start_index=2)), tool("skipped"))
    async with home.working() as engine:
        assert "skipped" not in await worked(engine, await start(engine, "do"))
