"""A worker's hold on runs that it lost and took again."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from engine.journal.memory.journal import MemoryJournal
from engine.runtime.clock import SystemClock
from engine.runtime.worker.held_runs import HeldRuns

if TYPE_CHECKING:
    from engine.runtime.worker.sessions.opening import Sessions


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
        on_timer=lambda due: None,
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
