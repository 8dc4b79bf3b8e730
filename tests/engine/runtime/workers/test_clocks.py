"""Clocks that somebody sets: leases do not notice, timers keep their distance, history goes forward only."""

from __future__ import annotations

import asyncio
import os
import resource
import sqlite3
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from engine.contracts.status import RunStatus
from engine.runtime.clock import SystemClock
from engine.runtime.processes import is_gone, process_name, this_process
from tests.engine.runtime.embedded_home import (
    ANN,
    BOB,
    approval,
    pending_approval,
    rest,
    start,
    tool,
    until,
)
from tests.engine.runtime.fake_clock import SLOWLY, FakeClock

if TYPE_CHECKING:
    from pathlib import Path

    from engine.facade.engine import Engine
    from engine.journal.sqlite.journal import SqliteJournal
    from tests.engine.runtime.embedded_home import Home

HOURS = 3600.0


async def assert_times_go_forward(engine: Engine, run_id: str) -> None:
    times = [event.ts for event in await engine.runs.events(run_id)]
    assert times == sorted(times)
    for step in (await engine.runs.steps(run_id)).items:
        assert step.started_at is None or step.finished_at is None or step.started_at <= step.finished_at


@pytest.mark.parametrize("seconds", [2 * HOURS, -2 * HOURS])
async def test_a_clock_that_is_set_takes_no_run_from_its_worker(home: Home, seconds: float) -> None:
    home.flow("slow", tool("a", "fake.slow"))
    began = SystemClock().uptime()
    clock = FakeClock(pace=SLOWLY, began=began)
    async with home.working(clock=FakeClock(pace=SLOWLY, began=began), lease_seconds=0.3) as first:
        run_id = await start(first, "slow")
        await until_called(home)
        async with home.working(clock=clock, lease_seconds=0.3) as second:
            for _ in range(2):
                clock.set_by(seconds)
                await beats(home, 3)
                clock.set_by(-seconds)
            home.tools.release()
            await rest(second, run_id, expect=RunStatus.COMPLETED)
            assert home.tools.attempts == [1]
            (step,) = (await second.runs.steps(run_id)).items
            assert step.recoveries == 0


async def test_the_run_of_a_process_that_died_is_taken_over_at_once_however_long_its_lease(
    home: Home, journal: SqliteJournal
) -> None:
    home.flow("quick", tool("a", params={"x": 1}))
    async with home.open(journal=journal, lease_seconds=3600, round_seconds=0.02) as engine:
        run_id = await start(engine, "quick")
        process = await asyncio.create_subprocess_exec("sleep", "60")
        uptime = SystemClock().uptime()
        name = await asyncio.to_thread(process_name, process.pid)
        await journal.heartbeat("wrk_dead", "host", process.pid, uptime, uptime + 10**12, process=name)
        (claim,) = await journal.claim("wrk_dead", uptime, 1, run_id)
        assert not claim.lost
        async with engine.work():
            assert {worker.alive for worker in await engine.workers()} == {True}
            process.kill()
            await process.wait()
            await rest(engine, run_id, expect=RunStatus.COMPLETED)


async def test_a_worker_of_an_earlier_boot_holds_nothing(home: Home, journal: SqliteJournal) -> None:
    home.flow("quick", tool("a", params={"x": 1}))
    async with home.open(journal=journal) as engine:
        run_id = await start(engine, "quick")
        another_boot = "0" + await asyncio.to_thread(this_process)
        await journal.heartbeat("wrk_before", "host", os.getpid(), 0, 10**15, process=another_boot)
        await journal.claim("wrk_before", 0, 1, run_id)
        async with engine.work():
            await rest(engine, run_id, expect=RunStatus.COMPLETED)


def test_a_number_that_was_given_again_is_another_process() -> None:
    mine = this_process()
    head, _, started = mine.rpartition("/")
    assert not is_gone(mine)
    assert is_gone(f"{head}/{int(started) - 1}")
    assert is_gone("")


