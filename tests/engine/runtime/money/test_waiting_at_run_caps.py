"""Runs that wait at the soft cap of every run go on when it is changed, as at any other cap."""

from __future__ import annotations

import shutil

import pytest

from engine.contracts.governing.budget import CapOf, CapScope, CapTerms, CapWindow
from engine.contracts.status import RunStatus
from tests.engine.models.loopback import serving
from tests.engine.runtime.agents_at_work import agent, models_at
from tests.engine.runtime.embedded_home import ANN, Home, start, until
from tests.engine.runtime.money.test_caps import BOUND, answer, budget
from tests.engine.runtime.money.test_soft_caps import PACKS, ended

EACH_RUN = CapOf(CapScope.RUN, "*", CapWindow.TOTAL)


@pytest.mark.parametrize("soft", [10**9, None])
async def test_a_run_that_waits_at_its_own_soft_cap_goes_on_when_that_is_raised_or_taken_back(
    home: Home, soft: int | None
) -> None:
    for name in ("budget", "_shared"):
        shutil.copytree(PACKS / name, home.root / "shipped" / name)
    first, second = (
        {**agent(tools=(), max_tokens=BOUND), "id": step, "script": []} for step in ("first", "second")
    )
    home.flow("twice", first, second)
    async with (
        serving(answer) as server,
        home.working(models=models_at(server.url), budget=budget()) as engine,
    ):
        await engine.budget.set_cap(EACH_RUN, CapTerms(soft=400_000, pause=True), actor=ANN)
        run_id = await start(engine, "twice")

        async def waits() -> bool:
            return (await engine.runs.summary(run_id)).status is RunStatus.PAUSED

        await until(waits)
        await engine.budget.set_cap(EACH_RUN, CapTerms(soft=soft), actor=ANN)
        assert (await ended(engine, run_id)).status is RunStatus.COMPLETED
