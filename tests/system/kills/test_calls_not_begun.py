"""kill -9 before an approved call has begun: the next worker makes it, and nobody is asked. When a worker is
only held up a person is asked, and the call is not made by both."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.system.drill import effects_file, make_home
from tests.system.kills.nursery import KILLED, open_nursery
from tests.system.terminals.person import person_at

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.system


@pytest.mark.parametrize("point", ["after_commit", "before_tool"])
async def test_an_approved_call_that_had_not_begun_is_made_by_the_next_worker(
    point: str, memory_path: Path
) -> None:
    home = make_home(memory_path / "home")
    async with open_nursery() as nursery, person_at(home) as person:
        run_id = await person.start("human_approval")
        worker = await nursery.start(home, (point, "tool", 1))
        await person.until(run_id, lambda run: bool(run.approvals))
        await person.approve_all()
        assert await worker.ended == KILLED
        second = await nursery.start(home)
        await person.operate()
        assert await second.drain() == 0
        history = [event.kind for event in await person.engine.runs.events(run_id)]
    assert "outcome_unknown" not in history
    assert "step_recovered" in history
    assert len(effects_file(home).read_text().splitlines()) == 1


@pytest.mark.parametrize("point", ["stop:after_commit", "stop:before_tool"])
async def test_an_approved_call_of_a_worker_that_stands_still_is_made_once(
    point: str, memory_path: Path
) -> None:
    home = make_home(memory_path / "home")
    async with open_nursery() as nursery, person_at(home) as person:
        run_id = await person.start("human_approval")
        worker = await nursery.start(home, (point, "tool", 1))
        await person.until(run_id, lambda run: bool(run.approvals))
        await person.approve_all()
        await person.until(run_id, lambda run: run.run.tool_calls == 1)  # by the first: it stands still now
        second = await nursery.start(home)
        await person.until(run_id, lambda run: bool(run.outcomes))
        os.kill(worker.pid, signal.SIGCONT)
        await person.operate()
        assert [await worker.drain(), await second.drain()] == [0, 0]
    assert len(effects_file(home).read_text().splitlines()) == 1