def test_of_processes_whose_numbers_are_not_ours_nothing_is_known() -> None:
    boot, space, pid, _ = this_process().split("/")
    assert not is_gone(f"{boot}/pid:[1]/{pid}/1")
    assert not is_gone(f"{boot}/{space}/{pid}/")
    assert not is_gone(f"{boot}/{space}/x/1")
    assert is_gone(f"{boot}/{space}/{10**30}/1")


def test_of_a_process_that_cannot_be_looked_at_nothing_is_known() -> None:
    mine = this_process()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))  # too many files are open
    try:
        gone = is_gone(mine)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert not gone, "others would take its runs from it"


def test_of_a_process_that_another_account_hides_nothing_is_known_as_long_as_it_is_there(
    tmp_path: Path,
) -> None:
    """As /proc is where it is mounted with `hidepid`: nothing in it tells of the process."""
    assert not is_gone(this_process(), tmp_path)
    with subprocess.Popen(["true"]) as ended:
        boot, space, *_ = this_process().split("/")
    assert is_gone(f"{boot}/{space}/{ended.pid}/1", tmp_path)


async def test_a_retry_comes_in_its_time_when_the_clock_is_set_back_meanwhile(home: Home) -> None:
    retry = {"max_attempts": 2, "backoff_seconds": 0.5}
    home.flow("try", tool("a", "fake.flaky", params={"fails": 1}, retry=retry))
    clock = FakeClock()
    async with home.working(clock=clock, lease_seconds=0.3) as engine:
        run_id = await start(engine, "try")

        async def waits() -> bool:
            return (await engine.runs.summary(run_id)).status is RunStatus.RETRYING

        await until(waits)
        clock.set_by(-2 * HOURS)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        await assert_times_go_forward(engine, run_id)


async def test_what_is_planned_after_the_clock_was_set_back_comes_in_its_time(home: Home) -> None:
    retry = {"max_attempts": 2, "backoff_seconds": 0.1}
    home.flow(
        "go",
        tool("before", "fake.slow"),
        tool("again", "fake.flaky", params={"fails": 1}, retry=retry),
        {"id": "rest", "type": "wait", "duration": 0.1},
        approval("ok", timeout=HOURS),
        tool("end", params={"x": 1}),
    )
    clock = FakeClock()
    async with home.working(clock=clock, lease_seconds=0.3) as engine:
        run_id = await start(engine, "go")
        await until_called(home)
        clock.set_by(-2 * HOURS)
        home.tools.release()
        shown = await pending_approval(engine, run_id)
        kinds = [event.kind for event in await engine.runs.events(run_id)]
        assert kinds.count("wait_started") == 1
        assert shown.expires_at is not None
        assert shown.expires_at.timestamp() - clock.now() / 1_000_000 <= HOURS
        await assert_times_go_forward(engine, run_id)


async def test_a_retry_that_was_paused_comes_in_its_time_though_the_clock_was_set_back(home: Home) -> None:
    retry = {"max_attempts": 2, "backoff_seconds": 0.5}
    home.flow("try", tool("a", "fake.flaky", params={"fails": 1}, retry=retry))
    clock = FakeClock()
    async with home.working(clock=clock, lease_seconds=0.3) as engine:
        run_id = await start(engine, "try")

        async def waits() -> bool:
            return (await engine.runs.summary(run_id)).status is RunStatus.RETRYING

        await until(waits)
        await engine.runs.pause(run_id, actor=ANN)
        clock.set_by(-2 * HOURS)
        await engine.runs.resume(run_id, actor=ANN)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)


async def test_an_approval_does_not_expire_because_the_clock_was_set_forward(home: Home) -> None:
    home.flow("ask", approval("ok", timeout=HOURS), tool("end", params={"x": 1}))
    clock = FakeClock()
    async with home.working(clock=clock, lease_seconds=0.3) as engine:
        shown = await pending_approval(engine, await start(engine, "ask"))
        clock.set_by(2 * HOURS)
        await beats(home, 2)
        await engine.requests.approve(shown.approval_id, actor=BOB)
        await rest(engine, shown.run_id, expect=RunStatus.COMPLETED)
        clock.set_by(-4 * HOURS)
        await assert_times_go_forward(engine, shown.run_id)


