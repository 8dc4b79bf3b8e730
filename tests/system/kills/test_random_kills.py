"""kill -9 at any moment: workers at random, and an operator's command while it decides."""

from __future__ import annotations

import asyncio
import json
import random
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from engine.contracts.status import CancelMode, RunStatus
from engine.errors import Refused
from tests.system.conftest import Vasini
from tests.system.drill import FLOWS_WITH_ONE_OF_EACH, make_home
from tests.system.history import Journal
from tests.system.kills.nursery import open_nursery
from tests.system.terminals.person import ANA, Person, person_at

if TYPE_CHECKING:
    from pathlib import Path

    from tests.system.warm_command import WarmCommand

pytestmark = pytest.mark.system

KILLS = 16
STEERINGS = 72
OFTEN_KILLED = tuple(flow for flow in FLOWS_WITH_ONE_OF_EACH if flow != "outside")
"""A program that is spoken with works for longer than these kills are apart: the fifth is a dead letter."""
STEERED = ("parallel", "for_each", "subflow", "held", "held_items", "healing")


@pytest.mark.parametrize("seed", [7])
async def test_runs_end_right_while_workers_are_killed_at_random(seed: int, memory_path: Path) -> None:
    chance = random.Random(seed)
    home = make_home(memory_path / "home")
    async with open_nursery() as nursery, person_at(home) as person:
        flows = [*OFTEN_KILLED, "parallel", "for_each", "parallel", "for_each"] * 2
        runs = [await person.start(flow) for flow in flows]
        workers = [await nursery.start(home) for _ in range(2)]
        for _ in range(KILLS):
            await _decide_some(person, chance)
            await asyncio.sleep(chance.uniform(0.02, 0.5))  # anything may be under way now
            victim = chance.randrange(len(workers))
            await workers[victim].kill()
            workers[victim] = await nursery.start(home)
        await person.operate()
        assert [await worker.drain() for worker in workers] == [0, 0]
    journal = Journal(home)
    assert {journal.runs[run_id]["status"] for run_id in runs} == {RunStatus.COMPLETED}
    journal.check(person.acknowledged)


async def _decide_some(person: Person, chance: random.Random) -> None:
    for approval in (await person.engine.requests.approvals()).items:
        if chance.random() < 0.3:
            with suppress(Refused):
                decided = await person.engine.requests.approve(approval.approval_id, actor=ANA)
                person.acknowledged[approval.approval_id] = decided.decision


@pytest.mark.parametrize("seed", [3, 25])
async def test_no_invariant_breaks_under_random_verbs_and_kills(seed: int, memory_path: Path) -> None:
    chance = random.Random(seed)
    home = make_home(memory_path / "home")
    (home / "open").touch()
    async with open_nursery() as nursery, person_at(home) as person:
        runs = [await person.start(flow) for flow in STEERED * 3]
        workers = [await nursery.start(home) for _ in range(2)]
        for turn in range(STEERINGS):
            await _steer(person, chance, chance.choice(runs))
            if chance.random() < 0.5:
                await _decide_some(person, chance)
            if turn % 6 == 5:
                victim = chance.randrange(len(workers))
                await workers[victim].kill()
                workers[victim] = await nursery.start(home)
            await asyncio.sleep(chance.uniform(0, 0.05))
        for gate in ("healed", "healed-a", "healed-b"):
            (home / gate).touch()
        for run_id in runs:
            with suppress(Refused):
                await person.engine.runs.resume(run_id, actor=ANA)
        await person.operate()
        assert [await worker.drain() for worker in workers] == [0, 0]
    Journal(home).check(person.acknowledged)


async def _steer(person: Person, chance: random.Random, run_id: str) -> None:
    runs = person.engine.runs
    verb = chance.choice(["pause", "pause", "resume", "resume", "retry", "boundary", "now"])
    with suppress(Refused):
        if verb in {"boundary", "now"}:
            if chance.random() < 0.3:
                await runs.cancel(run_id, actor=ANA, mode=CancelMode(verb))
        else:
            await getattr(runs, verb)(run_id, actor=ANA)


async def test_a_decision_is_in_the_journal_once_the_killed_command_has_acknowledged_it(
    memory_path: Path, warm: WarmCommand
) -> None:
    chance = random.Random(11)
    home = make_home(memory_path / "home")
    async with open_nursery() as nursery, person_at(home) as person:
        runs = [await person.start("human_approval") for _ in range(6)]
        worker = await nursery.start(home)
        for run_id in runs:
            await person.until(run_id, lambda detail: detail.run.status is RunStatus.PENDING_HUMAN)
        approvals = [item.approval_id for item in (await person.engine.requests.approvals()).items]
        assert len(approvals) == len(runs)
        command = Vasini(home, memory_path, warm)
        for at in range(0, len(approvals), 2):
            some = approvals[at : at + 2]
            answered = at == 0
            told = await asyncio.gather(*(_killed_approve(command, one, chance, answered) for one in some))
            assert not answered or None not in told
            for approval, decision in zip(some, told, strict=True):
                if decision is not None:
                    person.acknowledged[approval] = decision
                    stored = await person.engine.requests.approval(approval)
                    assert stored.decision == decision
        await person.operate()  # what was not decided still can be
        assert await worker.drain() == 0
    Journal(home).check(person.acknowledged)


async def _killed_approve(
    command: Vasini, approval: str, chance: random.Random, answered: bool
) -> str | None:
    """Kill `vasini approve` once it has answered, or at some moment; the decision it told, if any."""
    process = await asyncio.to_thread(command.start, "approve", approval, "--json")
    line = b""
    if answered:
        line = await asyncio.to_thread(process.stdout.readline)
    else:
        await asyncio.sleep(chance.uniform(0, 0.3))
    process.kill()
    line += (await asyncio.to_thread(process.communicate))[0]
    return str(json.loads(line)["decision"]) if line.endswith(b"\n") else None
