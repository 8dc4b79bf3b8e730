"""A run that another worker took meanwhile is let go of, and worked again when it comes back."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from engine.contracts.status import RunStatus
from engine.errors import ErrorCode, Unavailable
from engine.journal.memory.journal import MemoryJournal
from engine.runtime.processes import this_process
from engine.tools.context import ToolLimits
from tests.engine.runtime.embedded_home import BOB, kinds, pending_approval, rest, start, tool, until
from tests.engine.runtime.fake_clock import FakeClock
from tests.engine.runtime.outside_programs import agent, agents, ended, notes

if TYPE_CHECKING:
    from engine.journal.rows import RunRow
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


class FakeHindered(MemoryJournal):
    """Cannot be read once, for whoever looks whose a run is; a run can be taken from its worker."""

    hindered = False

    async def run_row(self, run_id: str) -> RunRow | None:
        if self.hindered:
            self.hindered = False
            raise Unavailable(ErrorCode.JOURNAL_UNAVAILABLE, "the disk fails")
        return await super().run_row(run_id)

    async def taken_away(self, run_id: str) -> None:
        mine = await asyncio.to_thread(this_process)
        await self.heartbeat("wrk_other", "host", os.getpid(), 0, 10**18, process=mine)
        await self.write(lambda store: store.take_lease(run_id, "wrk_other"))
        self.hindered = True


async def test_a_run_that_was_lost_is_let_go_of_though_the_journal_fails_just_then(home: Home) -> None:
    home.flow("slow", tool("a", "fake.slow"))
    journal, clock = FakeHindered(), FakeClock()
    async with home.working(journal=journal, clock=clock, lease_seconds=0.3, pack_watch="off") as engine:
        run_id = await start(engine, "slow")

        async def calls() -> bool:
            return home.tools.under_way == 1

        async def let_go() -> bool:
            return home.tools.under_way == 0

        await until(calls)
        await journal.taken_away(run_id)
        clock.ahead += 1.0
        await until(let_go)
        assert not journal.hindered


async def test_a_call_that_must_not_be_made_twice_is_left_to_who_has_its_run_now(
    home: Home,
) -> None:
    """Also when the lease was prolonged since, and nobody has told the run yet that it was lost."""
    home.flow("first", tool("hold", "fake.slow", params={"key": "first"}))
    home.flow("send", tool("send", "fake.slow", on_lost="ask"))
    async with home.working(limits=ToolLimits(calls_at_once=1)) as engine:
        first = await start(engine, "first")

        async def held() -> bool:
            return len(home.tools.given("hold")) == 1

        await until(held)
        run_id = await start(engine, "send")

        async def waits() -> bool:
            return (await kinds(engine, run_id))[-1] == "step_started"

        await until(waits)
        await change(
            home,
            "INSERT INTO workers SELECT 'wrk_other', host, pid, started_at, 1 << 60, process FROM workers",
        )
        await change(
            home,
            "UPDATE runs SET lease_worker = 'wrk_other', lease_epoch = lease_epoch + 1 "
            f"WHERE run_id = '{run_id}'",
        )
        after = await start(engine, "first")
        home.tools.release("first")
        home.tools.release()
        for one in (first, after):
            await rest(engine, one, expect=RunStatus.COMPLETED)
    assert home.tools.given("send") == []


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
