"""kill -9 of the worker, or of the agent it holds, while a person is asked: nothing is done unasked.

Every other moment is one of the kill matrix.
"""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import psutil
import pytest

from engine.contracts.status import RunStatus
from tests.system.drill import make_home
from tests.system.history import Journal
from tests.system.kills.nursery import KILLED, open_nursery
from tests.system.terminals.person import Person, person_at

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.system


def chosen(home: Path) -> int:
    """How often the agent was allowed to act."""
    return (home / "notes").read_text().splitlines().count("chosen yes")


def check(person: Person, run_id: str, *, killed: bool) -> None:
    home = person.home
    assert Journal(home).runs[run_id]["status"] == RunStatus.COMPLETED
    approvals = sum(said == "APPROVED" for said in person.acknowledged.values())
    assert 1 <= chosen(home) <= approvals
    assert (home / "made.txt").read_text() == "x\n"
    prompts = sum(line.startswith("prompt") for line in (home / "notes").read_text().splitlines())
    assert prompts <= 1 + killed


async def test_an_agent_ends_with_its_killed_worker_and_its_run_goes_on(memory_path: Path) -> None:
    async with open_nursery() as nursery, person_at(make_home(memory_path)) as person:
        run_id = await person.start("outside")
        worker = await nursery.start(memory_path, ("after_commit", "permission", 1))
        operating = asyncio.create_task(person.operate())
        await asyncio.wait({worker.ended})
        assert worker.ended.result() == KILLED
        async with asyncio.timeout(60):  # its keeper ends it as soon as it hears that the worker is gone
            while _agents(memory_path):  # noqa: ASYNC110 - another process: no event tells its end
                await asyncio.sleep(0.02)
        second = await nursery.start(memory_path)
        await operating
        assert await second.drain() == 0
        assert not (await person.engine.requests.approvals()).items
        check(person, run_id, killed=True)


async def test_an_agent_that_is_killed_while_a_person_is_asked_asks_anew(memory_path: Path) -> None:
    async with open_nursery() as nursery, person_at(make_home(memory_path)) as person:
        run_id = await person.start("outside")
        worker = await nursery.start(memory_path)
        await person.until(run_id, lambda run: run.run.status is RunStatus.PENDING_HUMAN)
        first = (await person.engine.requests.approvals()).items[0]
        for agent in _agents(memory_path):
            os.kill(agent.pid, signal.SIGKILL)

        def asked_anew(_run: object) -> bool:
            return (memory_path / "notes").read_text().count("prompt") > 1

        await person.until(run_id, asked_anew)
        await person.operate()
        assert await worker.drain() == 0
        assert first.approval_id not in person.acknowledged
        check(person, run_id, killed=True)


def _agents(home: Path) -> list[psutil.Process]:
    """Processes of the agent of this home."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "file" in words and str(home) in words and "-S" in words and "keeper.py" not in " ".join(words):
            found.append(process)
    return found
