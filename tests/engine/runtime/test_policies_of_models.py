"""Policies say which models the agents of a pack may ask, and how long an answer may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

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
            error = (await failed(engine, "ask")).error
            assert error is not None
            assert (error.code, error.details["reason"]) == ("model_error", "denied")
            assert "policies.blocked_models names it" in error.message
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
