"""What steps brought, and how that went, is found by tool, agent and form: also by who takes the run up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.status import RunStatus
from tests.engine.models.loopback import serving
from tests.engine.runtime.agents_at_work import agent, answering_in_turn, models_at, spoken
from tests.engine.runtime.embedded_home import (
    ANN,
    approval,
    finished,
    form,
    pending_approval,
    pending_form,
    rest,
    start,
    tool,
)

if TYPE_CHECKING:
    from tests.engine.runtime.embedded_home import Home

ALL = tool(
    "all",
    params={
        "echo": "{{ artifacts.tool.fake.echo }}",
        "agent": "{{ artifacts.agent.work }}",
        "word": "{{ artifacts.user_input.word_form['values'].word }}",
    },
)


async def test_outputs_and_how_they_came_outlive_a_pause_and_their_worker(home: Home) -> None:
    ask = {**approval("ok", "Go?"), "gates": "none"}
    home.flow("go", tool("first", params={"n": 1}), agent(), form("word"), ask, ALL)
    answers = answering_in_turn(spoken("I look.", ("fake__echo", '{"a": 1}')), spoken("Here."))
    async with serving(answers) as server, home.working(models=models_at(server.url)) as engine:
        run_id = await start(engine, "go")
        asked = await pending_form(engine, run_id)
        await engine.requests.answer(asked.request_id, {"word": "yes"}, actor=ANN)
        await pending_approval(engine, run_id)

    async with home.working() as engine:
        shown = await pending_approval(engine, run_id)
        await engine.requests.approve(shown.approval_id, actor=ANN)
        run = await rest(engine, run_id, expect=RunStatus.COMPLETED)

    assert run.output["word"] == "yes"
    echo, work = run.output["echo"], run.output["agent"]
    assert echo["output"] == {"n": 1}
    assert (echo["meta"]["tool"], echo["meta"]["backend"]) == ("fake.echo", "local")
    assert echo["meta"]["latency_ms"] >= 0
    assert work["output"]["text"] == "Here."
    assert work["meta"] == {"agent_name": "work", "token_estimate": 220, "cost_estimate": None}


async def test_the_cost_of_an_agent_is_known_where_its_models_have_a_price(home: Home) -> None:
    home.flow("go", agent(), tool("all", params={"cost": "{{ artifacts.agent.work.meta.cost_estimate }}"}))
    async with home.working() as engine:
        assert (await finished(engine, "go")).output == {"cost": 0.0}
