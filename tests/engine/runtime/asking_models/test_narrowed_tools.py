"""A person hides tools from the models of a run while it runs: from the next turn on, widening nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.status import RunStatus
from engine.errors import InvalidInput, InvalidTransition
from tests.engine.models.loopback import head, serving
from tests.engine.runtime.agents.test_conversations import say, talker, waiting
from tests.engine.runtime.agents_at_work import agent, answering_in_turn, models_at, spoken, told
from tests.engine.runtime.asking_models.told_conversation import conversation_lines
from tests.engine.runtime.embedded_home import (
    ANN,
    Home,
    approval,
    error_of,
    finished,
    pending_approval,
    rest,
    retry,
    start,
    tool,
    until,
)
from tests.engine.runtime.plans.proposed_plans import call as planned
from tests.engine.runtime.plans.proposed_plans import plan, proposes

if TYPE_CHECKING:
    from engine.facade.engine import Engine
    from tests.engine.models.loopback import Loopback

TOOLS = ("fake.echo", "fake.slow", "fake.give")


def offered(server: Loopback) -> list[list[str]]:
    return [[one["function"]["name"] for one in asked.body.get("tools", ())] for asked in server.asked]


async def said(engine: Engine, run_id: str) -> list[Any]:
    events = await engine.runs.events(run_id, limit=1_000)
    found = [one for one in events if one.kind == "agent_tools_narrowed"]
    return [(one.actor, one.payload.get("only"), one.payload.get("without", [])) for one in found]


async def was_said(engine: Engine, run_id: str) -> bool:
    return bool(await said(engine, run_id))


async def called(home: Home, times: int) -> None:
    async def enough() -> bool:
        return len(home.tools.calls) == times

    await until(enough)


async def test_it_holds_from_the_next_turn_on_and_is_lifted_again(home: Home) -> None:
    home.flow("ask", agent(tools=TOOLS))
    answers = answering_in_turn(
        spoken("", ("fake__slow", '{"key": "one"}')),
        spoken("", ("fake__slow", '{"key": "two"}'), ("fake__echo", '{"a": 1}')),
        spoken("Done."),
    )
    async with serving(answers) as server, home.working(models=models_at(server.url)) as engine:
        run_id = await start(engine, "ask")
        await called(home, 1)
        assert (await engine.runs.narrow(run_id, actor=ANN, without=["fake.e*"])).changed
        home.tools.release("one")
        await called(home, 2)
        await engine.runs.narrow(run_id, actor=ANN)
        home.tools.release("two")
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert offered(server) == [
            ["fake__echo", "fake__slow", "fake__give"],
            ["fake__slow", "fake__give"],
            ["fake__echo", "fake__slow", "fake__give"],
        ]
        _, refused = await told(engine, run_id, 1)
        assert refused["error"]["code"] == "permission_denied"
        assert "not offered to you; yours are: fake.slow, fake.give" in refused["error"]["message"]
        assert await said(engine, run_id) == [
            ("ann", None, ["fake.e*"]),
            ("ann", None, []),
        ]
        lines = list(conversation_lines(await engine.runs.conversation(run_id, "work")))
        assert lines.count("tools hidden by a person: fake.echo") == 1


async def test_once_it_is_the_next_turn_alone_beside_what_holds_anyway(home: Home) -> None:
    home.flow("ask", agent(tools=TOOLS))
    answers = answering_in_turn(
        spoken("", ("fake__slow", '{"key": "one"}')),
        spoken("", ("fake__slow", '{"key": "two"}'), ("fake__echo", '{"a": 1}')),
        spoken("Done."),
    )
    async with serving(answers) as server, home.working(models=models_at(server.url)) as engine:
        run_id = await start(engine, "ask")
        await called(home, 1)
        await engine.runs.narrow(run_id, actor=ANN, without=["fake.give"])
        await engine.runs.narrow(run_id, actor=ANN, only=["fake.*"], without=["fake.echo"], once=True)
        home.tools.release("one")
        await called(home, 2)
        home.tools.release("two")
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert offered(server)[1:] == [["fake__slow"], ["fake__echo", "fake__slow"]]
        _, refused = await told(engine, run_id, 1)
        assert refused["error"]["code"] == "permission_denied"
        turns = (await engine.runs.conversation(run_id, "work")).turns
        assert [turn.hidden for turn in turns] == [(), ("fake.echo", "fake.give"), ("fake.give",)]
        events = await engine.runs.events(run_id, limit=1_000)
        (taken,) = [one for one in events if one.kind == "agent_turn_narrowed"]
        assert (taken.step_id, taken.payload["without"]) == ("work/1/model", ["fake.echo"])


async def test_a_turn_that_is_asked_again_after_a_retry_of_the_run_has_its_bounds_still(home: Home) -> None:
    home.flow("ask", agent(tools=TOOLS, retry={"max_attempts": 1}))
    refused = head(401, "application/json") + b'{"error": {"message": "who are you"}}'
    answers = answering_in_turn(refused, spoken("", ("fake.echo", '{"a": 1}')), spoken("Done."))
    async with serving(answers) as server:
        async with home.open(models=models_at(server.url)) as engine:
            run_id = await start(engine, "ask")
            await engine.runs.narrow(run_id, actor=ANN, only=["fake.give"], once=True)
            async with engine.work():
                await rest(engine, run_id, expect=RunStatus.FAILED)
        async with home.working(models=models_at(server.url)) as engine:
            await retry(engine, run_id)
            await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert offered(server)[:2] == [["fake__give"]] * 2
        assert len(offered(server)[2]) == len(TOOLS)


async def test_lifting_takes_back_what_was_said_of_the_next_turn_too(home: Home) -> None:
    home.flow("ask", agent(tools=TOOLS))
    async with serving(answering_in_turn(spoken("Done."))) as server:
        async with home.open(models=models_at(server.url)) as engine:
            run_id = await start(engine, "ask")
            await engine.runs.narrow(run_id, actor=ANN, only=["fake.give"], once=True)
            await engine.runs.narrow(run_id, actor=ANN)
            with pytest.raises(InvalidInput):
                await engine.runs.narrow(run_id, actor=ANN, once=True)
            async with engine.work():
                await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert len(offered(server)[0]) == len(TOOLS)


async def test_a_plan_may_not_name_what_is_hidden_in_its_turn_alone(home: Home) -> None:
    home.flow("go", plan(proposes(planned("one")), proposes(planned("two")), max_replans=1))
    async with home.open() as engine:
        run_id = await start(engine, "go")
        await engine.runs.narrow(run_id, actor=ANN, without=["fake.echo"], once=True)
        async with engine.work():
            card = await pending_approval(engine, run_id)
            assert card.step_id == "plan/1/review"
            await engine.requests.approve(card.approval_id, actor=ANN, digest=card.digest)
            await rest(engine, run_id, expect=RunStatus.COMPLETED)


async def test_it_widens_nothing(home: Home) -> None:
    home.flow("ask", talker(tools=("fake.echo",), deferred=["fake.give"]))
    answers = answering_in_turn(spoken("Yes?"), spoken("", ("fake.slow", "{}")), spoken("No."))
    async with serving(answers) as server, home.working(models=models_at(server.url)) as engine:
        run_id = await start(engine, "ask")
        await waiting(engine, run_id)
        await engine.runs.narrow(run_id, actor=ANN, only=["fake.*"])
        await say(engine, run_id, "Go.")
        await waiting(engine, run_id)
        assert offered(server)[1:] == [["fake__echo"]] * 2
        (refused,) = await told(engine, run_id, 1)
        assert refused["error"]["code"] == "permission_denied"
        assert not home.tools.calls


async def test_another_engine_knows_what_was_said(home: Home) -> None:
    home.flow("ask", talker(tools=TOOLS))
    answers = answering_in_turn(spoken("Yes?"), spoken("Well."))
    async with serving(answers) as server:
        async with home.working(models=models_at(server.url)) as engine:
            run_id = await start(engine, "ask")
            await waiting(engine, run_id)
            for _ in range(2):
                await engine.runs.narrow(
                    run_id, actor=ANN, only=["fake.echo", "fake.slow"], without=["fake.slow"]
                )
            await until(lambda: was_said(engine, run_id))
        async with home.working(models=models_at(server.url)) as engine:
            await say(engine, run_id, "Go on.")
            await waiting(engine, run_id)
            assert offered(server)[1] == ["fake__echo"]
            assert len(await said(engine, run_id)) == 1, "nothing new was said the second time"


@pytest.mark.parametrize(
    ("bounds", "names"),
    [
        ({"without": ["fake.slow"]}, ["fake__echo", "fake__give"]),
        ({"only": ["flow.other"]}, ["flow__other"]),
        ({"only": ["fl*", "fake.echo"], "without": ["flow.*"]}, ["fake__echo"]),
    ],
)
async def test_what_a_flow_starts_is_not_bound_so_flows_are_hidden_unless_they_are_named(
    home: Home, bounds: dict[str, Any], names: list[str]
) -> None:
    home.flow("other", agent(tools=("fake.slow",)))
    home.flow("ask", talker(tools=TOOLS, flows=["other"]))
    answers = answering_in_turn(spoken("Yes?"), spoken("Well."))
    async with serving(answers) as server, home.working(models=models_at(server.url)) as engine:
        run_id = await start(engine, "ask")
        await waiting(engine, run_id)
        await engine.runs.narrow(run_id, actor=ANN, **bounds)
        await say(engine, run_id, "Go on.")
        await waiting(engine, run_id)
        assert offered(server)[1] == names


async def test_a_plan_that_was_shown_with_a_tool_that_is_hidden_now_is_void(home: Home) -> None:
    home.flow("go", plan(proposes(planned("one"))))
    async with home.working() as engine:
        run_id = await start(engine, "go")
        card = await pending_approval(engine, run_id)
        await engine.runs.narrow(run_id, actor=ANN, without=["fake.echo"])
        await engine.requests.approve(card.approval_id, actor=ANN, digest=card.digest)
        await rest(engine, run_id, expect=RunStatus.FAILED)
        assert (await error_of(engine, run_id))[0] == "approval_void"
        assert not home.tools.calls


@pytest.mark.parametrize(
    "names", [["no tool!"], ["a" * 121], [""], ["\x1b[31m"], [f"t{n}" for n in range(101)]]
)
async def test_what_is_no_name_of_a_tool_is_refused(home: Home, names: list[str]) -> None:
    home.flow("ask", talker())
    async with home.working() as engine:
        run_id = await start(engine, "ask")
        with pytest.raises(InvalidInput):
            await engine.runs.narrow(run_id, actor=ANN, without=names)


async def test_a_run_whose_models_choose_among_no_tools_is_refused(home: Home) -> None:
    home.flow("waits", approval("gate", gates="a"), tool("a"))
    async with home.open() as engine:
        run_id = await start(engine, "waits")
        for hidden in (["fake.echo"], []):
            with pytest.raises(InvalidInput, match="no model chooses among tools in demo/waits"):
                await engine.runs.narrow(run_id, actor=ANN, without=hidden)
        assert not await said(engine, run_id)


async def test_a_run_that_has_ended_is_not_narrowed(home: Home) -> None:
    home.flow("ask", agent())
    async with home.working() as engine:
        run = await finished(engine, "ask")
        with pytest.raises(InvalidTransition, match="cannot be narrowed"):
            await engine.runs.narrow(run.run_id, actor=ANN, without=["fake.echo"])


async def test_a_run_that_has_not_begun_begins_so(home: Home) -> None:
    home.flow("ask", agent(tools=TOOLS))
    async with serving(answering_in_turn(spoken("Done."))) as server:
        async with home.open(models=models_at(server.url)) as engine:
            run_id = await start(engine, "ask")
            await engine.runs.narrow(run_id, actor=ANN, only=["fake.give"])
            assert (await engine.runs.get(run_id)).run.status is RunStatus.QUEUED
            async with engine.work():
                await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert offered(server) == [["fake__give"]]