async def test_a_decision_follows_the_clock_though_no_worker_has(home: Home) -> None:
    home.flow("ask", approval("ok", timeout=HOURS))
    async with home.working() as engine:
        shown = await pending_approval(engine, await start(engine, "ask"))
    clock = FakeClock()
    clock.set_by(2 * HOURS)
    async with home.open(clock=clock) as engine:
        await engine.requests.approve(shown.approval_id, actor=BOB)


async def test_history_goes_forward_when_the_clock_goes_back_all_the_time(home: Home) -> None:
    home.flow(
        "many", *(tool(f"s{number}") for number in range(6)), approval("ok"), tool("end", params={"x": 1})
    )
    clock = FakeClock()
    async with home.working(clock=clock) as engine:
        shown = await pending_approval(engine, await start(engine, "many"))
        clock.set_by(-2 * HOURS)
        await engine.runs.pause(shown.run_id, actor=ANN)
        clock.set_by(-2 * HOURS)
        await engine.runs.resume(shown.run_id, actor=ANN)
        await engine.requests.approve(shown.approval_id, actor=BOB)
        clock.set_by(-2 * HOURS)
        await rest(engine, shown.run_id, expect=RunStatus.COMPLETED)
        await assert_times_go_forward(engine, shown.run_id)


async def test_the_clock_is_followed_once_by_all_workers(home: Home) -> None:
    home.flow("ask", approval("ok", timeout=HOURS))
    clock = FakeClock()
    async with (
        home.working(clock=clock, lease_seconds=0.3) as first,
        home.working(clock=clock, lease_seconds=0.3),
    ):
        await pending_approval(first, await start(first, "ask"))
        before = due(home)
        clock.set_by(-2 * HOURS)
        await beats(home, 3)
        await beats(home, 3)
    assert due(home) - before == pytest.approx(-2 * HOURS * 1_000_000, abs=1_000_000)


def due(home: Home) -> int:
    with closing(sqlite3.connect(home.config().journal_path)) as database:
        return int(database.execute("SELECT due FROM timers").fetchone()[0])


async def until_called(home: Home) -> None:
    async def called() -> bool:
        return home.tools.under_way > 0

    await until(called)


async def beats(home: Home, count: int) -> None:
    """All workers prolong their leases so many times."""
    for _ in range(count):
        before = leases(home)

        async def prolonged() -> bool:
            return all(ends > before.get(name, 0) for name, ends in leases(home).items())  # noqa: B023 - at once

        await until(prolonged)


def leases(home: Home) -> dict[str, int]:
    with closing(sqlite3.connect(home.config().journal_path)) as database:
        return dict(database.execute("SELECT worker_id, expires_at FROM workers"))


LONG = 3600.0
"""Seconds of a lease: whoever waits for the next heartbeat waits for long."""


def again(home: Home) -> None:
    home.flow(
        "again",
        tool("a", "fake.flaky", params={"fails": 1}, retry={"max_attempts": 2, "backoff_seconds": 0.3}),
    )


async def status_is(engine: Engine, run_id: str, status: RunStatus) -> None:
    async def so() -> bool:
        return (await engine.runs.summary(run_id)).status is status

    await until(so)


async def test_a_timer_that_another_worker_set_is_fired_in_its_time_however_long_the_lease(
    home: Home,
) -> None:
    again(home)
    async with home.working(lease_seconds=LONG) as other:
        async with home.working(lease_seconds=LONG) as engine:
            run_id = await start(engine, "again")
            await status_is(engine, run_id, RunStatus.RETRYING)
        await rest(other, run_id, expect=RunStatus.COMPLETED)


@pytest.mark.parametrize("hours", [3, -3])
async def test_timers_follow_a_clock_that_is_set_however_long_the_lease(home: Home, hours: int) -> None:
    again(home)
    clock = FakeClock()
    async with home.working(clock=clock, lease_seconds=LONG, round_seconds=0.02) as engine:
        run_id = await start(engine, "again")
        await status_is(engine, run_id, RunStatus.RETRYING)
        clock.set_by(hours * HOURS)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
