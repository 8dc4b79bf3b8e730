"""Tools that an agent is not told of until it finds them."""

from __future__ import annotations

import pytest

from engine.contracts.status import RunStatus
from engine.contracts.tool import ToolSpec
from engine.packs.loader import read_pack
from engine.runtime.worker.steps.agents.own_tools.finding import MAX_VISIBLE, found_since
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
from tests.engine.runtime.embedded_home import ANN, Home, failed, finished, rest, start

DEFERRED = ["depot.weigh", "depot.move", "fake.give"]


@pytest.fixture
def depot(home: Home) -> Home:
    """A home with tools that have words to be found by."""

    async def weigh(params: object, context: object) -> object:
        return {"kilograms": 7}

    home.tools.registry.register(ToolSpec(name="depot.weigh", description="Weigh a box."), weigh)
    home.tools.registry.register(ToolSpec(name="depot.move", description="Carry a box to a shelf."), weigh)
    return home


async def test_what_is_found_is_offered_from_the_next_turn_on(depot: Home) -> None:
    depot.flow("ask", agent(tools=("fake.slow",), deferred=DEFERRED))
    answers = answering_in_turn(
        spoken("", ("find_tools", '{"query": "weigh boxes"}'), ("depot.weigh", "{}")),
        spoken("", ("depot__weigh", "{}")),
        spoken("Seven."),
    )
    async with serving(answers) as server, depot.working(models=models_at(server.url)) as engine:
        run = await finished(engine, "ask")
        offered = [[one["function"]["name"] for one in asked.body["tools"]] for asked in server.asked]
        assert offered == [
            ["fake__slow", "find_tools"],
            ["fake__slow", "depot__weigh", "find_tools"],
            ["fake__slow", "depot__weigh", "find_tools"],
        ]
        found, refused = await told(engine, run.run_id)
        assert found == {"tools": [{"name": "depot.weigh", "description": "Weigh a box."}], "more": 0}
        assert refused["error"]["code"] == "permission_denied"
        assert await told(engine, run.run_id, 1) == [{"kilograms": 7}]
        assert (await output_of(engine, run.run_id, "work/1/model"))["found"] == ["depot.weigh"]
        lines = list(conversation_lines(await engine.runs.conversation(run.run_id, "work")))
        assert lines.count("tools found: depot.weigh") == 2


async def test_what_policy_forbids_is_not_found_and_a_wrong_query_is_told(depot: Home) -> None:
    wrong = call("find_tools", query=""), call("find_tools", words="box"), call("find_tools", query="box")
    depot.flow("ask", agent(says("", *wrong), says("Well."), deferred=DEFERRED))
    policies = depot.config().rules.policies.model_copy(update={"blocked_tools": frozenset({"depot.weigh"})})
    async with depot.working(policies=policies) as engine:
        run = await finished(engine, "ask")
        first, second, third = await told(engine, run.run_id)
        assert first["error"]["code"] == second["error"]["code"] == "invalid_input"
        assert [tool["name"] for tool in third["tools"]] == ["depot.move"]


async def test_what_people_hide_and_what_shows_images_to_a_model_without_them_is_not_found(
    depot: Home,
) -> None:
    async def look(params: object, context: object) -> object:
        raise AssertionError(params, context)

    depot.tools.registry.register(
        ToolSpec(name="depot.look", description="Look at a box.", for_images=True), look
    )
    depot.flow("ask", agent(deferred=[*DEFERRED, "depot.look"]))
    answers = answering_in_turn(spoken("", ("find_tools", '{"query": "box"}')), spoken("Well."))
    async with serving(answers) as server:
        async with depot.open(models=models_at(server.url)) as engine:
            run_id = await start(engine, "ask")
            await engine.runs.narrow(run_id, actor=ANN, without=["depot.move"])
        async with depot.working(models=models_at(server.url)) as engine:
            await rest(engine, run_id, expect=RunStatus.COMPLETED)
            (found,) = await told(engine, run_id)
            assert [tool["name"] for tool in found["tools"]] == ["depot.weigh"]


async def test_an_agent_without_deferred_tools_finds_none(home: Home) -> None:
    home.flow("ask", agent(says("", call("find_tools", query="box")), says("Well.")))
    async with home.working() as engine:
        run = await finished(engine, "ask")
        assert (await told(engine, run.run_id))[0]["error"]["code"] == "not_found"


def test_only_so_many_stay_those_found_last() -> None:
    names = [f"t.n{number}" for number in range(MAX_VISIBLE + 1)]
    result = {"tools": [{"name": name} for name in (*names, "t.n3")]}
    found = found_since(["t.old"], [{"tool": "find_tools"}, {"tool": "x"}], [result, {"tools": 3}])
    assert len(found) == MAX_VISIBLE
    assert found[-1] == "t.n3"
    assert "t.old" not in found


def test_a_deferred_tool_that_is_not_there_is_a_problem(home: Home) -> None:
    home.flow("ask", agent(deferred=["fake.gvie"]))
    pack = read_pack(home.root / "shipped" / "demo", tool_names={"fake.give", "fake.echo", "fake.fail"})
    assert "unknown tool `fake.gvie`" in "\n".join(map(str, pack.problems))


async def test_tools_that_take_all_that_a_model_is_told_are_named_as_what_is_too_much(home: Home) -> None:
    words = {"type": "object", "description": "w" * 5_000}

    async def nothing(params: object, context: object) -> None: ...

    home.tools.registry.register(ToolSpec(name="fake.wordy", parameters=words), nothing)
    home.flow("ask", agent(says("never asked for"), tools=("fake.wordy",)))
    models = models_at("http://127.0.0.1:9", context_tokens=1_000)
    async with home.working(models=models) as engine:
        run = await failed(engine, "ask")
        assert run.error is not None
        assert run.error.details["reason"] == "context_length"
        assert "the tools on offer (1)" in run.error.message
        assert "of the 4,000 that the model is told at the most; offer fewer" in run.error.message
