"""A rejected approval behind a plan brings another plan: what its model is told, and what people see."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from engine.contracts.layers.hook import Hook
from engine.contracts.status import RunStatus
from engine.governance.policies import Policies
from tests.engine.models.loopback import head, serving
from tests.engine.runtime.agents_at_work import answering_in_turn, models_at, spoken
from tests.engine.runtime.embedded_home import Home, approval, rest, retry, start, statuses, tool
from tests.engine.runtime.plans.proposed_plans import approve, call, next_plan, plan, proposes, reject, shown

if TYPE_CHECKING:
    from engine.contracts.runs.request import ApprovalView
    from engine.facade.engine import Engine

ONE, TWO = proposes(call("one", a=1)), proposes(call("one", a=2))


def gated(home: Home, **fields: Any) -> None:
    home.flow("go", plan(ONE, TWO, **fields), tool("check"), approval("ask"), tool("after"))


async def worked(engine: Engine, run_id: str, view: ApprovalView) -> ApprovalView:
    """The plan that is shown is approved; the approval behind it."""
    await approve(engine, view)
    return await next_plan(engine, run_id, view)


async def test_another_plan_is_shown_with_its_diff_and_then_the_steps_behind_it_run_again(home: Home) -> None:
    gated(home)
    async with home.working() as engine:
        run_id = await start(engine, "go")
        behind = await worked(engine, run_id, await shown(engine, run_id))
        assert behind.step_id == "ask"
        await reject(engine, behind)
        second = await next_plan(engine, run_id, behind)
        assert second.step_id == "plan~2/0/review"
        assert second.preview is not None
        assert second.preview.summary == "against the plan before: 1 changed"
        last = await worked(engine, run_id, second)
        assert last.step_id == "ask~2"
        await approve(engine, last)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        found = await statuses(engine, run_id)
        assert (found["ask"], found["check~2"], found["after"]) == ("FAILED", "COMPLETED", "COMPLETED")
        assert [params for path, params in home.tools.calls if path.startswith("plan")] == [
            {"a": 1},
            {"a": 2},
        ]
        (noted,) = [
            one for one in await engine.runs.events(run_id, limit=1_000) if one.kind == "run_replan_started"
        ]
        assert (noted.step_id, noted.payload["approval_id"]) == ("plan", behind.approval_id)


async def test_one_rejection_too_many_is_the_end_and_a_retry_asks_for_the_approval_again(home: Home) -> None:
    gated(home, max_replans=0)
    async with home.working() as engine:
        run_id = await start(engine, "go")
        behind = await worked(engine, run_id, await shown(engine, run_id))
        await reject(engine, behind)
        run = await rest(engine, run_id, expect=RunStatus.FAILED)
        assert run.error is not None
        assert (run.error.code, run.error.step_id, run.error.details["replans"]) == (
            "approval_rejected",
            "ask",
            0,
        )
        await retry(engine, run_id)
        assert (await next_plan(engine, run_id, behind)).step_id == "ask"


async def test_a_model_is_told_the_plan_what_it_brought_and_who_said_no_also_by_another_worker(
    home: Home,
) -> None:
    gated(home)
    answers = answering_in_turn(
        spoken(json.dumps(proposes(call("one", text="{{ 7 * 7 }}")))),
        head(400),
        spoken(json.dumps(TWO)),
    )
    async with serving(answers) as server:
        models = models_at(server.url)
        async with home.working(models=models) as engine:
            run_id = await start(engine, "go")
            behind = await worked(engine, run_id, await shown(engine, run_id))
            await reject(engine, behind, "the wrong {{ 6 * 6 }} file")
            failed = await rest(engine, run_id, expect=RunStatus.FAILED)
            assert failed.error is not None
            assert failed.error.code == "model_error"
        async with home.working(models=models) as engine:
            await retry(engine, run_id)
            second = await next_plan(engine, run_id, behind)
            assert second.step_id == "plan~2/0/review"
        for asked in server.asked[1:]:
            _, prompt, before, why = asked.body["messages"]
            assert prompt["content"] == "Plan it."
            assert json.loads(before["content"])["steps"][0]["params"] == {"text": "{{ 7 * 7 }}"}
            assert why["content"].startswith("Your plan was approved and worked. Its steps brought: ")
            assert '{"one":{"text":"{{ 7 * 7 }}"}}' in why["content"]
            assert "Then ask was rejected by ann: the wrong {{ 6 * 6 }} file." in why["content"]


async def test_a_hook_looks_at_why_there_is_another_plan_before_a_model_hears_it(home: Home) -> None:
    gated(home)
    hook = Hook.model_validate(
        {"id": "quiet", "at": "before_model", "contains": ["burn it"], "reason": "Not that word."}
    )
    async with home.working(policies=Policies(hooks=(hook,))) as engine:
        run_id = await start(engine, "go")
        behind = await worked(engine, run_id, await shown(engine, run_id))
        await reject(engine, behind, "BURN it")
        run = await rest(engine, run_id, expect=RunStatus.FAILED)
        assert run.error is not None
        assert (run.error.code, run.error.step_id) == ("permission_denied", "plan~2/0/model")
