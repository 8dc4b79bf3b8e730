"""Answers of servers that are allowed, and are not what most of them send."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from engine.contracts.status import RunStatus
from engine.models.settings import BreakerSettings
from tests.engine.models.loopback import head, serving
from tests.engine.runtime.agents_at_work import agent, answering_in_turn, call, models_at, says, spoken, told
from tests.engine.runtime.asking_models.told_conversation import conversation_lines
from tests.engine.runtime.embedded_home import (
    ANN,
    error_of,
    failed,
    finished,
    pending_approval,
    rest,
    retry,
    start,
    statuses,
    until,
)

if TYPE_CHECKING:
    from engine.facade.engine import Engine
    from engine.models.settings import ModelSettings
    from tests.engine.models.loopback import Loopback
    from tests.engine.runtime.embedded_home import Home


async def test_calls_have_ids_of_our_own_as_servers_may_give_the_same_ones_in_every_turn(home: Home) -> None:
    looks = ("fake__echo", '{"a": 1}'), ("fake__echo", '{"a": 2}')
    answers = answering_in_turn(spoken("", *looks), spoken("", *looks), spoken("Done."))
    home.flow("ask", agent(says("never asked for")))
    async with serving(answers) as server, home.working(models=models_at(server.url)) as engine:
        await finished(engine, "ask")
        told = server.asked[-1].body["messages"]
        ids = [one["id"] for message in told for one in message.get("tool_calls", ())]
        assert ids == [message["tool_call_id"] for message in told if message["role"] == "tool"]
        assert len(set(ids)) == 4
        assert all(re.fullmatch("[a-z0-9]{9}", one) for one in ids)  # no server known takes less


async def test_an_answer_whose_bound_was_used_up_is_told_as_cut_off(home: Home) -> None:
    answers = answering_in_turn(spoken("It is only hal").replace(b'"stop"', b'"length"'))
    home.flow("ask", agent(says("never asked for")))
    async with (
        serving(answers) as server,
        home.working(models=models_at(server.url)) as engine,
    ):
        run = await finished(engine, "ask")
        (turn,) = (await engine.runs.conversation(run.run_id, "work")).turns
        assert (turn.text, turn.cut_off) == ("It is only hal", True)


async def test_a_call_that_was_cut_off_is_not_made_and_the_model_is_told_why(home: Home) -> None:
    whole = ("fake__echo", '{"a": 1}')
    for_tokens = (b'"tool_calls"}', b'"length"}')
    answers = answering_in_turn(
        spoken("", whole, ("fake__echo", "")).replace(*for_tokens),
        spoken("", ("fake__echo", '{"a": 2')).replace(*for_tokens),
        spoken("", ("fake__echo", "")),  # of one that is whole it means no arguments
        spoken("Done."),
    )
    home.flow("ask", agent(says("never asked for")))
    async with serving(answers) as server, home.working(models=models_at(server.url)) as engine:
        run = await finished(engine, "ask")
        first, second, _ = [await told(engine, run.run_id, turn) for turn in range(3)]
    assert [params for _, params in home.tools.calls] == [{"a": 1}, {}]
    assert "cut off, its bound of tokens was used up" in str(first[1])
    assert "cut off, its bound of tokens was used up" in str(second[0])


async def test_a_model_that_says_nothing_is_asked_again_and_is_told_so(home: Home) -> None:
    look = ("fake__echo", '{"a": 1}')
    answers = answering_in_turn(spoken("", look), spoken(""), spoken(" \n"), spoken("Done."))
    home.flow("ask", agent(says("never asked for")))
    async with serving(answers) as server, home.working(models=models_at(server.url)) as engine:
        run = await finished(engine, "ask")
        conversation = "\n".join(conversation_lines(await engine.runs.conversation(run.run_id, "work")))
    words = "Your last answer was empty. Go on, or give your answer."
    ends = [asked.body["messages"][-1]["content"] == words for asked in server.asked]
    assert ends == [False, False, True, True]
    assert words not in conversation


async def test_a_model_that_goes_on_saying_nothing_fails_its_agent(home: Home) -> None:
    home.flow("ask", agent(says("never asked for")))
    async with (
        serving(answering_in_turn(*[spoken("")] * 3, spoken("Done."))) as server,
        home.working(models=restless(server.url)) as engine,
    ):
        run = await failed(engine, "ask")
        assert run.error is not None
        assert (run.error.code, run.error.details["reason"]) == ("model_error", "no_answer")
        assert len(server.asked) == 3
        await start(engine, "ask")
        await until(lambda: asked(server, 4))  # nobody leaves the model alone: it answers others


async def test_a_server_that_refuses_one_question_is_no_server_that_is_away(home: Home) -> None:
    away, refuses = head(500, "application/json") + b"{}", head(400, "application/json") + b"{}"
    home.flow("ask", agent(says("never asked for")))
    answers = answering_in_turn(away, refuses, away, spoken("Done."))
    async with serving(answers) as server, home.working(models=restless(server.url, 2)) as engine:
        run = await failed(engine, "ask")
        assert run.error is not None
        assert run.error.details["reason"] == "invalid_request"
        await finished(engine, "ask")


async def test_a_conversation_says_until_when_a_server_asked_to_be_left_alone(home: Home) -> None:
    busy = head(429, "application/json", retry_after="3600") + b"{}"
    home.flow("ask", agent(says("never asked for")))
    async with (
        serving(answering_in_turn(busy)) as server,
        home.working(models=models_at(server.url)) as engine,
    ):
        run_id = await start(engine, "ask")

        async def waits() -> bool:
            return (await engine.runs.summary(run_id)).status is RunStatus.RETRYING

        await until(waits)
        found = await engine.runs.conversation(run_id, "work")
        step = await engine.runs.step(run_id, "work/0/model")
        assert found.run_status is RunStatus.RETRYING
        assert step.retry_at is not None
        assert [turn.retry_at for turn in found.turns] == [step.retry_at]
        assert "waits for another try, not before" in "\n".join(conversation_lines(found))


def restless(url: str, failures: int = 1) -> ModelSettings:
    """A model that is left alone after a single failure, or a few."""
    return models_at(url).model_copy(update={"breaker": BreakerSettings(failures=failures, seconds=3_600)})


async def asked(server: Loopback, times: int) -> bool:
    return len(server.asked) == times


def thought_before(answer: bytes) -> bytes:
    return answer.replace(
        b'"delta": {', b'"delta": {"reasoning_content": "Let me see. AKIAIOSFODNN7EXAMPLE", '
    )


async def test_what_a_model_thought_goes_back_to_it_from_the_journal_to_no_other_and_to_nobody_else(
    home: Home,
) -> None:
    look = ("fake__echo", '{"a": 1}')
    answers = answering_in_turn(thought_before(spoken("", look)), thought_before(spoken("", look)))
    home.flow("ask", agent(says("never asked for")), autonomy_level="suggest_only")

    async def approve(engine: Engine) -> None:
        card = await pending_approval(engine, run_id)
        await engine.requests.approve(card.approval_id, actor=ANN, digest=card.digest)

    async with serving(answers) as server, serving(answering_in_turn(spoken("Done."))) as another:
        async with home.working(models=models_at(server.url)) as engine:
            run_id = await start(engine, "ask")
            await pending_approval(engine, run_id)
        async with home.working(models=models_at(server.url)) as engine:
            await approve(engine)
            await pending_approval(engine, run_id)
            answer = server.asked[1].body["messages"][2]
            assert answer["reasoning_content"].startswith("Let me see. [SECRET")
        async with home.working(models=models_at(another.url)) as engine:
            await approve(engine)
            await rest(engine, run_id, expect=RunStatus.COMPLETED)
            lines = (await engine.runs.output(run_id, step_id="work/0/model")).lines
            assert [line.text for line in lines] == ["(it thinks before it answers)", '→ fake.echo {"a": 1}']
            conversation = await engine.runs.conversation(run_id, "work")
            assert "Let me see" not in "\n".join(conversation_lines(conversation))
            for step in ("work/0/model", "work/0/calls"):
                output = (await engine.runs.step(run_id, step)).output
                assert "Let me see" not in str(output)
                assert "fake.echo" in str(output)
        assert len(another.asked[0].body["messages"]) == 6
        assert "Let me see" not in str(another.asked[0].body)


def no_object(number: int) -> dict[str, Any]:
    """A call whose arguments are not what any tool takes, and not those of the one before."""
    return {"tool": "fake.echo", "arguments": f"no object, {number}"}


async def test_arguments_that_never_fit_end_the_agent_after_the_third_answer_in_a_row(home: Home) -> None:
    wrong = [says("", no_object(number), no_object(-number)) for number in range(5)]
    home.flow("ask", agent(*wrong, says("Well.")))
    async with home.working() as engine:
        run = await failed(engine, "ask")
        code, message = await error_of(engine, run.run_id)
        assert code == "contract_violation"
        assert "the arguments of fake.echo are no JSON object" in message
        first, second = await told(engine, run.run_id), await told(engine, run.run_id, 1)
        assert [one["error"]["code"] for one in (*first, *second)] == ["invalid_input"] * 4
        assert "work/2/calls/0/call" not in await statuses(engine, run.run_id)
        await retry(engine, run.run_id)  # which asks for one more
        run = await rest(engine, run.run_id, expect=RunStatus.FAILED)
        assert (await statuses(engine, run.run_id))["work/2/calls/0/call"] == "FAILED"
        assert "work/3/calls/0/call" not in await statuses(engine, run.run_id)
    assert not home.tools.calls


async def test_arguments_that_fit_once_in_a_while_and_calls_that_fail_by_themselves_end_no_agent(
    home: Home,
) -> None:
    turns = [says("", no_object(number)) for number in range(4)]
    turns.insert(2, says("", call(a=1), no_object(9)))
    fails = [says("", call("fake.fail", message=f"no disk {number}")) for number in range(4)]
    home.flow("ask", agent(*turns, *fails, says("Well."), max_turns=20))
    async with home.working() as engine:
        run = await finished(engine, "ask")
        assert run.output is not None
        assert run.output["text"] == "Well."
