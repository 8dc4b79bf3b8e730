"""Skills that a person names in a message are told with it, as blocks that stay in the conversation."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.layers.hook import Hook, HookPoint
from engine.contracts.status import RunStatus
from engine.errors import InvalidInput
from engine.governance.policies import Policies
from engine.json_schema.forms import skills_named
from tests.engine.models.loopback import serving
from tests.engine.runtime.agents.test_agent_skills import BODY, skill, skill_events
from tests.engine.runtime.agents.test_conversations import waiting
from tests.engine.runtime.agents_at_work import agent, answering_in_turn, models_at, says, spoken
from tests.engine.runtime.asking_models.told_conversation import conversation_lines
from tests.engine.runtime.embedded_home import BOB, Home, failed, finished, rest, retry, start

if TYPE_CHECKING:
    from engine.facade.engine import Engine

DIGEST = sha256(BODY.encode()).hexdigest()
HEAD = f"Skill demo/look (sha256 {DIGEST[:12]}): The look. When to use it: When it looks"
TAKES = {
    "type": "object",
    "properties": {
        "skills": {"type": "array", "items": {"enum": ["look", "lost"]}, "format": "skills", "default": []}
    },
}


async def say(engine: Engine, run_id: str, text: str) -> None:
    """As the console and the command line do."""
    found = await waiting(engine, run_id)
    assert found.waits_with is not None
    said = {"text": text, **skills_named(found.message_schema, text)}
    await engine.requests.answer(found.waits_with, said, actor=BOB)


async def test_it_stands_before_the_message_in_this_and_every_later_turn_also_of_another_engine(
    home: Home,
) -> None:
    home.flow("talk", agent(mode="conversation"))
    skill(home, "look")
    answers = answering_in_turn(spoken("Hello."), spoken("I looked."), spoken("Still."))
    async with serving(answers) as server:
        async with home.working(models=models_at(server.url)) as engine:
            run_id = await start(engine, "talk")
            await say(engine, run_id, "Now /look, please.")
            await waiting(engine, run_id)
        async with home.working(models=models_at(server.url)) as engine:
            await say(engine, run_id, "And now?")
            found = await waiting(engine, run_id)
            for asked in server.asked[1:]:
                said = [one["content"] for one in asked.body["messages"] if one["role"] == "user"]
                assert said[1] == f"{HEAD}\n\n{BODY}\n\nNow /look, please."
            assert server.asked[2].body["messages"][-1]["content"] == "And now?"
            ((kind, told),) = await skill_events(engine, run_id)
            assert (kind, told["keys"]) == ("agent_skills_resolved", ["demo/look"])
            assert [[one.key for one in turn.said_skills] for turn in found.turns] == [[], ["demo/look"], []]
            assert found.turns[1].said == "Now /look, please."
            assert any(line.startswith("skill demo/look · ") for line in conversation_lines(found))


async def test_an_agent_that_a_hook_forbids_leaves_no_word_of_its_skills_and_has_them_when_it_may(
    home: Home,
) -> None:
    refused = Policies(hooks=(Hook(id="no", at=HookPoint.START, reason="Not here."),))
    hushed = Policies(hooks=(Hook(id="no", at=HookPoint.BEFORE_MODEL, contains=("hush",), reason="No."),))
    home.flow("ask", agent(says("Here."), skills=["look"]))
    home.flow("talk", agent(says("Hello."), says("I looked."), mode="conversation"))
    skill(home, "look")
    async with home.working(policies=refused) as engine:
        asked = (await failed(engine, "ask")).run_id
        assert await skill_events(engine, asked) == []
    async with home.working(policies=hushed) as engine:
        talked = await start(engine, "talk")
        await say(engine, talked, "Now /look, and hush.")
        await rest(engine, talked, expect=RunStatus.FAILED)
        assert await skill_events(engine, talked) == []
    async with home.working() as engine:
        for run_id, status in ((asked, RunStatus.COMPLETED), (talked, RunStatus.PENDING_USER_INPUT)):
            await retry(engine, run_id)
            await rest(engine, run_id, expect=status)
            ((kind, told),) = await skill_events(engine, run_id)
            assert (kind, told["keys"]) == ("agent_skills_resolved", ["demo/look"])


async def test_one_that_is_all_that_a_person_says_is_told_alone_and_does_not_end_the_conversation(
    home: Home,
) -> None:
    home.flow("talk", agent(mode="conversation"))
    skill(home, "look")
    answers = answering_in_turn(spoken("Hello."), spoken("I looked."))
    async with serving(answers) as server, home.working(models=models_at(server.url)) as engine:
        run_id = await start(engine, "talk")
        found = await waiting(engine, run_id)
        assert found.waits_with is not None
        await engine.requests.answer(found.waits_with, {"text": " ", "skills": ["look"]}, actor=BOB)
        found = await waiting(engine, run_id)
        assert [turn.text for turn in found.turns] == ["Hello.", "I looked."]
        assert server.asked[1].body["messages"][-1]["content"] == f"{HEAD}\n\n{BODY}"
        assert any(line.startswith("skill demo/look · ") for line in conversation_lines(found))


async def test_one_whose_tool_the_agent_lacks_cannot_be_named_and_is_a_word_like_any_other(
    home: Home,
) -> None:
    home.flow("talk", agent(says("Hello."), says("No."), mode="conversation"))
    skill(home, "call", required_tools=["fake.give"])
    skill(home, "look")
    async with home.working() as engine:
        run_id = await start(engine, "talk")
        await say(engine, run_id, "/call it")
        found = await waiting(engine, run_id)
        assert found.turns[1].said_skills == ()
        assert found.waits_with is not None
        with pytest.raises(InvalidInput, match="skills"):
            await engine.requests.answer(found.waits_with, {"text": "x", "skills": ["call"]}, actor=BOB)


async def test_those_of_a_start_are_told_with_the_prompt_and_one_that_is_not_there_is_on_record(
    home: Home,
) -> None:
    home.flow("ask", agent(says("x"), skills=("{{ payload.skills }}",)), input=TAKES)
    skill(home, "look")
    answers = answering_in_turn(spoken("Here."))
    async with serving(answers) as server, home.working(models=models_at(server.url)) as engine:
        run = await finished(engine, "ask", {"what": "a thing", "skills": ["lost", "look"]})
        asked = server.asked[0].body["messages"][1]["content"]
        assert asked == f"{HEAD}\n\n{BODY}\n\nDo a thing."
        failed, (_, told) = await skill_events(engine, run.run_id)
        assert failed[1]["reason"] == "not_found"
        assert told["keys"] == ["demo/look"]


async def test_more_text_than_an_agent_is_told_is_left_out_and_too_many_names_fail(home: Home) -> None:
    free = {"type": "object", "properties": {"skills": {}}}
    home.flow("ask", agent(says("x"), skills=("{{ payload.skills }}",)), input=free)
    skill(home, "half", "x" * 60_000)
    skill(home, "rest", "y" * 60_000)
    async with home.working() as engine:
        run = await finished(engine, "ask", {"what": "it", "skills": ["half", "rest"]})
        (_, failed), (_, told) = await skill_events(engine, run.run_id)
        assert (failed["reason"], told["keys"]) == ("too_large", ["demo/half"])
        for wrong, why in ([f"s{number}" for number in range(21)], "at most 20"), (7, "names of skills"):
            started = await start(engine, "ask", {"what": "it", "skills": wrong})
            run = await rest(engine, started, expect=RunStatus.FAILED)
            assert run.error is not None
            assert why in run.error.message


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("/look", ["look"]),
        ("first /lost, then /look.", ["lost", "look"]),
        ("/look and /look", ["look"]),
        ("see /look/at or a/look or /looks or / look", []),
        ("(/look)", []),
        ("", []),
    ],
)
def test_a_word_of_its_own_names_a_skill(text: str, named: list[str]) -> None:
    expected: dict[str, Any] = {"skills": named} if named else {}
    assert skills_named(TAKES, text) == expected
    assert skills_named({"type": "object"}, text) == {}
