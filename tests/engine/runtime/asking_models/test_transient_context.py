"""What a model is told in one question alone: by its flow in each turn, by people in the next one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.runs.conversation import ToldContext
from engine.contracts.status import RunStatus
from engine.errors import InvalidInput, InvalidTransition
from tests.engine.models.loopback import head, serving
from tests.engine.runtime.agents.test_conversations import say, talker, waiting
from tests.engine.runtime.agents_at_work import agent, answering_in_turn, models_at, says, spoken
from tests.engine.runtime.asking_models.told_conversation import conversation_lines
from tests.engine.runtime.embedded_home import (
    ANN,
    BOB,
    Home,
    error_of,
    failed,
    finished,
    pending_approval,
    rest,
    retry,
    start,
    tool,
)
from tests.engine.runtime.outside_programs import agent as program
from tests.engine.runtime.outside_programs import agents
from tests.engine.runtime.plans.proposed_plans import call, plan, proposes

if TYPE_CHECKING:
    from engine.facade.engine import Engine
    from tests.engine.models.loopback import Loopback

ALONE = "Said for your next answer alone, by "
BY_FLOW = f"{ALONE}those who set you up:\n\n"
BY_ANN = f"{ALONE}ann:\n\n"


def last_heard(server: Loopback) -> list[Any]:
    """What stands at the end of each question: what is said in it alone, where something is."""
    contents = [asked.body["messages"][-1]["content"] for asked in server.asked]
    return [said[max(0, said.find(ALONE)) :] for said in contents]


async def told(engine: Engine, run_id: str) -> list[tuple[ToldContext, ...]]:
    return [turn.context for turn in (await engine.runs.conversation(run_id, "work")).turns]


async def test_what_the_flow_says_in_a_turn_is_rendered_anew_and_is_gone_in_the_next(home: Home) -> None:
    home.flow("ask", agent(context="Turn {{ turn.number }}, {{ turn.tokens_used }} tokens."))
    answers = answering_in_turn(spoken("", ("fake__echo", '{"a": 1}')), spoken("Done."))
    async with serving(answers) as server, home.working(models=models_at(server.url)) as engine:
        run = await finished(engine, "ask")
        assert last_heard(server) == [f"{BY_FLOW}Turn 1, 0 tokens.", f"{BY_FLOW}Turn 2, 110 tokens."]
        assert "Turn 1" not in str(server.asked[1].body)
        assert [one[0].text for one in await told(engine, run.run_id)] == [
            "Turn 1, 0 tokens.",
            "Turn 2, 110 tokens.",
        ]
        assert {one[0].by for one in await told(engine, run.run_id)} == {""}


async def test_what_people_say_is_heard_once_and_shown_as_what_it_was(home: Home) -> None:
    home.flow("ask", talker())
    answers = answering_in_turn(spoken("Yes?"), spoken("Well."), spoken("Bye."))
    async with serving(answers) as server, home.working(models=models_at(server.url)) as engine:
        run_id = await start(engine, "ask")
        await waiting(engine, run_id)
        assert (await engine.runs.tell(run_id, " Be brief.\n{{ payload }} ", actor=ANN)).changed
        await engine.runs.tell(run_id, "Use no tool.", actor=ANN)
        for words in ("Go on.", "And?"):
            await say(engine, run_id, words)
            await waiting(engine, run_id)
        assert last_heard(server) == [
            "Do it.",
            f"{BY_ANN}Be brief.\n{{{{ payload }}}}\n\n{BY_ANN}Use no tool.",
            "And?",
        ]
        assert "Be brief" not in str(server.asked[2].body)
        said = (
            ToldContext(by="ann", text="Be brief.\n{{ payload }}"),
            ToldContext(by="ann", text="Use no tool."),
        )
        assert await told(engine, run_id) == [(), said, ()]
        lines = list(conversation_lines(await engine.runs.conversation(run_id, "work")))
        assert lines.count("said for this turn alone by ann") == 2


async def test_where_no_model_is_asked_the_answer_is_to_what_a_person_said_as_a_message(home: Home) -> None:
    home.flow("ask", talker())
    async with home.working() as engine:
        run_id = await start(engine, "ask")
        await waiting(engine, run_id)
        await engine.runs.tell(run_id, "Be brief.", actor=ANN)
        await say(engine, run_id, "And you?")
        assert (await waiting(engine, run_id)).turns[-1].text.endswith("You wrote: And you?")


async def test_a_turn_that_is_asked_again_hears_it_still_and_another_engine_knows_it(home: Home) -> None:
    home.flow("ask", agent(retry={"max_attempts": 1}))
    refused = head(401, "application/json") + b'{"error": {"message": "who are you"}}'
    async with serving(answering_in_turn(refused, spoken("Done."))) as server:
        async with home.open(models=models_at(server.url)) as engine:
            run_id = await start(engine, "ask")
            await engine.runs.tell(run_id, "Be brief.", actor=ANN)
            async with engine.work():
                await rest(engine, run_id, expect=RunStatus.FAILED)
        async with home.working(models=models_at(server.url)) as engine:
            await retry(engine, run_id)
            await rest(engine, run_id, expect=RunStatus.COMPLETED)
            assert last_heard(server) == [f"{BY_ANN}Be brief."] * 2


async def test_a_plan_hears_it_too(home: Home) -> None:
    home.flow("go", plan(context="It is turn {{ turn.number }}."))
    answers = answering_in_turn(spoken(json.dumps(proposes(call("one")))))
    async with serving(answers) as server, home.working(models=models_at(server.url)) as engine:
        run_id = await start(engine, "go")
        await rest(engine, run_id)
        assert last_heard(server) == [f"{BY_FLOW}It is turn 1."]


async def test_secrets_and_personal_data_that_people_say_are_masked_before_a_model_hears_them(
    home: Home,
) -> None:
    home.flow("ask", agent())
    async with serving(answering_in_turn(spoken("Done."))) as server:
        async with home.open(models=models_at(server.url)) as engine:
            run_id = await start(engine, "ask")
            await engine.runs.tell(run_id, "Mail bob@example.com", actor=ANN)
            async with engine.work():
                await rest(engine, run_id, expect=RunStatus.COMPLETED)
            events = await engine.runs.events(run_id, limit=1_000)
        assert last_heard(server) == [f"{BY_ANN}Mail [EMAIL]"]
        assert [one.payload["text"] for one in events if one.kind == "agent_context_added"] == [
            "Mail [EMAIL]"
        ]


@pytest.mark.parametrize("text", ["", " \n", "a" * 2_001, "a\udcff"])
async def test_nothing_or_too_much_is_not_said(home: Home, text: str) -> None:
    home.flow("ask", talker())
    async with home.open() as engine:
        run_id = await start(engine, "ask")
        with pytest.raises(InvalidInput):
            await engine.runs.tell(run_id, text, actor=ANN)


async def test_no_more_than_ten_messages_wait_for_a_turn(home: Home) -> None:
    home.flow("ask", talker())
    async with home.open() as engine:
        run_id = await start(engine, "ask")
        for number in range(10):
            await engine.runs.tell(run_id, f"{number}", actor=ANN)
        with pytest.raises(InvalidInput, match="10 messages wait"):
            await engine.runs.tell(run_id, "one more", actor=ANN)


async def test_a_run_that_asks_no_model_or_has_ended_is_told_nothing(home: Home) -> None:
    home.flow("ask", agent())
    home.flow("plain", tool("one", params={"a": 1}))
    async with home.working() as engine:
        ended = await finished(engine, "ask")
        with pytest.raises(InvalidTransition, match="cannot be told anything"):
            await engine.runs.tell(ended.run_id, "hello", actor=ANN)
        plain = await finished(engine, "plain")
        with pytest.raises(InvalidInput, match="asks no model"):
            await engine.runs.tell(plain.run_id, "hello", actor=ANN)
    home.flow("program", program())
    async with home.open(agents=agents(home, "file")) as engine:
        run_id = await start(engine, "program")
        with pytest.raises(InvalidInput, match="asks no model"):
            await engine.runs.tell(run_id, "hello", actor=ANN)


async def test_more_than_a_flow_may_say_fails_its_turn(home: Home) -> None:
    home.flow("ask", agent(says("Done."), context="{{ payload.text }}"))
    async with home.working() as engine:
        run = await failed(engine, "ask", {"text": "a" * 32_001})
        code, message = await error_of(engine, run.run_id)
        assert (code, "32001 characters, more than 32000" in message) == ("invalid_input", True)


GIVEN = "demo.given"
TAKES = "def given(context):\n    return {'data': context['data']}\n"


def with_tool(home: Home, *script: Any) -> None:
    """An agent that converses and has a tool of its pack, which brings what it was given."""
    home.flow("ask", agent(*script, tools=(GIVEN,), mode="conversation"))
    (home.root / "shipped" / "demo" / "tools.py").write_text(TAKES)


async def test_data_reaches_the_packs_own_tools_in_one_turn_and_no_model(home: Home) -> None:
    with_tool(home)
    calls = ("demo__given", "{}")
    answers = answering_in_turn(spoken("Hi."), spoken("", calls), spoken("", calls), spoken("Done."))
    async with serving(answers) as server:
        async with home.working(models=models_at(server.url)) as engine:
            run_id = await start(engine, "ask")
            await waiting(engine, run_id)
            await engine.runs.tell(run_id, "", data={"ticket": "T-1", "by": "a@b.example"}, actor=ANN)
            await engine.runs.tell(run_id, "Be brief.", data={"ticket": "T-17"}, actor=ANN)
        async with home.working(models=models_at(server.url)) as engine:  # another engine knows it
            await say(engine, run_id, "Go on.")
            found = await waiting(engine, run_id)
            first, second = found.turns[1].calls[0], found.turns[2].calls[0]
            assert first.result == {"data": {"ticket": "T-17", "by": "[EMAIL]"}}
            assert second.result == {"data": {}}
            assert last_heard(server)[1] == f"{BY_ANN}Be brief."
            assert "T-1" not in str(server.asked[1].body)
            assert [one.data for one in found.turns[1].context] == [
                {"ticket": "T-1", "by": "[EMAIL]"},
                {"ticket": "T-17"},
            ]
            lines = list(conversation_lines(found))
            assert lines.count("given to the tools of this turn by ann") == 2
            assert lines.count("said for this turn alone by ann") == 1


async def test_a_card_shows_what_the_call_was_given_and_another_turn_of_it_was_given_nothing(
    home: Home,
) -> None:
    with_tool(home, says("Hi."), says("", {"tool": GIVEN}), says("Done."))
    file = home.root / "shipped" / "demo" / "flows" / "ask.yaml"
    file.write_text(f"autonomy_level: suggest_only\n{file.read_text()}")
    async with home.working() as engine:
        run_id = await start(engine, "ask")
        await waiting(engine, run_id)
        await engine.runs.tell(run_id, "", data={"ticket": "T-17"}, actor=ANN)
        await say(engine, run_id, "Go on.")
        card = await pending_approval(engine, run_id)
        assert card.context == {"data": {"ticket": "T-17"}}
        await engine.runs.tell(run_id, "", data={"ticket": "T-18"}, actor=ANN)  # of the turn after it
        await engine.requests.approve(card.approval_id, actor=BOB, digest=card.digest)
        found = await waiting(engine, run_id)
        assert found.turns[1].calls[0].result == {"data": {"ticket": "T-17"}}


async def test_what_is_no_object_or_too_much_is_refused(home: Home) -> None:
    home.flow("ask", talker())
    async with home.working() as engine:
        run_id = await start(engine, "ask")
        await waiting(engine, run_id)
        deep = json.loads('{"a":' * 60 + "1" + "}" * 60)
        for data in ({}, {"a": "x" * 2_000}, {"a": {1, 2}}, {"a": "\ud800"}, deep):
            with pytest.raises(InvalidInput):
                await engine.runs.tell(run_id, "", data=data, actor=ANN)
