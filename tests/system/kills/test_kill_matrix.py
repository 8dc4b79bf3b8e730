"""kill -9 at every commit point of every step type, with a worker in another process that takes over."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.status import RunStatus
from engine.runtime.worker.sessions.faults import POINTS
from tests.system.drill import FLOWS_WITH_ONE_OF_EACH, make_home
from tests.system.faulty_worker import reached
from tests.system.history import Journal, document
from tests.system.kills.nursery import KILLED, Fault, Nursery, open_nursery
from tests.system.terminals.person import Person, person_at

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.system

AT_ONCE = 5
MOST_OF_A_KIND = 3
"""How many passes of one point by one step type get a kill each; later ones repeat the earlier ones."""

OF_A_STEP = ("before_commit", "after_commit")
ONLY_OF = {"before_tool": "tool", "after_tool": "tool", "before_document": "run", "after_document": "run"}
"""The other points exist for one type only: nothing else calls a tool or writes the document."""


TYPE_OF = {"finally": "parallel", "conversation": "message", "plan": "plan_proposal", "outside": "agent"}
"""The step type that a flow is about, where that is not its name."""

STARTED_BY = {"subflow": ("human_approval",)}
"""Other flows that a flow needs."""


def test_every_point_is_covered() -> None:
    assert {*OF_A_STEP, *ONLY_OF} == set(POINTS)


@pytest.mark.parametrize("flow", FLOWS_WITH_ONE_OF_EACH)
async def test_killed_at_any_point_a_run_ends_right_in_another_worker(flow: str, memory_path: Path) -> None:
    async with open_nursery() as nursery:
        passed = await _undisturbed(nursery, memory_path / "undisturbed", flow)
        wanted = {(point, TYPE_OF.get(flow, flow)) for point in OF_A_STEP} | {
            (point, "run") for point in OF_A_STEP
        }
        assert wanted | set(ONLY_OF.items()) <= passed.keys()
        faults = [
            (point, step_type, nth)
            for (point, step_type), times in passed.items()
            for nth in range(1, min(times, MOST_OF_A_KIND) + 1)
        ]
        outcomes: dict[Fault, bool] = {}

        async def one_after_another(home: Path) -> None:
            async with person_at(make_home(home, flow, *STARTED_BY.get(flow, ()))) as person:
                while faults:
                    fault = faults.pop()
                    outcomes[fault] = await _killed(nursery, person, flow, fault)
            Journal(home).check(person.acknowledged)

        async with asyncio.TaskGroup() as homes:
            for number in range(AT_ONCE):
                homes.create_task(one_after_another(memory_path / str(number)))
    # How commits fall together in a group differs from run to run: a late pass may not come again.
    assert [fault for fault, killed in outcomes.items() if not killed and fault[2] == 1] == []


async def _undisturbed(nursery: Nursery, home: Path, flow: str) -> Counter[tuple[str, str]]:
    """How often each point is passed by a run that nothing happens to."""
    async with person_at(make_home(home, flow, *STARTED_BY.get(flow, ()))) as person:
        run_id = await person.start(flow)
        worker = await nursery.start(home)
        await person.operate()
        assert await worker.drain() == 0
    Journal(home).check(person.acknowledged)
    _check_result(home, run_id, flow)
    return Counter(reached(home))


async def _killed(nursery: Nursery, person: Person, flow: str, fault: Fault) -> bool:
    """Whether the first worker was killed; the run must end right in any case."""
    run_id = await person.start(flow)
    worker = await nursery.start(person.home, fault)
    operating = asyncio.create_task(person.operate())
    either: set[asyncio.Future[Any]] = {worker.ended, operating}
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    status = await worker.drain()  # the last points lie after the run's end
    assert status in {KILLED, 0}, fault
    async with person.engine.work():
        await operating
    assert (await person.engine.runs.summary(run_id)).status == RunStatus.COMPLETED, fault
    _check_result(person.home, run_id, flow)
    return status == KILLED


def _check_result(home: Path, run_id: str, flow: str) -> None:
    written = document(home, run_id, "drill")
    assert written["status"] == "COMPLETED"
    result = written["result"]
    brought = result.values() if flow == "graph" else result.get("items", [result])
    brought = result["outputs"].values() if flow == "plan" else brought
    assert [item.get("label") or item["text"] for item in brought] == _LABELS[flow]


_LABELS = {
    "tool": ["first-second"],
    "human_approval": ["act"],
    "user_input": ["red"],
    "subflow": ["act-above"],
    "parallel": ["left", "right"],
    "for_each": ["a", "b", "c"],
    "wait": ["after"],
    "finally": ["first"],
    "graph": ["last", "left", "right", "first"],
    "agent": ["all left"],
    "conversation": ["no more"],
    "plan": ["one", "two"],
    "outside": ["It is made."],
}
