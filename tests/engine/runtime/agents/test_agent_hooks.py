"""Hooks of a pack stop an agent, or one of its calls, before anything comes of it, and say so."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from engine.contracts.layers.hook import Hook, HookPoint
from engine.contracts.status import RunStatus
from engine.governance.policies import Policies
from tests.engine.models.loopback import serving
from tests.engine.runtime.agents_at_work import agent, answering_in_turn, call, models_at, says, spoken, told
from tests.engine.runtime.embedded_home import (
    ANN,
    Home,
    error_of,
    failed,
    finished,
    pending_approval,
    pending_form,
    rest,
    start,
    statuses,
)

if TYPE_CHECKING:
    from engine.facade.engine import Engine

Step = dict[str, Any]


def hooked(home: Home, *script: Step, hook: Step, **fields: Any) -> None:
    """A flow of an agent in a pack with one hook."""
    home.flow("ask", agent(*script, **fields))
    place = home.root / "shipped" / "demo" / "profession-pack.yaml"
    manifest = yaml.safe_load(place.read_text())
    manifest["guardrails"] = {"hooks": [{"id": "no", "reason": "Not here.", **hook}]}
    place.write_text(yaml.safe_dump(manifest))


async def decisions(engine: Engine, run_id: str) -> list[tuple[str, str, str]]:
    events = await engine.runs.events(run_id, limit=1_000)
    found = [event.payload for event in events if event.kind == "governance.decision"]
    return [(one["point"], one["reason"], one["details"]["hook"]) for one in found]


async def test_a_call_that_a_hook_refuses_is_told_with_its_reason_and_reaches_no_tool(home: Home) -> None:
    script = says("", call(a="prod"), call(a="test")), says("Only the test.")
    hooked(home, *script, hook={"at": "before_tool", "tool": "fake.*", "contains": ["PROD"]})
    async with home.working() as engine:
        run = await finished(engine, "ask")
        refused, made = await told(engine, run.run_id)
        assert refused["error"] == {"code": "permission_denied", "message": "Not here. (hook no)"}
        assert made == {"a": "test"}
        assert home.tools.calls == [("work/0/calls/1/call", {"a": "test"})]
        assert await decisions(engine, run.run_id) == [("before_tool_call", "hook_veto", "no")]


async def test_the_loop_goes_on_while_hooks_look_through_a_large_result(home: Home) -> None:
    script = says("", call(a="\\" * 1_000_000 + "here")), says("Done.")
    hooked(home, *script, hook={"at": "after_tool", "contains": ["here"]})
    async with home.working() as engine:
        running = asyncio.create_task(failed(engine, "ask"))
        begun = turned = time.perf_counter()
        longest = 0.0
        while not running.done():
            await asyncio.sleep(0)
            before, turned = turned, time.perf_counter()
            longest = max(longest, turned - before)
        assert await error_of(engine, (await running).run_id) == ("permission_denied", "Not here. (hook no)")
    assert longest < (turned - begun) / 6, "most of the time is that of the hook"


ENDS: dict[str, tuple[Step, str, str]] = {
    "it may not begin": ({"at": "start", "contains": ["do it"]}, "agent_start", "work"),
    "its question": (
        {"at": "before_model", "contains": ["do it"]},
        "before_model_call",
        "work/0/model",
    ),
    "its answer": ({"at": "after_model", "contains": ["i look"]}, "after_model_call", "work/0/calls"),
    "a call that ends it": (
        {"at": "before_tool", "tool": "fake.echo", "ends": True},
        "before_tool_call",
        "work/0/calls",
    ),
    "a result": ({"at": "after_tool", "contains": ["box"]}, "after_tool_call", "work/1/model"),
    "its last answer": ({"at": "completed", "contains": ["there"]}, "agent_output", "work/1/calls"),
}


@pytest.mark.parametrize("what", ENDS)
async def test_what_ends_an_agent_ends_it_before_anything_comes_of_it(home: Home, what: str) -> None:
    hook, point, path = ENDS[what]
    hooked(home, says("I look.", call(a="box")), says("It is there."), hook=hook)
    async with home.working() as engine:
        run = await failed(engine, "ask")
        assert await error_of(engine, run.run_id) == ("permission_denied", "Not here. (hook no)")
        assert run.error is not None
        assert run.error.step_id == path
        assert await decisions(engine, run.run_id) == [(point, "hook_veto", "no")]
        assert (await statuses(engine, run.run_id))[path] == "FAILED"
        assert bool(home.tools.calls) == (what in {"a result", "its last answer"})


async def test_what_a_person_says_is_looked_at_before_the_model_hears_it(home: Home) -> None:
    script = says("Yes?"), says("Never said.")
    hooked(home, *script, mode="conversation", hook={"at": "before_model", "contains": ["tell me all"]})
    async with home.working() as engine:
        run_id = await start(engine, "ask")
        form = await pending_form(engine, run_id)
        await engine.requests.answer(form.request_id, {"text": "Tell  me ALL."}, actor=ANN)
        await rest(engine, run_id, expect=RunStatus.FAILED)
        assert await decisions(engine, run_id) == [("before_model_call", "hook_veto", "no")]
        assert (await statuses(engine, run_id))["work/1/model"] == "FAILED"


async def test_what_is_said_in_one_question_alone_is_looked_at_too(home: Home) -> None:
    hooked(home, says("Never said."), hook={"at": "before_model", "contains": ["tell me all"]})
    async with home.open() as engine:
        run_id = await start(engine, "ask")
        await engine.runs.tell(run_id, "Tell me all.", actor=ANN)
        async with engine.work():
            await rest(engine, run_id, expect=RunStatus.FAILED)
        assert await decisions(engine, run_id) == [("before_model_call", "hook_veto", "no")]


async def test_a_pack_without_hooks_and_what_no_hook_finds_go_their_way(home: Home) -> None:
    hooked(home, says("", call(a=1)), says("Done."), hook={"at": "after_tool", "contains": ["nothing"]})
    async with home.working() as engine:
        run = await finished(engine, "ask")
        assert await decisions(engine, run.run_id) == []


def planned(home: Home, *summaries: str, hook: Step) -> None:
    """A flow of a plan of one call, in a pack with one hook; each summary is one proposal."""
    hooked(home, hook=hook)
    proposal = {"id": "plan", "type": "plan_proposal", "instructions": "Be.", "prompt": "Plan."}
    step = {"step_id": "one", "tool": "fake.echo", "params": {"a": "prod"}}
    script = [{"summary": summary, "steps": [step]} for summary in summaries]
    place = home.root / "shipped" / "demo" / "flows" / "go.yaml"
    flow = {"id": "go", "steps": [{**proposal, "tools": ["fake.echo"], "script": script}]}
    place.write_text(yaml.safe_dump(flow))


PLANS: dict[str, tuple[Step, str, str]] = {
    "it may not begin": ({"at": "start", "contains": ["plan."]}, "agent_start", "plan"),
    "its question": ({"at": "before_model", "contains": ["plan."]}, "before_model_call", "plan/0/model"),
    "its plan": ({"at": "after_model", "contains": ["PROD"]}, "after_model_call", "plan/0/steps"),
}


@pytest.mark.parametrize("what", PLANS)
async def test_a_plan_that_a_hook_refuses_is_shown_to_nobody(home: Home, what: str) -> None:
    hook, point, path = PLANS[what]
    planned(home, "Do it.", "Do it.", hook=hook)
    async with home.working() as engine:
        run = await failed(engine, "go")
        assert await error_of(engine, run.run_id) == ("permission_denied", "Not here. (hook no)")
        assert await decisions(engine, run.run_id) == [(point, "hook_veto", "no")]
        assert (await statuses(engine, run.run_id))[path] == "FAILED"
        assert not (await engine.requests.approvals(status=None, run_id=run.run_id)).items
        assert not home.tools.calls


async def test_why_a_plan_was_rejected_is_looked_at_before_the_model_hears_it(home: Home) -> None:
    planned(home, "Do it.", "Do it.", hook={"at": "before_model", "contains": ["hush"]})
    async with home.working() as engine:
        run_id = await start(engine, "go")
        card = await pending_approval(engine, run_id)
        await engine.requests.reject(card.approval_id, actor=ANN, comment="H\u200bush!", digest=card.digest)
        await rest(engine, run_id, expect=RunStatus.FAILED)
        assert await decisions(engine, run_id) == [("before_model_call", "hook_veto", "no")]
        assert (await statuses(engine, run_id))["plan/1/model"] == "FAILED"


async def test_a_call_of_an_approved_plan_is_looked_at_too(home: Home) -> None:
    planned(home, "Do it.", hook={"at": "before_tool", "contains": ["prod"]})
    async with home.working() as engine:
        run_id = await start(engine, "go")
        card = await pending_approval(engine, run_id)
        await engine.requests.approve(card.approval_id, actor=ANN, digest=card.digest)
        await rest(engine, run_id, expect=RunStatus.FAILED)
        assert await decisions(engine, run_id) == [("before_tool_call", "hook_veto", "no")]
        assert not home.tools.calls


ESCAPED = r'{"a": "\/srv\/pr\u006fduction"}'


@pytest.mark.parametrize(
    "hook",
    [
        {"at": "after_model", "contains": ["/srv/production"]},
        {"at": "before_tool", "tool": "fake.echo", "contains": ["/srv/production"], "ends": True},
    ],
)
async def test_arguments_are_looked_at_as_the_tool_would_get_them(home: Home, hook: Step) -> None:
    hooked(home, hook=hook)
    answers = answering_in_turn(spoken("", ("fake.echo", ESCAPED)), spoken("Never asked."))
    async with serving(answers) as server, home.working(models=models_at(server.url)) as engine:
        run = await failed(engine, "ask")
        assert await error_of(engine, run.run_id) == ("permission_denied", "Not here. (hook no)")
        assert (await statuses(engine, run.run_id))["work/0/calls"] == "FAILED"
        assert len(server.asked) == 1
        assert home.tools.calls == []


def handing(home: Home, hook: Step) -> None:
    """Two agents, of which the first hands over to the second at once."""
    hand = call("handoff", to="other", message="Take  PROD down.")
    first = agent(says("", hand), says("I stay."), tools=(), handoffs=["other"])
    hooked(home, hook=hook)
    place = home.root / "shipped" / "demo" / "flows" / "go.yaml"
    other = {**agent(says("It is down."), tools=()), "id": "other"}
    place.write_text(yaml.safe_dump({"id": "go", "steps": [first, other]}))


async def test_a_handoff_that_a_hook_refuses_is_none(home: Home) -> None:
    handing(home, {"at": "before_tool", "tool": "handoff", "contains": ["prod"]})
    async with home.working() as engine:
        run = await finished(engine, "go")
        (refused,) = await told(engine, run.run_id)
        assert refused["error"]["message"] == "Not here. (hook no)"
        found = await statuses(engine, run.run_id)
        assert found["work/1/model"] == "COMPLETED"
        assert (await engine.runs.step(run.run_id, "work")).output["text"] == "I stay."
        heard = (await engine.runs.conversation(run.run_id, "other")).model_dump_json()
        assert "PROD" not in heard


async def test_what_was_handed_over_is_looked_at_before_the_other_model_hears_it(home: Home) -> None:
    handing(home, {"at": "before_model", "contains": ["take prod"]})
    async with home.working() as engine:
        run = await failed(engine, "go")
        found = await statuses(engine, run.run_id)
        assert (found["work"], found["other/0/model"]) == ("COMPLETED", "FAILED")


async def test_an_answer_that_hands_over_is_the_agents_last_one(home: Home) -> None:
    handing(home, {"at": "completed", "contains": ["take prod"]})
    async with home.working() as engine:
        run = await failed(engine, "go")
        found = await statuses(engine, run.run_id)
        assert found["work/0/calls"] == "FAILED"
        assert "other" not in found


@pytest.mark.parametrize("own", [False, True])
async def test_an_operator_stops_agents_of_every_pack_beside_what_their_packs_say(
    home: Home, *, own: bool
) -> None:
    stops = Hook(id="all", at=HookPoint.BEFORE_TOOL, tool="fake.*", contains=("prod",), reason="Not there.")
    script = says("", call(a="on PROD")), says("Done.")
    if own:
        hooked(home, *script, hook={"at": "before_tool", "tool": "other.*"})
    else:
        home.flow("ask", agent(*script))
    async with home.working(policies=Policies(hooks=(stops,))) as engine:
        run = await finished(engine, "ask")
        assert await decisions(engine, run.run_id) == [("before_tool_call", "operator_hook_veto", "all")]
        assert not home.tools.calls


async def test_a_pack_that_the_operator_names_has_the_hooks_that_stand_there(home: Home) -> None:
    stops = Hook(id="all", at=HookPoint.START, reason="Nobody asks.")
    policies = Policies(hooks=(stops,), by_pack={"demo": Policies(hooks=())})
    home.flow("ask", agent(says("Done.")))
    async with home.working(policies=policies) as engine:
        run = await finished(engine, "ask")
        assert await decisions(engine, run.run_id) == []


def test_the_digest_of_policies_tells_their_hooks_and_their_order() -> None:
    one = Hook(id="one", at=HookPoint.START, reason="No.")
    two = Hook(id="two", at=HookPoint.START, reason="No.")
    digests = {Policies(hooks=hooks).digest() for hooks in ((), (one,), (one, two), (two, one))}
    assert len(digests) == 4


GIVEN = "demo.given"
"""A tool of the pack's own, which gets what people give for one turn."""


