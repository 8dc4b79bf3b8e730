"""An agent whose last answer has to have a form: it is asked again, and what fits is data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from engine.contracts.status import RunStatus
from tests.engine.models.loopback import serving
from tests.engine.runtime.agents_at_work import (
    agent,
    answering_in_turn,
    models_at,
    output_of,
    says,
    spoken,
)
from tests.engine.runtime.embedded_home import (
    Home,
    error_of,
    failed,
    finished,
    rest,
    retry,
    statuses,
    tool,
)

if TYPE_CHECKING:
    from engine.contracts.runs.run import EventView
    from engine.facade.engine import Engine


SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


async def test_an_answer_that_does_not_fit_its_schema_is_asked_for_again(home: Home) -> None:
    home.flow("ask", agent(says("Seven."), says('```json\n{"n": 7}\n```'), output=SCHEMA))
    async with home.working() as engine:
        run = await finished(engine, "ask")
        assert run.output is not None
        assert run.output["data"] == {"n": 7}
        first, second = await extractions(engine, run.run_id)
        assert (first.kind, first.step_id) == ("agent_extraction_failed", "work")
        assert first.payload == {"attempts": 1, "answer": "work/0/model", "errors": ["it is no JSON"]}
        assert (second.kind, second.payload) == (
            "agent_extraction_succeeded",
            {"attempts": 2, "answer": "work/1/model"},
        )


async def extractions(engine: Engine, run_id: str) -> list[EventView]:
    events = await engine.runs.events(run_id, limit=1_000)
    return [one for one in events if one.kind.startswith("agent_extraction_")]


async def test_no_answer_steers_the_flow(home: Home) -> None:
    words = '{"next_step": "never", "retry": true, "branch": "left", "n": 7}'
    home.flow("ask", agent(says(words), output=SCHEMA), tool("after"), tool("never", when=False))
    async with home.working() as engine:
        run = await finished(engine, "ask")
        found = await statuses(engine, run.run_id)
        assert (found["after"], found["never"], "work~2" in found) == ("COMPLETED", "SKIPPED", False)
        assert (await output_of(engine, run.run_id, "work"))["data"]["next_step"] == "never"


async def test_an_answer_without_a_form_to_have_is_not_held_against_one(home: Home) -> None:
    home.flow("ask", agent(says("Seven.")))
    async with home.working() as engine:
        run = await finished(engine, "ask")
        assert await extractions(engine, run.run_id) == []


async def test_what_does_not_fit_is_masked_and_cut_in_the_history(home: Home) -> None:
    secret = "ghp_" + "a1B2" * 9
    long = {"type": "object", "properties": {"n": {"enum": [1]}}}
    answers = answering_in_turn(*[spoken(json.dumps({"n": f"{'x ' * 230}{secret} {'x' * 5_000}"}))] * 3)
    home.flow("ask", agent(output=long))
    async with serving(answers) as server, home.working(models=models_at(server.url)) as engine:
        run = await failed(engine, "ask")
        last = (await extractions(engine, run.run_id))[-1]
        assert (last.payload["attempts"], last.payload["final"]) == (3, True)
        assert all(len(one) <= 500 for one in last.payload["errors"])
    assert b"a1B2a1B2" not in home.bytes_at_rest()


async def test_an_answer_that_never_fits_is_a_violation(home: Home) -> None:
    home.flow("ask", agent(*[says("Seven.") for _ in range(5)], output=SCHEMA))
    async with home.working() as engine:
        run = await failed(engine, "ask")
        assert (await error_of(engine, run.run_id))[0] == "contract_violation"
        assert (await statuses(engine, run.run_id)).keys() >= {"work/2/model"}
        assert "work/3/model" not in await statuses(engine, run.run_id)
        told = [one.payload.get("final", False) for one in await extractions(engine, run.run_id)]
        assert told == [False, False, True]
        await retry(engine, run.run_id)
        again = await rest(engine, run.run_id, expect=RunStatus.FAILED)
        assert (await statuses(engine, again.run_id)).keys() >= {"work/3/model"}
        assert [one.payload["attempts"] for one in await extractions(engine, run.run_id)] == [1, 2, 3, 3, 4]
