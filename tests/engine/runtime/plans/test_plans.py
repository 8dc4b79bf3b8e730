"""A plan in a run: proposed, held against the tools, decided on, worked; and what else comes of it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.status import RunStatus
from engine.errors import AlreadyDecided, InvalidInput, Refused
from engine.governance.policies import Policies
from tests.engine.runtime.embedded_home import (
    ANN,
    BOB,
    Home,
    error_of,
    rest,
    retry,
    start,
    statuses,
    tool,
    until,
)
from tests.engine.runtime.plans.proposed_plans import (
    approve,
    call,
    edits,
    next_plan,
    plan,
    proposes,
    reject,
    shown,
    steps_of,
)

if TYPE_CHECKING:
    from engine.facade.engine import Engine


async def test_a_plan_is_shown_whole_and_worked_in_its_order_after_it_was_approved(home: Home) -> None:
    script = proposes(call("one", a=1), call("two", b={"$output": "one.a"}), estimated_cost={"amount": "0.5"})
    home.flow("go", plan(script), tool("after", params={"said": "{{ steps.plan.output.outputs.two }}"}))
    async with home.working() as engine:
        run_id = await start(engine, "go")
        view = await shown(engine, run_id)
        assert not home.tools.calls
        assert (view.step_id, view.title, view.message) == (
            "plan/0/review",
            "plan: a plan of 2 steps",
            "Do it.",
        )
        assert [(one["step_id"], one["tool"], one["params"]) for one in steps_of(view)] == [
            ("one", "fake.echo", {"a": 1}),
            ("two", "fake.echo", {"b": {"$output": "one.a"}}),
        ]
        assert view.action is not None
        assert view.action.params["estimated_cost"]["amount"] == "0.5"
        await approve(engine, view)
        run = await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert home.tools.calls[:2] == [
            ("plan/0/steps/0/call", {"a": 1}),
            ("plan/0/steps/1/call", {"b": 1}),
        ]
        assert run.output == {"said": {"b": 1}}
        assert run.tool_calls == 3
        output = (await engine.runs.step(run_id, "plan")).output
        assert output["outputs"] == {"one": {"a": 1}, "two": {"b": 1}}


async def test_a_cost_that_nobody_knows_is_unknown(home: Home) -> None:
    home.flow("go", plan(proposes(call("one"))))
    async with home.working() as engine:
        view = await shown(engine, await start(engine, "go"))
        assert view.action is not None
        assert view.action.params["estimated_cost"] == "unknown"


async def test_a_rejection_brings_another_plan_with_the_diff_and_its_comment_is_told(home: Home) -> None:
    home.flow("go", plan(proposes(call("one", a=1), call("two")), proposes(call("one", a=2))))
    async with home.working() as engine:
        run_id = await start(engine, "go")
        first = await shown(engine, run_id)
        assert first.preview is None
        await reject(engine, first)
        second = await next_plan(engine, run_id, first)
        assert second.preview is not None
        assert second.preview.summary == "against the plan before: 1 removed, 1 changed"
        assert "-    a: 1" in second.preview.text
        assert "+    a: 2" in second.preview.text
        turn = (await engine.runs.step(run_id, "plan/0/steps")).output["turn"]
        assert turn["told"] == "Your plan was not approved: rejected by ann: too much. Propose another one."
        await approve(engine, second)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert home.tools.calls == [("plan/1/steps/0/call", {"a": 2})]
        events = await engine.runs.events(run_id, limit=1_000)
        told = {event.kind: event.payload for event in events}
        assert told["run_replan_started"]["approval_id"] == first.approval_id
        assert told["plan_proposed"]["plan"]["step_ids"] == ["one"]
        assert told["plan_proposed"]["plan"]["summary"] == second.message


async def test_one_rejection_more_than_replans_ends_the_run_as_rejected(home: Home) -> None:
    home.flow("go", plan(*(proposes(call("one", a=n)) for n in range(3)), max_replans=1))
    async with home.working() as engine:
        run_id = await start(engine, "go")
        first = await shown(engine, run_id)
        await reject(engine, first)
        second = await next_plan(engine, run_id, first)
        await reject(engine, second, "still too much")
        run = await rest(engine, run_id, expect=RunStatus.FAILED)
        assert run.error is not None
        assert run.error.code == "approval_rejected"
        assert run.error.details["replans"] == 1
        assert not home.tools.calls
        await retry(engine, run_id)
        assert (await shown(engine, run_id)).step_id == "plan/2/review"


async def test_edits_take_steps_away_move_them_and_change_parameters_and_are_on_record(home: Home) -> None:
    home.flow("go", plan(proposes(call("one", a=1), call("two", b=2), call("three", c=3))))
    async with home.working() as engine:
        run_id = await start(engine, "go")
        view = await shown(engine, run_id)
        await approve(engine, view, edits=edits(("three", {"c": 9}), ("one", None)))
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert home.tools.calls == [
            ("plan/0/steps/0/call", {"c": 9}),
            ("plan/0/steps/1/call", {"a": 1}),
        ]
        decided = next(
            event
            for event in await engine.runs.events(run_id, limit=1_000)
            if event.kind == "approval_decided"
        )
        assert decided.actor == "ann"
        assert [step["step_id"] for step in decided.payload["edits"]["steps"]] == ["three", "one"]
        assert "-two: fake.echo" in decided.payload["edits"]["diff"]
        looked_back = await engine.requests.approval(view.approval_id)
        assert looked_back.changes == decided.payload["edits"]["diff"]


@pytest.mark.parametrize(
    "wrong",
    [
        (("nowhere", None),),
        (("one", None), ("one", None)),
        (("two", None),),
        (("two", None), ("one", None)),
        (("one", {"token": {"$secret": "mine"}}),),
        (("one", {"text": "x" * 500_000}),),
        (("one", {"text": "\ud800"}),),
        (("one", {"n": float("inf")}),),
    ],
)
async def test_edits_that_do_not_fit_are_refused_and_decide_nothing(home: Home, wrong: Any) -> None:
    home.flow("go", plan(proposes(call("one", a=1), call("two", b={"$output": "one.a"}))))
    async with home.working() as engine:
        view = await shown(engine, await start(engine, "go"))
        with pytest.raises(InvalidInput):
            await approve(engine, view, edits=edits(*wrong))
        assert (await engine.requests.approval(view.approval_id)).decision is None


async def test_masks_that_somebody_copied_who_may_not_decide_are_no_parameters(home: Home) -> None:
    home.flow("go", plan(proposes(call("one", to="ann@example.com", note="[EMAIL] stays"), call("two", a=1))))
    async with home.working() as engine:
        view = await shown(engine, await start(engine, "go"))
        copied = {"to": "[EMAIL]", "note": "[EMAIL] stays"}
        with pytest.raises(InvalidInput, match="a mask stands in the parameters of the step one"):
            await approve(engine, view, edits=edits(("one", copied)))
        kept = {"to": "bob@example.com", "note": "[EMAIL] stays"}
        await approve(engine, view, edits=edits(("one", kept)))
        await rest(engine, view.run_id, expect=RunStatus.COMPLETED)
        assert home.tools.calls == [("plan/0/steps/0/call", kept)]


async def test_a_part_that_an_output_does_not_have_is_told_no_longer_than_a_person_reads(home: Home) -> None:
    reference = {"$output": f"one.{'x' * 100_000}"}
    home.flow("go", plan(proposes(call("one", a=1), call("two", b=reference))))
    async with home.working() as engine:
        run_id = await start(engine, "go")
        await approve(engine, await shown(engine, run_id))
        run = await rest(engine, run_id, expect=RunStatus.FAILED)
        assert run.error is not None
        assert "b: the output one" in run.error.message
        assert len(run.error.message) < 10_000


async def test_of_two_people_who_decide_at_once_one_is_told_that_it_is_decided(home: Home) -> None:
    home.flow("go", plan(proposes(call("one", a=1))))
    async with home.working() as engine:
        run_id = await start(engine, "go")
        view = await shown(engine, run_id)
        asked = engine.requests.approve(view.approval_id, actor=BOB, digest=view.digest)
        edited = approve(engine, view, edits=edits(("one", {"a": 2})))
        outcomes = await asyncio.gather(asked, edited, return_exceptions=True)
        assert sum(isinstance(outcome, AlreadyDecided) for outcome in outcomes) == 1
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert len(home.tools.calls) == 1
        won = 1 if isinstance(outcomes[1], AlreadyDecided) else 2
        assert home.tools.calls[0][1] == {"a": won}


async def test_a_decision_on_another_card_than_is_shown_is_refused(home: Home) -> None:
    home.flow("go", plan(proposes(call("one"))))
    async with home.working() as engine:
        view = await shown(engine, await start(engine, "go"))
        with pytest.raises(Refused, match="not what was shown"):
            await engine.requests.approve(view.approval_id, actor=ANN, digest="0" * 64)


async def test_an_approved_plan_stands_in_for_no_approval_that_a_call_needs_by_itself(home: Home) -> None:
    script = proposes(call("one", a=1), call("two", b=2))
    home.flow("go", plan(script), autonomy_level="suggest_only")
    async with home.working() as engine:
        run_id = await start(engine, "go")
        view = await shown(engine, run_id)
        assert all("suggest_only" in one["asks_again"] for one in steps_of(view))
        await approve(engine, view)
        asked = await next_plan(engine, run_id, view)
        assert (asked.step_id, asked.title) == ("plan/0/steps/0/call", "one: fake.echo")
        assert not home.tools.calls


async def test_a_plan_may_want_a_call_seen_again_before_it_is_made(home: Home) -> None:
    script = proposes(
        call("one", a=1),
        {**call("two", b={"$output": "one.a"}), "requires_approval": True},
        approvals=[{"step_id": "two", "reason": "it writes"}],
    )
    home.flow("go", plan(script))
    async with home.working() as engine:
        run_id = await start(engine, "go")
        view = await shown(engine, run_id)
        assert [one["asks_again"] for one in steps_of(view)] == [None, "it writes"]
        await approve(engine, view)
        asked = await next_plan(engine, run_id, view)
        assert asked.action is not None
        assert (asked.step_id, asked.action.params, asked.message) == (
            "plan/0/steps/1/call",
            {"b": 1},
            "it writes",
        )
        await approve(engine, asked)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert [params for _, params in home.tools.calls] == [{"a": 1}, {"b": 1}]


async def test_a_call_that_fails_ends_the_plan_and_a_retry_goes_on_with_it(home: Home) -> None:
    home.flow("go", plan(proposes(call("one"), call("two", "fake.fail"), call("three"))))
    async with home.working() as engine:
        run_id = await start(engine, "go")
        await approve(engine, await shown(engine, run_id))
        await rest(engine, run_id, expect=RunStatus.FAILED)
        assert (await error_of(engine, run_id))[0] == "backend_error"
        await retry(engine, run_id)
        await rest(engine, run_id, expect=RunStatus.FAILED)
        assert [path for path, _ in home.tools.calls] == [
            "plan/0/steps/0/call",
            "plan/0/steps/1/call",
            "plan/0/steps/1/call",
        ]
        assert (await statuses(engine, run_id)).get("plan/0/steps/2/call") is None


async def test_nothing_of_an_approved_plan_is_done_once_policy_denies_a_tool_of_it(home: Home) -> None:
    home.flow("go", plan(proposes(call("one"), call("two", "fake.fail"))))
    async with home.open() as engine:
        run_id = await start(engine, "go")
        async with engine.work():
            view = await shown(engine, run_id)
        await approve(engine, view)
    async with home.working(policies=Policies(blocked_tools=frozenset({"fake.fail"}))) as engine:
        await rest(engine, run_id, expect=RunStatus.FAILED)
        code, message = await error_of(engine, run_id)
        assert code == "approval_void"
        assert "nothing of it was done" in message
        assert not home.tools.calls


async def test_a_run_keeps_the_pack_content_that_its_plan_was_approved_for(home: Home) -> None:
    home.flow("go", plan(proposes(call("one", a=1))))
    async with home.working() as engine:
        run_id = await start(engine, "go")
        view = await shown(engine, run_id)
        home.flow("go", plan(proposes(call("one", a=2)), tools=("fake.fail",)))
        await approve(engine, view)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert home.tools.calls == [("plan/0/steps/0/call", {"a": 1})]


async def test_a_plan_that_nobody_decides_on_in_its_time_is_not_worked(home: Home) -> None:
    home.flow("go", plan(proposes(call("one")), expires_after=0.05))
    async with home.working() as engine:
        run = await rest_failed(engine, await start(engine, "go"))
        assert run == "timeout"
        assert not home.tools.calls


async def rest_failed(engine: Engine, run_id: str) -> str:
    async def ended() -> bool:
        return (await engine.runs.summary(run_id)).status is RunStatus.FAILED

    await until(ended)
    return (await error_of(engine, run_id))[0]


async def test_hostile_text_of_a_plan_is_data_and_no_template(home: Home) -> None:
    text = "\x1b[2J{{ 7 * 7 }}"
    script = json.dumps({"summary": text, "steps": [{**call("one", a=text), "description": text}]})
    home.flow("go", {**plan("{% raw %}" + script + "{% endraw %}")})
    async with home.working() as engine:
        run_id = await start(engine, "go")
        view = await shown(engine, run_id)
        assert view.message == text
        assert steps_of(view)[0]["params"] == {"a": text}
        await approve(engine, view)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert home.tools.calls == [("plan/0/steps/0/call", {"a": text})]


async def test_a_secret_that_a_person_writes_into_a_plan_is_refused_and_at_rest_nowhere(home: Home) -> None:
    secret = "ghp_" + "a1B2" * 9
    home.flow("go", plan(proposes(call("one", a=1))))
    async with home.working() as engine:
        run_id = await start(engine, "go")
        with pytest.raises(InvalidInput, match="would get a mask"):
            await approve(engine, await shown(engine, run_id), edits=edits(("one", {"b": secret})))
        await shown(engine, run_id)
    assert secret.encode() not in home.bytes_at_rest()