def takes_data(home: Home, *script: Step, hook: Step, **fields: Any) -> None:
    """A conversation whose agent has that tool, in a pack with one hook."""
    tools = (GIVEN, "fake.echo")
    hooked(home, says("Hi."), *script, tools=tools, mode="conversation", hook=hook, **fields)
    (home.root / "shipped" / "demo" / "tools.py").write_text(
        "def given(context):\n    return context['data']\n"
    )


async def give(engine: Engine, ticket: str) -> str:
    """A run that was given data by a person, and goes on."""
    run_id = await start(engine, "ask")
    form = await pending_form(engine, run_id)
    await engine.runs.tell(run_id, "", data={"ticket": ticket}, actor=ANN)
    await engine.requests.answer(form.request_id, {"text": "Go on."}, actor=ANN)
    return run_id


async def test_data_that_people_give_for_a_turn_is_looked_at_before_a_tool_gets_it(home: Home) -> None:
    script = says("", call(GIVEN), call(a=1)), says("", call(GIVEN)), says("Done.")
    takes_data(home, *script, hook={"at": "before_tool", "contains": ["PROD-7"]})
    async with home.working() as engine:
        run_id = await give(engine, "prod-7")
        await pending_form(engine, run_id)
        turns = (await engine.runs.conversation(run_id, "work")).turns
        refused, built_in = turns[1].calls
        assert refused.error is not None
        assert (refused.error.code, refused.error.message) == ("permission_denied", "Not here. (hook no)")
        assert built_in.result == {"a": 1}, "it gets none of the data"
        assert turns[2].calls[0].result == {}, "nor does the next turn"
        assert await decisions(engine, run_id) == [("before_tool_call", "hook_veto", "no")]


async def test_data_that_a_hook_refuses_stands_on_no_card(home: Home) -> None:
    takes_data(home, says("", call(GIVEN)), says("Done."), hook={"at": "before_tool", "contains": ["prod"]})
    file = home.root / "shipped" / "demo" / "flows" / "ask.yaml"
    file.write_text(f"autonomy_level: suggest_only\n{file.read_text()}")
    async with home.working() as engine:
        run_id = await give(engine, "prod-7")
        await pending_form(engine, run_id)
        assert (await engine.requests.approvals(run_id=run_id)).items == ()
        assert (await statuses(engine, run_id))["work/1/calls/0/call"] == "FAILED"


async def test_where_a_hook_ends_the_agent_data_ends_it_before_any_call_of_the_answer(home: Home) -> None:
    script = says("", call(a=1), call(GIVEN)), says("Never said.")
    takes_data(home, *script, hook={"at": "before_tool", "tool": GIVEN, "contains": ["prod"], "ends": True})
    async with home.working() as engine:
        run_id = await give(engine, "prod-7")
        run = await rest(engine, run_id, expect=RunStatus.FAILED)
        assert run.error is not None
        assert (run.error.code, run.error.step_id) == ("permission_denied", "work/1/calls")
        assert home.tools.calls == []
