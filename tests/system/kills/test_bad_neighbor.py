"""A step whose process takes its worker down: it alone pays for that, however many run beside it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from engine.contracts.status import RunStatus
from tests.system.drill import make_home
from tests.system.kills.nursery import KILLED, open_nursery
from tests.system.terminals.person import person_at

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.system

INNOCENTS = 40
SECONDS = 120.0


async def test_only_the_step_that_kills_its_workers_becomes_a_dead_letter(memory_path: Path) -> None:
    home = make_home(memory_path / "home")
    deaths = 0
    async with open_nursery() as nursery, person_at(home) as person, asyncio.timeout(SECONDS):
        innocents = [await person.start("napping") for _ in range(INNOCENTS // 2)]
        guilty = await person.start("deadly")
        innocents += [await person.start("napping") for _ in range(INNOCENTS // 2)]
        operating = asyncio.create_task(person.operate(seconds=SECONDS))
        worker = await nursery.start(home)
        while not operating.done():
            await asyncio.wait((operating, worker.ended), return_when=asyncio.FIRST_COMPLETED)
            if worker.ended.done():
                assert worker.ended.result() == KILLED
                deaths += 1
                worker = await nursery.start(home)
        await operating
        assert await worker.drain() == 0
        ended = {run_id: await person.engine.runs.summary(run_id) for run_id in (*innocents, guilty)}
        recovered = {
            run_id: max(step.recoveries for step in (await person.engine.runs.steps(run_id)).items)
            for run_id in ended
        }
    assert ended[guilty].status is RunStatus.DEAD_LETTER
    assert {ended[run_id].status for run_id in innocents} == {RunStatus.COMPLETED}
    assert deaths == 5
    assert max(recovered[run_id] for run_id in innocents) <= 2
