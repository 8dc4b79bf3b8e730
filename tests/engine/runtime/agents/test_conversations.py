"""An agent that a person talks to: it waits after each answer, and hears all that was said before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.status import RunStatus
from engine.errors import InvalidInput
from tests.engine.models.loopback import serving
from tests.engine.runtime.agents_at_work import agent, answering_in_turn, call, models_at, says, spoken
from tests.engine.runtime.embedded_home import ANN, BOB, Home, error_of, rest, start, tool

if TYPE_CHECKING:
    from engine.contracts.runs.conversation import Conversation
    from engine.facade.engine import Engine
    from engine.journal.port import Journal


def talker(*script: Any, **fields: Any) -> Any:
    return agent(*script, mode="conversation", **fields)


async def waiting(engine: Engine, run_id: str) -> Conversation:
    """The conversation when it waits for a person."""
    await rest(engine, run_id, expect=RunStatus.PENDING_USER_INPUT)
    return await engine.runs.conversation(run_id, "work")


async def say(engine: Engine, run_id: str, text: str) -> None:
    asked = (await waiting(engine, run_id)).waits_with
    assert asked is not None
    await engine.requests.answer(asked, {"text": text}, actor=BOB)


async def test_a_conversation_waits_after_each_answer_and_an_empty_message_ends_it(home: Home) -> None:
    home.flow("talk", talker(says("Hello."), says("Well?")), tool("after", params={"a": 1}))
    async with home.working() as engine:
        run_id = await start(engine, "talk")
        found = await waiting(engine, run_id)
        assert [turn.text for turn in found.turns] == ["Hello."]
        (form,) = (await engine.requests.forms(run_id=run_id)).items
        assert (form.title, form.prompt, form.request_id) == (
            "work: your next message",
            "Hello.",
            found.waits_with,
        )
        await say(engine, run_id, "How are you? {{ payload }}")
        found = await waiting(engine, run_id)
        turn = found.turns[-1]
        assert (turn.said, turn.said_by, turn.text) == ("How are you? {{ payload }}", "bob", "Well?")
        await say(engine, run_id, "  ")
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert (await engine.runs.step(run_id, "work")).output["text"] == "Well?"
        found = await engine.runs.conversation(run_id, "work")
        assert (len(found.turns), found.waits_with) == (2, None)


async def test_a_conversation_is_taken_up_by_another_engine_whose_model_hears_all_of_it(home: Home) -> None:
    home.flow("talk", talker(tools=("fake.echo",)))
    answers = answering_in_turn(
        spoken("", ("fake__echo", '{"a": 1}')), spoken("It is there."), spoken("You are welcome.")
    )
    async with serving(answers) as server:
        async with home.working(models=models_at(server.url)) as engine:
            run_id = await start(engine, "talk")
            await waiting(engine, run_id)
        async with home.working(models=models_at(server.url)) as engine:
            await say(engine, run_id, "Thank you.")
            assert len((await waiting(engine, run_id)).turns) == 3
        heard = [(one["role"], one["content"]) for one in server.asked[-1].body["messages"][1:]]
        assert heard == [
            ("user", "Do it."),
            ("assistant", None),
            ("tool", '{"a":1}'),
            ("assistant", "It is there."),
            ("user", "Thank you."),
        ]


async def test_a_long_conversation_goes_on_in_another_engine_with_what_its_model_can_read(home: Home) -> None:
    home.flow("talk", talker())
    answers = answering_in_turn(*[spoken(f"Answer {number}. {'x' * 900}") for number in range(9)])
    async with serving(answers) as server:
        small = models_at(server.url, context_tokens=1_000)
        async with home.working(models=small) as engine:
            run_id = await start(engine, "talk")
            for number in range(6):
                await say(engine, run_id, f"Question {number}")
            await waiting(engine, run_id)
        async with home.working(models=small) as engine:
            await say(engine, run_id, "Question 6")
            assert len((await waiting(engine, run_id)).turns) == 8
        first, *heard = [str(one["content"]) for one in server.asked[-1].body["messages"][1:]]
        assert (first[:10], first[-12:]) == ("Do it.\n\n(4", "\n\nQuestion 3")  # one message of the user's
        assert [said[:10] for said in heard[:3]] == ["Answer 4. ", "Question 4", "Answer 5. "]
        assert heard[-1] == "Question 6"


async def test_max_turns_are_those_of_one_answer(home: Home) -> None:
    script = (says("", call(a=1)), says("One."), says("", call(a=2)), says("Two."), says("", call(a=3)))
    home.flow("talk", talker(*script, says("", call(a=4)), says("never"), max_turns=2))
    async with home.working() as engine:
        run_id = await start(engine, "talk")
        await say(engine, run_id, "more")
        assert [turn.text for turn in (await waiting(engine, run_id)).turns] == ["", "One.", "", "Two."]
        await say(engine, run_id, "much more")
        await rest(engine, run_id, expect=RunStatus.FAILED)
        assert (await error_of(engine, run_id))[0] == "turn_limit"
        assert [params for _, params in home.tools.calls] == [{"a": 1}, {"a": 2}, {"a": 3}]


async def test_what_was_said_before_counts_no_call_as_one_too_many(home: Home) -> None:
    again = [step for _ in range(5) for step in (says("", call(a=1)), says("As before."))]
    home.flow("talk", talker(*again))
    async with home.working() as engine:
        run_id = await start(engine, "talk")
        for _ in range(4):
            await say(engine, run_id, "again")
        assert len((await waiting(engine, run_id)).turns) == 10


async def test_a_conversation_can_be_cancelled_while_it_waits(home: Home) -> None:
    home.flow("talk", talker(says("Hello.")))
    async with home.working() as engine:
        run_id = await start(engine, "talk")
        await waiting(engine, run_id)
        await engine.runs.cancel(run_id, actor=ANN)
        await rest(engine, run_id, expect=RunStatus.CANCELLED)
        assert (await engine.runs.conversation(run_id, "work")).waits_with is None


async def test_runs_of_one_session_are_found_together_and_only_in_their_tenant(
    home: Home, each_journal: Journal
) -> None:
    home.flow("talk", talker(says("Hello.")))
    async with home.open(journal=each_journal) as engine:
        begun = [
            await engine.runs.start("demo", "talk", {}, actor=ANN, session_id=name, tenant=tenant)
            for name, tenant in (("day", "a"), ("day", "a"), ("night", "a"), ("day", "b"))
        ]
        ids = [run.run_id for run in begun]
        assert [run.run_id for run in await engine.runs.session("day")] == [ids[0], ids[1], ids[3]]
        of_a = engine.for_(ANN, tenant="a")
        assert [run.run_id for run in await of_a.runs.session("day")] == ids[:2]
        assert begun[0].session_id == "day"
        with pytest.raises(InvalidInput, match="at most 36"):
            await engine.runs.start("demo", "talk", {}, actor=ANN, session_id="two words")


async def test_a_part_of_a_conversation_is_read_without_the_rest(home: Home) -> None:
    calls = [says("", call(n=n)) for n in range(11)]
    home.flow("main", agent(*calls, says("Done."), max_turns=20))
    async with home.working() as engine:
        run_id = await start(engine, "main")
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        whole = await engine.runs.conversation(run_id, "work")
        assert (whole.first, whole.turn_count, len(whole.turns)) == (0, 12, 12)
        for after, limit, first, count in [
            (0, 2, 0, 2),
            (1, 3, 1, 3),
            (-2, None, 10, 2),
            (-99, 1, 0, 1),
            (50, 5, 12, 0),
        ]:
            part = await engine.runs.conversation(run_id, "work", after=after, limit=limit)
            assert (part.first, part.turn_count) == (first, 12)
            assert part.turns == whole.turns[first : first + count]
            heads = await engine.runs.conversation(run_id, "work", after=after, limit=limit, calls=False)
            assert heads == part.model_copy(
                update={"turns": tuple(turn.model_copy(update={"calls": ()}) for turn in part.turns)}
            )
            assert [turn.call_count for turn in heads.turns] == [len(turn.calls) for turn in part.turns]


async def test_the_agents_of_a_run_are_found_without_their_turns(home: Home) -> None:
    home.flow("talk", talker())
    async with home.working() as engine:
        run_id = await start(engine, "talk")
        await waiting(engine, run_id)
        assert [one.step_id for one in (await engine.runs.steps(run_id, of_type="agent")).items] == ["work"]
        assert len((await engine.runs.steps(run_id)).items) > 1
        assert (await engine.runs.steps(run_id, of_type="subflow")).items == ()
