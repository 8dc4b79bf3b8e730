"""What a model proposes as a plan is held against its form and its tools before anybody is shown it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.contracts.status import RunStatus
from engine.contracts.tool import ToolSpec
from engine.errors import InvalidInput
from tests.engine.models.loopback import serving
from tests.engine.runtime.agents_at_work import answering_in_turn, models_at, spoken
from tests.engine.runtime.embedded_home import (
    Home,
    error_of,
    failed,
    kinds,
    rest,
    retry,
    start,
)
from tests.engine.runtime.plans.proposed_plans import (
    approve,
    call,
    edits,
    next_plan,
    plan,
    proposes,
    reject,
    shown,
    steps_of,
)


async def test_what_is_no_plan_is_told_to_the_model_and_shown_to_nobody(home: Home) -> None:
    home.flow("go", plan("no json", proposes(call("x", "fake.give")), proposes(call("fine"))))
    async with home.working() as engine:
        run_id = await start(engine, "go")
        view = await shown(engine, run_id)
        assert view.step_id == "plan/2/review"
        assert [one["step_id"] for one in steps_of(view)] == ["fine"]
        happened = await kinds(engine, run_id)
        assert happened.count("plan_validation_failed") == 2
        assert happened.count("pending_human") == 1


async def test_a_model_that_proposes_no_plan_three_times_has_failed_and_a_retry_asks_it_again(
    home: Home,
) -> None:
    home.flow("go", plan("no", "no", "no", proposes(call("one"))))
    async with home.working() as engine:
        run = await failed(engine, "go")
        assert await error_of(engine, run.run_id) == (
            "contract_violation",
            "plan_validation_failed: it is no JSON",
        )
        await retry(engine, run.run_id)
        view = await shown(engine, run.run_id)
        assert view.step_id == "plan/3/review"


async def test_a_served_model_is_told_the_tools_and_the_form_and_what_was_said_of_its_plans(
    home: Home,
) -> None:
    secret = "ghp_" + "a1B2" * 9
    answers = answering_in_turn(
        spoken(json.dumps(proposes(call("one", "fake.give", a=secret)))),
        spoken("```json\n" + json.dumps(proposes(call("one", text="{{ 7 * 7 }}"))) + "\n```"),
        spoken(json.dumps(proposes(call("two", text="done")))),
    )
    home.flow("go", plan(proposes(call("never")), prompt="Mend {{ payload.what }}."))
    async with serving(answers) as server, home.working(models=models_at(server.url)) as engine:
        run_id = await start(engine, "go", {"what": "the shop"})
        first = await shown(engine, run_id)
        assert steps_of(first)[0]["params"] == {"text": "{{ 7 * 7 }}"}
        await reject(engine, first, "not that")
        second = await next_plan(engine, run_id, first)
        await approve(engine, second)
        run = await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert run.tokens_used == 330
        asked = [one.body for one in server.asked]
        assert all("tools" not in body for body in asked)
        system, prompt = asked[0]["messages"]
        assert prompt["content"] == "Mend the shop."
        assert all(words in system["content"] for words in ("fake.echo", "step_id", "At most 10 steps"))
        assert "the tool fake.give is not offered to you" in asked[1]["messages"][-1]["content"]
        assert "rejected by ann: not that" in asked[2]["messages"][-1]["content"]
        assert [message["role"] for message in asked[2]["messages"]][-4:] == [
            "assistant",
            "user",
            "assistant",
            "user",
        ]
    assert secret.encode() not in home.bytes_at_rest()


async def test_parameters_that_do_not_fit_their_tool_are_told_and_shown_to_nobody(home: Home) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}

    async def take(params: dict[str, Any], _context: Any) -> Any:
        return params

    home.tools.registry.register(ToolSpec(name="fake.number", parameters=schema), take)
    home.flow(
        "go",
        plan(
            proposes(call("one", "fake.number", n="x")),
            proposes(call("one", n=3), call("two", "fake.number", n={"$output": "one.n"})),
            tools=("fake.echo", "fake.number"),
        ),
    )
    async with home.working() as engine:
        run_id = await start(engine, "go")
        view = await shown(engine, run_id)
        assert view.step_id == "plan/1/review"
        with pytest.raises(InvalidInput, match="params/n: 'y' is not of type 'integer'"):
            await approve(engine, view, edits=edits(("one", None), ("two", {"n": "y"})))
        await approve(engine, view, edits=edits(("one", {"n": "no number"}), ("two", None)))
        await rest(engine, run_id, expect=RunStatus.FAILED)
        assert await error_of(engine, run_id) == (
            "invalid_input",
            "the parameters of fake.number do not fit it: /n: 'no number' is not of type 'integer'",
        )
        assert [path for path, _ in home.tools.calls] == ["plan/1/steps/0/call"]
