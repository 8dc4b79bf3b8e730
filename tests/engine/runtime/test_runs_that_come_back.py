"""A run that another worker took meanwhile is let go of, and worked again when it comes back."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from tests.engine.runtime.embedded_home import BOB, pending_approval, start, until
from tests.engine.runtime.fake_clock import FakeClock
from tests.engine.runtime.outside_programs import agent, agents, ended, notes

if TYPE_CHECKING:
    from tests.engine.runtime.embedded_home import Home


async def change(home: Home, statement: str) -> None:
    """As another process on the journal does."""

    def run() -> None:
        with closing(sqlite3.connect(home.root / "data" / "journal.db")) as database, database:
            assert database.execute(statement).rowcount == 1

    await asyncio.to_thread(run)


async def test_a_run_that_came_back_is_worked_once_its_program_has_ended_here(home: Home) -> None:
    home.flow("ask", agent())
    async with home.working(agents=agents(home, "file")) as engine:
        run_id = await start(engine, "ask")
        first = await pending_approval(engine, run_id)
        await change(home, "UPDATE runs SET lease_worker = NULL, lease_epoch = lease_epoch + 1, ready = 1")

        async def asked_anew() -> bool:
            found = (await engine.requests.approvals(run_id=run_id)).items
            return [card.step_id for card in found] == ["work/2/call"]

        await until(asked_anew)
        words = [line.split()[0] for line in notes(home) if line != "cancelled"]
        assert words == ["new", "prompt", "chosen", "new", "prompt"]
        card = (await engine.requests.approvals(run_id=run_id)).items[0]
        assert card.approval_id != first.approval_id
        await engine.requests.approve(card.approval_id, actor=BOB, digest=card.digest)
        assert (await ended(engine, run_id)).output["text"] == "It is made."


async def test_a_worker_whose_lease_had_ended_lets_go_of_what_others_took(home: Home) -> None:
    home.flow("ask", agent())
    clock = FakeClock()
    async with home.working(agents=agents(home, "file"), clock=clock, lease_seconds=0.3) as engine:
        await pending_approval(engine, await start(engine, "ask"))
        await change(
            home,
            "INSERT INTO workers SELECT 'wrk_other', host, pid, started_at, 1 << 60, process FROM workers",
        )
        await change(home, "UPDATE runs SET lease_worker = 'wrk_other', lease_epoch = lease_epoch + 1")
        clock.ahead += 1.0

        async def let_go() -> bool:
            return "chosen cancelled" in notes(home)

        await until(let_go)
