"""What becomes of runs that a worker holds: lost and taken again, or ended since they cannot be worked."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from engine.contracts.runs.listed import RunFilter
from engine.contracts.status import RunStatus
from engine.journal.memory.journal import MemoryJournal
from engine.runtime.clock import SystemClock
from engine.runtime.worker.held_runs import MAX_FAILED_WORKS, HeldRuns
from tests.engine.runtime.embedded_home import (
    BOB,
    Home,
    Step,
    approval,
    error_of,
    rest,
    retry,
    start,
    tool,
    until,
)
from tests.engine.runtime.fake_clock import slow_clock
from tests.engine.runtime.fake_faults import FakeFaults

if TYPE_CHECKING:
    from engine.facade.engine import Engine
    from engine.journal.records import Claim
    from engine.runtime.worker.sessions.opening import Sessions
    from engine.runtime.worker.worker import Worker


class FakeSessions:
    """Opens none."""

    def documents(self, queue: object) -> None:
        """Nobody writes any."""

    def call_scheduler(self, worker_id: str) -> None:
        """Nobody calls."""


async def _kept() -> None:
    """It lasts."""


async def test_one_that_is_cancelled_while_it_waits_for_its_predecessor_leaves_that_one_to_end_well() -> None:
    held = HeldRuns(
        MemoryJournal(),
        SystemClock(),
        cast("Sessions", FakeSessions()),
        "wrk_1",
        4,
        lease_seconds=15.0,
        renew=_kept,
        changed=lambda: None,
    )
    over = asyncio.Event()

    async def work() -> None:
        await over.wait()

    first = asyncio.create_task(held._guard("run_1", 1, work()))
    await asyncio.sleep(0)
    second = asyncio.create_task(held._guard("run_1", 2, work()))
    await asyncio.sleep(0)
    second.cancel()
    with suppress(asyncio.CancelledError):
        await second
    over.set()
    await first
    assert held.empty


def child(step: str, flow: str) -> Step:
    return {"id": step, "type": "subflow", "subflow": flow}


async def is_so(engine: Engine, run_id: str, status: RunStatus) -> None:
    async def so() -> bool:
        return (await engine.runs.summary(run_id)).status is status

    await until(so)


def fail_always(faults: FakeFaults, point: str, step_type: str | None = None) -> None:
    for _ in range(MAX_FAILED_WORKS):
        faults.fail(point, step_type)


async def test_the_run_above_one_that_is_given_up_does_not_wait_for_it_for_ever(home: Home) -> None:
    home.flow("below", tool("a", params={"x": 1}))
    home.flow("above", child("go", "below"))
    faults = FakeFaults()
    async with home.working(clock=slow_clock(), faults=faults, lease_seconds=0.05) as engine:
        fail_always(faults, "before_tool", "tool")
        run_id = await start(engine, "above")
        await rest(engine, run_id, expect=RunStatus.FAILED)
        code, message = await error_of(engine, run_id)
        assert code == "child_failed"
        assert "DEAD_LETTER" in message
        await retry(engine, run_id)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)


async def test_a_run_that_is_given_up_keeps_what_it_used_and_ends_what_it_started(home: Home) -> None:
    home.flow("below", approval("ok"))
    asks = [approval("first"), tool("b")]
    home.flow("above", tool("a"), {"id": "c", "type": "parallel", "branches": [[child("go", "below")], asks]})
    faults = FakeFaults()
    async with home.working(clock=slow_clock(), faults=faults, lease_seconds=0.05) as engine:
        run_id = await start(engine, "above")

        async def asked() -> bool:
            return len((await engine.requests.approvals()).items) == 2

        await until(asked)
        (below,) = (await engine.runs.list(RunFilter(parent=run_id))).items
        (own,) = (await engine.requests.approvals(run_id=run_id)).items
        used = await engine.runs.summary(run_id)
        fail_always(faults, "before_commit")
        await engine.requests.approve(own.approval_id, actor=BOB)
        await is_so(engine, run_id, RunStatus.DEAD_LETTER)
        given_up = await engine.runs.summary(run_id)
        assert given_up.steps_executed >= used.steps_executed > 0
        await rest(engine, below.run_id, expect=RunStatus.CANCELLED)
        await retry(engine, run_id)
        await until(asked)  # again, by a new run below and by this one
        for one in (await engine.requests.approvals()).items:
            await engine.requests.approve(one.approval_id, actor=BOB)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)


class FakeSlowClaims(MemoryJournal):
    """Claims at once, and says so when the test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.claimed, self.go_on = asyncio.Event(), asyncio.Event()

    async def claim(self, worker_id: str, now: int, limit: int, run_id: str | None = None) -> list[Claim]:
        claims = await super().claim(worker_id, now, limit, run_id)
        if claims:
            self.claimed.set()
            await self.go_on.wait()
        return claims


async def test_a_run_that_was_claimed_when_the_worker_was_told_to_end_begins_elsewhere(home: Home) -> None:
    home.flow("one", tool("send", on_lost="ask", params={"x": 1}))
    journal = FakeSlowClaims()
    async with home.open(journal=journal, drain_seconds=10.0) as engine:
        run_id = await start(engine, "one")
        async with engine.work() as worker:
            await journal.claimed.wait()
            cast("Worker", worker).stop()
            journal.go_on.set()
        run = await engine.runs.summary(run_id)
        assert (run.status, run.held_by, home.tools.calls) == (RunStatus.QUEUED, None, [])
        async with engine.work():
            await rest(engine, run_id, expect=RunStatus.COMPLETED)
