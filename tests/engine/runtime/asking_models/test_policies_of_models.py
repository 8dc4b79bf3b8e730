"""Policies say which models the agents of a pack may ask, and how long an answer may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.contracts.runs.snapshot import TerminalCause
from engine.governance.policies import Policies
from tests.engine.models.loopback import serving
from tests.engine.runtime.agents_at_work import agent, answering_in_turn, models_at, spoken
from tests.engine.runtime.embedded_home import failed, finished

if TYPE_CHECKING:
    from tests.engine.runtime.embedded_home import Home


async def test_a_model_that_policies_keep_from_a_pack_is_not_asked_by_it(home: Home) -> None:
    home.flow("ask", agent())
    policies = Policies(by_pack={"demo": Policies(blocked_models=frozenset({" Served"}))})
    async with serving(answering_in_turn(spoken("Here."))) as server:
        async with home.working(models=models_at(server.url), policies=policies) as engine:
            run = await failed(engine, "ask")
            assert run.error is not None
            assert (run.error.code, run.error.details["reason"]) == ("policy_blocked", "model_blocked")
            assert run.error.details["model"] == "served"
            assert "policies.blocked_models names it" in run.error.message
            history = await engine.runs.events(run.run_id)
            (decision,) = [one for one in history if one.kind == "governance.decision"]
            assert decision.step_id == "work/0/model"
            assert decision.payload == {
                "point": "before_model_call",
                "verdict": "DENY",
                "rule": "policies.blocked_models",
                "reason": "model_blocked",
                "details": {},
                "model": "served",
            }
            assert [one.kind for one in history].count("tool_call_attempt_failed") == 0
            (snapshot,) = (await engine.runs.snapshot(run.run_id)).agents
            assert snapshot.terminal_cause is TerminalCause.DENIED
        assert not server.asked


@pytest.mark.parametrize(
    "policies",
    [
        Policies(by_pack={"other": Policies(blocked_models=frozenset({"served"}))}),
        Policies(enforce=False, blocked_models=frozenset({"served"})),
        Policies(allowed_models=frozenset({"served"})),
    ],
)
async def test_one_that_they_leave_to_it_is_asked(home: Home, policies: Policies) -> None:
    home.flow("ask", agent())
    async with (
        serving(answering_in_turn(spoken("Here."))) as server,
        home.working(models=models_at(server.url), policies=policies) as engine,
    ):
        await finished(engine, "ask")


@pytest.mark.parametrize(("of_step", "told"), [(None, 50), (80, 50), (20, 20)])
async def test_they_bound_each_answer_also_where_lists_are_off(
    home: Home, of_step: int | None, told: int
) -> None:
    home.flow("ask", {**agent(), "max_tokens": of_step})
    policies = Policies(enforce=False, by_pack={"demo": Policies(model_max_tokens=50)})
    async with serving(answering_in_turn(spoken("Here."))) as server:
        async with home.working(models=models_at(server.url), policies=policies) as engine:
            await finished(engine, "ask")
        assert server.asked[0].body["max_tokens"] == told
