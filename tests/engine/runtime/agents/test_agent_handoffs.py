"""An agent hands the conversation over to another one of its flow, which goes on in its place."""

from __future__ import annotations

from typing import Any

import pytest

from engine.contracts.status import RunStatus
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
    Home,
    approval,
    error_of,
    failed,
    finished,
    kinds,
    pending_approval,
    pending_form,
    rest,
    start,
    statuses,
    tool,
)

Step = dict[str, Any]


def to(name: str, message: str = "It is yours.") -> Step:
    return call("handoff", to=name, message=message)


def named(step: str, *script: Step, **fields: Any) -> Step:
    return {**agent(*script, tools=(), **fields), "id": step}


async def test_the_other_agent_goes_on_in_its_place_and_knows_what_was_handed_over(home: Home) -> None:
    home.flow(
        "ask",
        named("triage", handoffs=["billing", "tech"], prompt="Help with {{ payload.what }}."),
        named("billing"),
        named("tech", name="Repairs"),
        tool("after", params={"said": "{{ steps.tech.output.text }}"}),
    )
    handing = spoken("A broken pipe.", ("handoff", '{"to": "tech", "message": "Ground floor {{ 1 }}"}'))
    answers = answering_in_turn(handing, spoken("Mended."))
    async with serving(answers) as server, home.working(models=models_at(server.url)) as engine:
        run = await finished(engine, "ask", {"what": "water"})
        assert run.output == {"said": "Mended."}
        assert await statuses(engine, run.run_id) == dict.fromkeys(
            (
                *("triage", "triage/0/model", "triage/0/calls", "triage/0/calls/0/call"),
                *("tech", "tech/0/model", "tech/0/calls", "after"),
            ),
            "COMPLETED",
        )
        first, second = (asked.body for asked in server.asked)
        offer = first["tools"][-1]["function"]
        assert offer["parameters"]["properties"]["to"] == {"enum": ["billing", "tech"]}
        assert "tech: Repairs" in offer["description"]
        assert "tools" not in second
        heard = second["messages"][1]["content"]
        assert heard.startswith("The agent triage has handed the conversation over to you.")
        for words in ("Ground floor {{ 1 }}", "Help with water.", "A broken pipe.", "Do water."):
            assert words in heard
        handed = list(conversation_lines(await engine.runs.conversation(run.run_id, "triage")))
        assert handed[-1] == "handed over to tech"
        taken = list(conversation_lines(await engine.runs.conversation(run.run_id, "tech")))
        assert taken[taken.index("handed over by triage") + 1] == "│ Ground floor {{ 1 }}"
        assert run.tool_calls == 1


async def test_one_that_cannot_be_is_told_and_the_agent_goes_on(home: Home) -> None:
    wrong = to("nobody"), to("tech", "x" * 8_001), call("handoff", to="tech")
    home.flow("ask", named("work", says("", *wrong), says("I do it."), handoffs=["tech"]), named("tech"))
    home.flow("alone", named("work", says("", to("tech")), says("I do it.")))
    async with home.working() as engine:
        run_id = await start(engine, "ask")
        await rest(engine, run_id)
        errors = [result["error"]["code"] for result in await told(engine, run_id)]
        assert errors == ["invalid_input"] * 3
        assert (await output_of(engine, run_id, "work"))["text"] == "I do it."
        alone = await finished(engine, "alone")
        assert (await told(engine, alone.run_id))[0]["error"]["code"] == "not_found"


async def test_one_that_people_have_hidden_is_refused_and_the_agent_hears_of_it(home: Home) -> None:
    work = named("work", says("", to("tech")), says("I do it."), handoffs=["tech"])
    home.flow("ask", approval("begin", gates="none"), work, named("tech"))
    async with home.working() as engine:
        run_id = await start(engine, "ask")
        card = await pending_approval(engine, run_id)
        await engine.runs.narrow(run_id, actor=ANN, without=["handoff"])
        await engine.requests.approve(card.approval_id, actor=ANN)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert [one["error"]["code"] for one in await told(engine, run_id)] == ["permission_denied"]
        assert (await output_of(engine, run_id, "work"))["text"] == "I do it."


async def test_going_back_and_forth_ends_with_the_visits(home: Home) -> None:
    def back(step: str, other: str) -> Step:
        return named(step, says("You.", to(other)), handoffs=[other], max_visits=2)

    home.flow("ask", back("one", "two"), back("two", "one"))
    async with home.working() as engine:
        run = await failed(engine, "ask")
        assert (await error_of(engine, run.run_id))[0] == "visit_limit"
        assert set(await statuses(engine, run.run_id)) >= {"one", "two", "one~2", "two~2"}
        again = await engine.runs.conversation(run.run_id, "one~2")
        assert again.received is not None
        assert again.received.by == "two"


async def test_a_conversation_is_handed_over_and_waits_with_the_other_agent(home: Home) -> None:
    home.flow(
        "ask",
        named("front", says("Hello?"), says("", to("back")), mode="conversation", handoffs=["back"]),
        named("back", says("I am the other."), mode="conversation"),
    )
    async with home.working() as engine:
        run_id = await start(engine, "ask")
        asked = await pending_form(engine, run_id)
        await engine.requests.answer(asked.request_id, {"text": "The other one, please."}, actor=ANN)

        async with home.open() as elsewhere:
            await rest(elsewhere, run_id, expect=RunStatus.PENDING_USER_INPUT)
        taken = await pending_form(engine, run_id)
        assert (taken.step_id, taken.prompt) == ("back/1/message", "I am the other.")
        assert "agent_turn_added" in await kinds(engine, run_id)


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([named("a", handoffs=["b"])], "there is no other agent `b` in this list"),
        ([named("a", handoffs=["a"], max_visits=2)], "there is no other agent `a` in this list"),
        ([named("a", handoffs=["b"]), tool("b")], "there is no other agent `b` in this list"),
        ([named("a"), named("b", handoffs=["a"])], "this goes back to `a`, which names no `max_visits`"),
        (
            [{"id": "g", "type": "graph", "steps": [named("a", handoffs=["b"]), named("b")]}],
            "agents of a graph hand nothing over",
        ),
    ],
)
def test_handing_over_to_what_cannot_take_over_is_a_problem(
    home: Home, steps: list[Step], words: str
) -> None:
    home.flow("ask", *steps)
    assert words in "\n".join(str(one) for one in read_pack(home.root / "shipped" / "demo").problems)
