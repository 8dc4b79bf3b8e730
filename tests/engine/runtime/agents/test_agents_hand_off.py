"""An agent hands its run off to another pack: a person approves it, and it is done once."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.status import AutonomyLevel, Risk, RunStatus
from engine.governance.policies import Policies
from engine.tools.builtin.handing_off import HAND_OFF, handing_off_tools
from tests.engine.models.loopback import serving
from tests.engine.runtime.agents_at_work import agent, answering_in_turn, models_at, says, spoken, told
from tests.engine.runtime.embedded_home import ANN, BOB, Home, error_of, pending_approval, rest, start, tool
from tests.engine.runtime.fake_clock import slow_clock
from tests.engine.runtime.fake_faults import FakeFaults
from tests.engine.runtime.starting.test_handing_off import declare

if TYPE_CHECKING:
    from engine.contracts.runs.listed import RunView
    from engine.facade.engine import Engine

TO: dict[str, Any] = {"target": "other", "payload": {"service": "mail"}, "note": "It burns."}
NEEDS = {"type": "object", "properties": {"service": {"type": "string"}}, "required": ["service"]}


@pytest.fixture
def home(home: Home) -> Home:
    """One whose engine has the tool, too."""
    for one in handing_off_tools():
        home.tools.registry.add(one)
    return home


def handing_off(home: Home, *calls: dict[str, Any], **fields: Any) -> None:
    """A pack whose agent makes these calls of the tool, and one that may take over."""
    asked = [{"tool": HAND_OFF.name, "arguments": call} for call in calls]
    home.flow(
        "look",
        agent(*(says("I look.", one) for one in asked), says("Done."), tools=(HAND_OFF.name,)),
        **fields,
    )
    home.flow("fix", tool("keep", params={"told": "{{ handoff }}"}), pack="other", input=NEEDS)
    declare(home, "other")


async def taken_over(engine: Engine, source: str) -> list[RunView]:
    return [await engine.runs.summary(one) for one in await engine.runs.successors(source)]


async def test_a_person_approves_it_and_a_run_of_the_other_pack_begins_for_whoever_asked_for_the_first(
    home: Home,
) -> None:
    handing_off(home, TO, autonomy_level=AutonomyLevel.FULL_AUTO.value)
    async with home.working(policies=Policies(allow_full_autonomy=True)) as engine:
        run_id = await start(engine, "look")
        shown = await pending_approval(engine, run_id)
        assert shown.action is not None
        assert (shown.risk, shown.action.params) == (Risk.HIGH, TO)
        assert await taken_over(engine, run_id) == []
        await engine.requests.approve(shown.approval_id, actor=BOB)
        done = await rest(engine, run_id, expect=RunStatus.COMPLETED)
        (begun,) = await taken_over(engine, run_id)
        assert (begun.pack, begun.flow, begun.tenant) == ("other", "fix", done.tenant)
        assert begun.requested_by == ANN.name
        output = (await rest(engine, begun.run_id, expect=RunStatus.COMPLETED)).output
        assert isinstance(output, dict)
        heard = output["told"]
        assert (heard["run_id"], heard["note"]) == (run_id, "It burns.")
        assert heard["by"] == "work/0/calls/0/call of demo/look"
        (result,) = await told(engine, run_id)
        assert result == {"run_id": begun.run_id, "pack": "other", "flow": "fix"}


async def test_a_rejection_begins_nothing_and_the_agent_is_told_why(home: Home) -> None:
    handing_off(home, TO)
    async with home.working() as engine:
        run_id = await start(engine, "look")
        shown = await pending_approval(engine, run_id)
        await engine.requests.reject(shown.approval_id, actor=BOB, comment="not yet")
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert await taken_over(engine, run_id) == []
        (result,) = await told(engine, run_id)
        assert "not yet" in result["error"]["message"]


@pytest.mark.parametrize("moment", ["after_tool", "before_commit", "after_commit"])
async def test_a_worker_that_is_lost_at_any_moment_of_the_call_begins_one_run_and_no_second(
    home: Home, moment: str
) -> None:
    handing_off(home, TO)
    faults = FakeFaults()
    async with home.working(clock=slow_clock(), faults=faults, lease_seconds=0.05) as engine:
        run_id = await start(engine, "look")
        shown = await pending_approval(engine, run_id)
        faults.fail(moment)
        await engine.requests.approve(shown.approval_id, actor=BOB)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert (moment, "tool") in faults.passed or moment != "after_tool"
        assert len(await taken_over(engine, run_id)) == 1


async def test_a_pack_that_is_not_declared_is_asked_about_by_nobody(home: Home) -> None:
    handing_off(home, {**TO, "target": "third"})
    async with home.working() as engine:
        run_id = await start(engine, "look")
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        (result,) = await told(engine, run_id)
        assert result["error"]["code"] == "invalid_input"
        assert (await engine.requests.approvals(status=None)).items == ()


async def test_what_the_other_pack_does_not_take_is_told_to_the_agent(home: Home) -> None:
    handing_off(home, {"target": "other"}, {"target": "other", "flow": "none", "payload": {"service": "x"}})
    async with home.working() as engine:
        run_id = await start(engine, "look")
        for turn, (code, word) in enumerate([("invalid_input", "service"), ("not_found", "none")]):
            shown = await pending_approval(engine, run_id)
            await engine.requests.approve(shown.approval_id, actor=BOB)
            await rest(engine, run_id)
            (result,) = await told(engine, run_id, turn)
            assert result["error"]["code"] == code
            assert word in result["error"]["message"]


async def test_a_step_hands_no_secret_to_the_other_run_which_would_keep_it(home: Home) -> None:
    handing_off(home, TO)
    given = {"target": "other", "payload": {"service": {"$secret": "api"}}}
    home.flow("step", tool("hand", HAND_OFF.name, params=given))
    async with home.working(secrets={"api": "not-for-journals"}) as engine:
        run_id = await start(engine, "step")
        shown = await pending_approval(engine, run_id)
        await engine.requests.approve(shown.approval_id, actor=BOB)
        await rest(engine, run_id, expect=RunStatus.FAILED)
        assert "takes no secret" in (await error_of(engine, run_id))[1]
        assert await taken_over(engine, run_id) == []
    kept = [path for path in home.root.rglob("*") if path.is_file()]
    assert not [path for path in kept if b"not-for-journals" in path.read_bytes()]


async def test_code_that_nobody_trusted_takes_nothing_over(home: Home) -> None:
    handing_off(home, TO)
    shutil.rmtree(home.root / "shipped" / "other")
    home.flow("fix", tool("keep"), pack="other", input=NEEDS, shipped=False)
    (home.root / "home" / "other" / "tools.py").write_text("def look(params, context):\n    return {}\n")
    async with home.working() as engine:
        run_id = await start(engine, "look")
        shown = await pending_approval(engine, run_id)
        await engine.requests.approve(shown.approval_id, actor=BOB)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        (result,) = await told(engine, run_id)
        assert result["error"]["code"] == "permission_denied"
        assert "trusted" in result["error"]["message"]
        (refused,) = [one for one in (await engine.runs.list()).items if one.pack == "other"]
        assert refused.status is RunStatus.FAILED


async def test_a_model_is_told_to_whom_and_when_and_of_nothing_where_nobody_takes_over(home: Home) -> None:
    handing_off(home, TO)
    home.flow("alone", agent(says("x"), tools=(HAND_OFF.name,)), pack="lonely")
    answers = answering_in_turn(spoken("Fine."), spoken("Fine."))
    async with serving(answers) as server, home.working(models=models_at(server.url)) as engine:
        await rest(engine, await start(engine, "look"), expect=RunStatus.COMPLETED)
        (offer,) = server.asked[0].body["tools"]
        assert "other: It gets worse" in offer["function"]["description"]
        assert offer["function"]["parameters"]["properties"]["target"] == {"enum": ["other"]}
        alone = await engine.runs.start("lonely", "alone", {}, actor=ANN)
        await rest(engine, alone.run_id, expect=RunStatus.COMPLETED)
        assert not server.asked[1].body.get("tools")
