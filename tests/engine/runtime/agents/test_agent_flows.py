"""Flows that an agent runs like tools: child runs within its bounds, whose output it hears."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.status import CancelMode, RunStatus
from engine.packs.checks.subflow_rules import subflow_problems
from engine.packs.loader import read_pack
from tests.engine.models.loopback import serving
from tests.engine.runtime.agents_at_work import (
    agent,
    answering_in_turn,
    call,
    models_at,
    output_of,
    says,
    spoken,
    told,
)
from tests.engine.runtime.asking_models.told_conversation import conversation_lines
from tests.engine.runtime.embedded_home import (
    ANN,
    BOB,
    Home,
    finished,
    form,
    pending_form,
    rest,
    start,
    tool,
    until,
)

if TYPE_CHECKING:
    from engine.facade.engine import Engine

INPUT = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def counting(home: Home, **fields: Any) -> None:
    """A flow that gives back what it was started with."""
    fields = {"description": "Counts.", "input": INPUT, **fields}
    home.flow("count", tool("echo", params={"n": "{{ payload.n }}"}), **fields)


async def children(engine: Engine, run_id: str) -> list[str]:
    steps = (await engine.runs.steps(run_id)).items
    return [step.child_run_id for step in steps if step.child_run_id is not None]


async def test_an_agent_runs_a_flow_and_hears_its_output(home: Home) -> None:
    counting(home)
    home.flow("ask", agent(says("Scripted."), flows=["count"]))
    answers = answering_in_turn(spoken("", ("flow__count", '{"n": 7}')), spoken("Seven."))
    async with serving(answers) as server, home.working(models=models_at(server.url)) as engine:
        run = await finished(engine, "ask")
        assert await told(engine, run.run_id) == [{"n": 7}]
        offered = {one["function"]["name"]: one["function"] for one in server.asked[0].body["tools"]}
        assert offered["flow__count"]["parameters"] == INPUT
        assert offered["flow__count"]["description"].startswith("Counts.")
        (child,) = await children(engine, run.run_id)
        seen = await engine.runs.summary(child)
        assert (seen.flow, seen.parent_run_id, seen.status) == ("count", run.run_id, RunStatus.COMPLETED)
        assert run.tool_calls == 0
        lines = list(conversation_lines(await engine.runs.conversation(run.run_id, "work")))
        assert f"  run {child}" in lines
        call_step = await engine.runs.step(run.run_id, "work/0/calls/0/call")
        assert (call_step.name, call_step.input) == ("flow.count", {"tool": "flow.count", "params": {"n": 7}})


async def test_what_does_not_fit_or_fails_is_told_and_starts_nothing(home: Home) -> None:
    counting(home)
    home.flow("broken", tool("no", "fake.fail", params={"message": "no disk"}))
    wrong = call("flow.count", n="x"), call("flow.nothing"), call("flow.broken")
    home.flow("ask", agent(says("", *wrong), says("Well."), flows=["count", "broken"]))
    async with home.working() as engine:
        run = await finished(engine, "ask")
        errors = [result["error"] for result in await told(engine, run.run_id)]
        assert [error["code"] for error in errors] == ["invalid_input", "not_found", "child_failed"]
        assert "no disk" in errors[2]["message"]
        assert len(await children(engine, run.run_id)) == 1


async def test_a_flow_that_waits_for_a_person_lets_the_agent_wait_also_in_another_process(home: Home) -> None:
    home.flow("inquire", form())
    home.flow("ask", agent(says("", call("flow.inquire")), says("I know."), flows=["inquire"]))
    async with home.working() as engine:
        run_id = await start(engine, "ask")

        async def waits() -> bool:
            return bool((await engine.requests.forms()).items)

        await until(waits)
    async with home.working() as engine:
        (child,) = await children(engine, run_id)
        asked = await pending_form(engine, child)
        await engine.requests.answer(asked.request_id, {"word": "so"}, actor=BOB)
        run = await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert run.output is not None
        assert run.output["text"] == "I know."
        assert (await told(engine, run_id))[0]["values"] == {"word": "so"}


async def test_a_cancel_ends_the_flow_with_its_agent(home: Home) -> None:
    home.flow("inquire", form())
    home.flow("ask", agent(says("", call("flow.inquire")), says("I know."), flows=["inquire"]))
    async with home.working() as engine:
        run_id = await start(engine, "ask")

        async def waits() -> bool:
            return bool((await engine.requests.forms()).items)

        await until(waits)
        (child,) = await children(engine, run_id)
        await engine.runs.cancel(run_id, actor=ANN, mode=CancelMode.NOW)
        await rest(engine, run_id, expect=RunStatus.CANCELLED)
        await rest(engine, child, expect=RunStatus.CANCELLED)


async def test_the_calls_of_the_tree_count_together(home: Home) -> None:
    counting(home)
    turns = [says("", call("flow.count", n=number)) for number in range(4)]
    home.flow("ask", agent(*turns, says("Done."), flows=["count"]))
    policies = home.config().rules.policies.model_copy(update={"max_tool_calls": 2})
    async with home.working(policies=policies) as engine:
        run = await finished(engine, "ask")
        assert len(home.tools.calls) == 2
        last = (await output_of(engine, run.run_id, "work/3/calls"))["results"]
        assert last[0]["error"]["code"] == "step_limit_exceeded"


def problems(home: Home) -> str:
    return "\n".join(str(one) for one in read_pack(home.root / "shipped" / "demo").problems)


def test_a_flow_gives_an_agent_nothing_that_it_may_not_have_itself(home: Home) -> None:
    home.flow("free", tool("echo"), autonomy_level="full_auto")
    home.flow("wide", agent(says("x"), tools=("fake.give", "fake.echo")))
    home.flow("nested", {"id": "go", "type": "subflow", "subflow": "wide"})
    home.flow("away", {"id": "go", "type": "subflow", "subflow": "other/flow"})
    home.flow("program", {"id": "go", "type": "subflow", "subflow": "coder"})
    home.flow(
        "coder", {"id": "work", "type": "agent", "agent": "acp:coder", "instructions": "Be.", "prompt": "Do."}
    )
    home.flow("ask", agent(flows=["free", "nested", "away", "program", "other/flow"]))
    found = problems(home)
    assert "in the flow `program` acp:coder is the agent, a program with tools of its own" in found
    assert "`free` is full_auto, that of the agent only semi_auto" in found
    assert "agents of the flow `nested` may use fake.give, which this agent may not" in found
    assert "`away` starts `other/flow`, a flow of another pack" in found
    assert "an agent runs flows of its own pack" in found


def test_what_a_tools_layer_offers_is_compared_without_case_and_spaces(home: Home) -> None:
    offered = {key: value for key, value in agent(says("x")).items() if key != "tools"}
    home.flow("offered", offered)
    home.flow("ask", agent(tools=("fake.give",), flows=["offered"]))
    manifest = home.root / "shipped" / "demo" / "profession-pack.yaml"
    manifest.write_text(f"{manifest.read_text()}tools: {{available: [{{id: ' Fake.Give', name: Give}}]}}\n")
    assert problems(home) == ""


def test_a_flow_that_starts_a_freer_one_is_as_free(home: Home) -> None:
    home.flow("free", tool("echo"), autonomy_level="full_auto")
    home.flow("between", {"id": "go", "type": "subflow", "subflow": "free"})
    home.flow("ask", agent(flows=["between"]))
    assert "`free` is full_auto, that of the agent only semi_auto" in problems(home)


def test_an_agent_that_runs_its_own_flow_is_a_cycle(home: Home) -> None:
    home.flow("ask", agent(flows=["ask"]))
    pack = read_pack(home.root / "shipped" / "demo")
    ((found,),) = subflow_problems([pack])
    assert "demo/ask -> demo/ask" in found.message
