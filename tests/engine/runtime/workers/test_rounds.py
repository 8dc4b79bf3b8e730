"""What a process looks at by itself stands still until something changed or it is time."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from engine.errors import ErrorCode, Unavailable
from engine.journal.changes import ChangeSet
from engine.journal.memory.journal import MemoryJournal
from engine.runtime.processes import gone_workers, this_process
from engine.runtime.rounds import Rounds
from engine.runtime.worker.heartbeat import Heartbeat
from tests.engine.runtime.embedded_home import until
from tests.engine.runtime.fake_clock import FakeClock, slow_clock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.journal.memory.store import MemoryStore
    from tests.engine.runtime.embedded_home import Home

SETTLED = 5
"""Turns of the loop after which the looks of one round are over: these looks ask nothing."""


class FakeSubject:
    """Counts how often it is looked at; `seconds` is what it answers, or raises."""

    def __init__(self, seconds: float | Exception | None = None) -> None:
        self.looked = 0
        self.seconds = seconds

    async def look(self) -> float | None:
        self.looked += 1
        if isinstance(self.seconds, Exception):
            raise self.seconds
        return self.seconds


class FakeRounds(Rounds):
    """Makes its rounds when the test says so."""

    async def after(self, count: int = 1) -> None:
        for _ in range(count):
            self.make()
            for _ in range(SETTLED):
                await asyncio.sleep(0)


@asynccontextmanager
async def looking(
    one: FakeSubject, another: FakeSubject
) -> AsyncIterator[tuple[FakeRounds, MemoryJournal, FakeClock]]:
    """Both were looked at once."""
    journal, clock = MemoryJournal(), FakeClock()
    rounds = FakeRounds(journal, clock)
    async with (
        rounds.running(),
        rounds.at("one", one.look),
        rounds.at("another", another.look),
    ):
        await rounds.after()
        yield rounds, journal, clock


async def test_nothing_is_looked_at_while_nothing_changes() -> None:
    still, other = FakeSubject(), FakeSubject()
    async with looking(still, other) as (rounds, _, _):
        await rounds.after(100)
    assert (still.looked, other.looked) == (1, 1)


async def test_many_changes_of_one_moment_are_one_look() -> None:
    still, other = FakeSubject(), FakeSubject()
    async with looking(still, other) as (rounds, journal, _):
        for number in range(20):
            await journal.shared_notes.note(f"trigger {number}", "{}", 0)
        assert still.looked == 1
        await rounds.after(10)
    assert (still.looked, other.looked) == (2, 2)


async def test_what_said_when_is_looked_at_then_and_the_others_are_not() -> None:
    timed, still = FakeSubject(60.0), FakeSubject()
    async with looking(timed, still) as (rounds, _, clock):
        clock.ahead += 59
        await rounds.after(10)
        assert timed.looked == 1
        clock.ahead += 1
        await rounds.after(10)
        assert (timed.looked, still.looked) == (2, 1)


@pytest.mark.parametrize("seconds", [3600.0, -3600.0, 0.6])
async def test_a_clock_that_is_set_is_a_change_once(seconds: float) -> None:
    timed, still = FakeSubject(86_400.0), FakeSubject()
    async with looking(timed, still) as (rounds, _, clock):
        clock.set_by(seconds)
        await rounds.after(10)
    assert (timed.looked, still.looked) == (2, 2)


async def test_a_look_that_failed_is_made_again_until_it_succeeds() -> None:
    failing = FakeSubject(Unavailable(ErrorCode.DISK_FULL, "the disk is full"))
    async with looking(failing, FakeSubject()) as (rounds, _, _):
        await rounds.after(4)
        assert failing.looked == 5
        failing.seconds = None
        await rounds.after(10)
    assert failing.looked == 6


async def test_a_change_during_a_look_is_looked_at_after_it() -> None:
    journal, clock = MemoryJournal(), FakeClock()
    rounds, goes_on, looked = FakeRounds(journal, clock), asyncio.Event(), Counter[str]()

    async def slow() -> None:
        looked["begun"] += 1
        await goes_on.wait()

    async with rounds.running(), rounds.at("slow", slow):
        await rounds.after()
        rounds.changed(ChangeSet(foreign=True))
        await rounds.after(3)
        assert looked["begun"] == 1
        goes_on.set()
        await rounds.after(3)
    assert looked["begun"] == 2


async def test_a_worker_alone_on_its_journal_looks_for_no_process() -> None:
    journal, clock = MemoryJournal(), FakeClock()
    heartbeat = Heartbeat(journal, clock, "wrk_one", 10)
    await heartbeat.beat()
    assert await heartbeat.others() == []
    uptime, earlier = clock.uptime(), "0" + await asyncio.to_thread(this_process)
    await journal.heartbeat("wrk_before", "host", 1, uptime, uptime + 10**12, process=earlier)
    assert await heartbeat.others() == []
    heartbeat.look_again()
    (other,) = await heartbeat.others()
    assert await gone_workers([other]) == ("wrk_before",)


class FakeCountingJournal(MemoryJournal):
    """Counts heartbeats, and how often anything was read."""

    def __init__(self) -> None:
        super().__init__()
        self.beats = self.reads = 0

    async def heartbeat(self, *arguments: Any, **named: Any) -> None:
        self.beats += 1
        await super().heartbeat(*arguments, **named)

    async def _read(self) -> MemoryStore:
        self.reads += 1
        return await super()._read()


async def test_an_engine_that_stands_still_beats_and_reads_nothing(home: Home) -> None:
    journal = FakeCountingJournal()

    async def beats_without_a_read() -> bool:
        beats, reads = journal.beats, journal.reads

        async def five_more() -> bool:
            return journal.beats >= beats + 5

        await until(five_more)
        return journal.reads == reads

    given = {"clock": slow_clock(), "lease_seconds": 0.15, "round_seconds": 0.02}
    async with home.working(journal=journal, pack_watch="off", **given):
        await until(beats_without_a_read)


async def test_a_look_that_fails_by_a_fault_of_the_program_is_tried_again_and_ends_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken, still = FakeSubject(ZeroDivisionError()), FakeSubject(1.0)
    async with looking(broken, still) as (rounds, _, clock):
        clock.ahead += 59
        await rounds.after(10)
        assert (broken.looked, still.looked) == (1, 2)
        clock.ahead += 1
        await rounds.after()
        assert broken.looked == 2
    assert "looking at one failed" in caplog.text
