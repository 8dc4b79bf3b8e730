"""Slots of flows with a `concurrency`: how many runs are worked at once, and when the next one begins."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine.contracts.status import RunStatus
from engine.journal.memory.journal import MemoryJournal
from tests.engine.runtime.embedded_home import (
    ANN,
    BOB,
    Home,
    approval,
    pending_approval,
    rest,
    start,
    tool,
    until,
)
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from engine.journal.port import Journal

NO_HEARTBEAT = 3_600.0
"""A lease that is not prolonged while a test goes on: nothing is found by the look that comes with it."""


async def busy(home: Home, calls: int = 1) -> None:
    """A call of a slow tool is under way, the `calls`-th one in all."""

    async def called() -> bool:
        return home.tools.under_way > 0 and len(home.tools.calls) == calls

    await until(called)


async def test_a_flows_concurrency_holds_across_engines(home: Home) -> None:
    home.flow("narrow", tool("a", "fake.slow"), approval("ok"), tool("b", "fake.slow"), concurrency=1)
    async with home.open() as first, home.open() as second, first.work(), second.work():
        runs = [await start(engine, "narrow") for engine in (first, second, first)]
        await busy(home, calls=1)
        home.tools.release()
        for run_id in runs:
            shown = await pending_approval(first, run_id)
            await second.requests.approve(shown.approval_id, actor=BOB)
        for run_id in runs:
            await rest(second, run_id, expect=RunStatus.COMPLETED)
    assert home.tools.most_at_once == 1
    assert len(home.tools.calls) == 6


async def test_a_capped_run_waits_for_the_one_before(home: Home) -> None:
    home.flow("narrow", tool("a", "fake.slow"), concurrency=1)
    async with home.working() as engine:
        first, second = [await start(engine, "narrow") for _ in range(2)]
        await busy(home)
        assert (await engine.runs.summary(second)).status is RunStatus.QUEUED
        await engine.runs.pause(second, actor=ANN)  # a verb needs no slot
        await rest(engine, second, expect=RunStatus.PAUSED)
        home.tools.release()
        await rest(engine, first, expect=RunStatus.COMPLETED)
        await engine.runs.resume(second, actor=ANN)
        await rest(engine, second, expect=RunStatus.COMPLETED)


async def test_a_run_that_goes_on_after_a_pause_or_a_failure_waits_for_a_slot(home: Home) -> None:
    slow = tool("a", "fake.slow", params={"key": "{{ payload.key }}"})
    home.flow("narrow", slow, tool("b", "fake.fail", when="payload.fails"), concurrency=1)
    home.tools.release("failed")
    async with home.working() as engine:
        failed = await start(engine, "narrow", {"key": "failed", "fails": True})
        await rest(engine, failed, expect=RunStatus.FAILED)
        paused = await start(engine, "narrow", {"key": "paused", "fails": False})
        await busy(home, calls=3)
        await engine.runs.pause(paused, actor=ANN)
        home.tools.release("paused")
        await rest(engine, paused, expect=RunStatus.PAUSED)
        other = await start(engine, "narrow", {"key": "other", "fails": False})
        await busy(home, calls=4)

        assert (await engine.runs.resume(paused, actor=ANN)).status is RunStatus.PAUSED
        assert (await engine.runs.retry(failed, actor=ANN)).status is RunStatus.FAILED

        home.tools.release("other")
        for run_id in (other, paused):
            await rest(engine, run_id, expect=RunStatus.COMPLETED)
        await rest(engine, failed, expect=RunStatus.FAILED)
    assert len(home.tools.given("b")) == 2
    assert home.tools.most_at_once == 1


async def test_the_next_run_begins_when_the_one_before_gives_its_slot_back(
    home: Home, each_journal: Journal
) -> None:
    """By its end, and by a question to a person."""
    home.flow("ends", tool("a", params={"x": 1}), concurrency=1)
    home.flow("asks", approval("ok"), concurrency=1)
    async with home.working(journal=each_journal, lease_seconds=NO_HEARTBEAT) as engine:
        ending = [await start(engine, "ends") for _ in range(4)]
        asking = [await start(engine, "asks") for _ in range(4)]
        for run_id in ending:
            await rest(engine, run_id, expect=RunStatus.COMPLETED)
        for run_id in asking:
            await rest(engine, run_id, expect=RunStatus.PENDING_HUMAN)


async def test_a_worker_is_idle_once_another_one_of_its_process_has_given_the_last_run_back(
    home: Home,
) -> None:
    home.flow("slow", tool("a", "fake.slow"))
    journal = MemoryJournal()
    async with (
        home.open(journal=journal, lease_seconds=NO_HEARTBEAT) as engine,
        engine.work() as first,
        engine.work() as second,
    ):
        await start(engine, "slow")
        await busy(home)
        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
            for worker in (first, second):
                group.create_task(worker.idle())
            for _ in range(100):  # both have looked, and wait
                await asyncio.sleep(0)
            home.tools.release()
