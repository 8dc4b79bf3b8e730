"""Agents with a fixed form of answer: the purpose finds the model, and answers are held against the form."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from engine.contracts.flows.agent_step import AgentStep
from engine.contracts.flows.reasoners import REASONERS
from engine.json_schema.forms import check_schema
from engine.models.settings import ModelSettings, NamedModel, ProviderName, Purpose
from engine.packs.loader import read_pack
from tests.engine.models.loopback import serving
from tests.engine.runtime.agents_at_work import agent, answering_in_turn, models_at, output_of, says, spoken
from tests.engine.runtime.embedded_home import Home, error_of, failed, finished, tool

ANSWERS: dict[str, dict[str, Any]] = {
    "insight": {"summary": "Two.", "highlights": ["one"], "risks": []},
    "prioritization": {"priorities": [{"item": "a", "priority": 1, "rationale": "first"}]},
    "explanation": {"explanation": "So.", "assumptions": [], "limitations": ["none"]},
}


def reasoner(kind: str, *script: Any, **fields: Any) -> Any:
    given = agent(*script, **fields)
    return {key: value for key, value in {**given, "reasoner": kind}.items() if key != "tools"}


@pytest.mark.parametrize("kind", REASONERS)
async def test_the_model_of_the_purpose_answers_in_the_form(home: Home, kind: str) -> None:
    purpose = REASONERS[kind][0]
    home.flow("ask", reasoner(kind, prompt="Which?"))
    wrong = spoken(json.dumps({**ANSWERS[kind], "more": 1}))
    answers = answering_in_turn(wrong, spoken(f"```json\n{json.dumps(ANSWERS[kind])}\n```"))
    async with serving(answers) as server:
        strong = NamedModel(provider=ProviderName.OPENAI, model="strong", base_url=server.url, api_key="")
        models = ModelSettings(named={"one": strong}, by_purpose={Purpose(purpose): "one"})
        async with home.working(models=models) as engine:
            run = await finished(engine, "ask")
            assert (await output_of(engine, run.run_id, "work"))["data"] == ANSWERS[kind]
        first, second = (asked.body for asked in server.asked)
        assert (first["model"], first["temperature"], first.get("tools")) == ("strong", 0.2, None)
        assert "Your answer does not fit" in second["messages"][-1]["content"]


@pytest.mark.parametrize("structured", [False, True])
async def test_a_server_that_takes_the_form_is_told_it_beside_the_words(home: Home, structured: bool) -> None:
    home.flow("ask", reasoner("insight"))
    async with serving(answering_in_turn(spoken(json.dumps(ANSWERS["insight"])))) as server:
        async with home.working(models=models_at(server.url, structured=structured)) as engine:
            await finished(engine, "ask")
        (asked,) = server.asked
    form = asked.body.get("response_format")
    assert (form is not None) is structured
    assert form is None or form["json_schema"]["schema"] == REASONERS["insight"][1]


async def test_three_answers_in_another_form_end_it(home: Home) -> None:
    home.flow("ask", reasoner("insight", *[says('{"summary": "x"}')] * 3))
    async with home.working() as engine:
        run = await failed(engine, "ask")
        assert (await error_of(engine, run.run_id))[0] == "contract_violation"


def test_what_an_author_says_himself_holds() -> None:
    given = {"type": "agent", "id": "a", "instructions": "Be.", "prompt": "Do.", "reasoner": "insight"}
    plain = AgentStep.model_validate(given)
    assert (plain.model, plain.temperature, plain.tools) == ("INSIGHT", 0.2, ())
    own = {"model": "tier-1", "temperature": 0.0, "tools": ["files.read"]}
    said = AgentStep.model_validate({**given, **own})
    assert (said.model, said.temperature, said.tools) == ("tier-1", 0.0, ("files.read",))
    assert AgentStep.model_validate(said.model_dump()) == said


@pytest.mark.parametrize("kind", REASONERS)
def test_every_form_is_a_schema_and_every_purpose_one_of_models(kind: str) -> None:
    purpose, schema = REASONERS[kind]
    assert check_schema(schema) == []
    assert Purpose(purpose).value == kind.upper()


@pytest.mark.parametrize(
    "fields", [{"output": {"type": "object"}}, {"mode": "conversation"}, {"reasoner": "uncertainty"}]
)
def test_what_does_not_go_with_a_form_is_a_problem_of_the_pack(home: Home, fields: dict[str, Any]) -> None:
    place = home.root / "shipped" / "demo"
    flow = {"id": "ask", "steps": [{**reasoner("insight"), **fields}]}
    home.flow("ask", tool("a"))
    (place / "flows" / "ask.yaml").write_text(yaml.safe_dump(flow))
    (problem,) = read_pack(place, source="shipped").problems
    assert problem.file == "flows/ask.yaml"
    assert (problem.field or "").endswith(next(iter(fields)))
