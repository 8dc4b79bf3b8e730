"""Agents that every flow may name: what each brings, and what stands beside its name in a flow."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from engine.contracts.flows.agent_step import AgentStep
from engine.contracts.flows.core_agents import CORE_AGENTS
from engine.contracts.flows.reasoners import REASONERS
from engine.models.settings import ModelSettings, NamedModel, ProviderName, Purpose
from tests.engine.models.loopback import serving
from tests.engine.packs.rules.test_flow_rules import check_text
from tests.engine.runtime.agents.test_reasoners import ANSWERS
from tests.engine.runtime.agents_at_work import answering_in_turn, output_of, spoken
from tests.engine.runtime.embedded_home import Home, finished


def named(agent: str, **fields: Any) -> dict[str, Any]:
    return {"id": "work", "type": "agent", "agent": agent, "prompt": "Which?", **fields}


def problems(step: dict[str, Any]) -> list[str]:
    return [one.message for one in check_text(yaml.safe_dump({"id": "f", "steps": [step]}))]


@pytest.mark.parametrize("kind", REASONERS)
async def test_a_reasoner_needs_no_more_than_its_name_and_a_prompt(home: Home, kind: str) -> None:
    home.flow("ask", named(f"{kind}_reasoner"))
    answers = answering_in_turn(spoken(json.dumps(ANSWERS[kind])))
    async with serving(answers) as server:
        strong = NamedModel(provider=ProviderName.OPENAI, model="strong", base_url=server.url, api_key="")
        models = ModelSettings(named={"one": strong}, by_purpose={Purpose(REASONERS[kind][0]): "one"})
        async with home.working(models=models) as engine:
            run = await finished(engine, "ask")
            assert (await output_of(engine, run.run_id, "work"))["data"] == ANSWERS[kind]
        (asked,) = (one.body for one in server.asked)
        assert (asked["model"], asked["temperature"], asked.get("tools")) == ("strong", 0.2, None)
        assert CORE_AGENTS[f"{kind}_reasoner"].instructions in asked["messages"][0]["content"]


async def test_one_that_only_asks_a_model_is_told_what_its_author_says_and_has_no_tools(home: Home) -> None:
    home.flow("ask", named("llm_reasoner", instructions="Be short.", model="UNCERTAINTY"))
    async with serving(answering_in_turn(spoken("Maybe."))) as server:
        unsure = NamedModel(provider=ProviderName.OPENAI, model="unsure", base_url=server.url, api_key="")
        models = ModelSettings(named={"one": unsure}, by_purpose={Purpose.UNCERTAINTY: "one"})
        async with home.working(models=models) as engine:
            run = await finished(engine, "ask")
            assert (await output_of(engine, run.run_id, "work"))["text"] == "Maybe."
        (asked,) = (one.body for one in server.asked)
        assert (asked["model"], asked.get("tools")) == ("unsure", None)
        assert "Be short." in asked["messages"][0]["content"]


@pytest.mark.parametrize("agent", CORE_AGENTS)
def test_a_core_agent_is_no_program_and_is_fine_with_a_prompt_alone(agent: str) -> None:
    assert problems(named(agent)) == []
    step = AgentStep.model_validate(named(agent))
    assert (step.outside, step.tools, step.temperature) == (None, (), 0.2)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (named("insight_reasoner", tools=["files.read"]), "insight_reasoner takes no `tools`"),
        (named("llm_reasoner", mode="conversation"), "llm_reasoner takes no `mode`"),
        (named("insight_reasoner", output={"type": "object"}), "insight_reasoner takes no `output`"),
        (named("llm_reasoner", reasoner="insight"), "llm_reasoner takes no `reasoner`"),
        (
            named("acp:plain", instructions="Be.", deferred=["files.read"]),
            "another program (`agent`) takes no `deferred`",
        ),
        (named("insight_reasonr"), "unknown agent `insight_reasonr` (did you mean `insight_reasoner`?)"),
        ({"id": "a", "type": "agent", "prompt": "x"}, "an agent has `instructions`"),
    ],
)
def test_what_does_not_go_with_a_name_is_told(step: dict[str, Any], words: str) -> None:
    found = problems(step)
    assert len(found) == 1
    assert words in found[0]


def test_an_output_of_its_own_goes_with_one_that_has_no_form() -> None:
    assert problems(named("llm_reasoner", output={"type": "object"})) == []
