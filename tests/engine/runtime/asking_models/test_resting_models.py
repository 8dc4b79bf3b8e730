"""Which models a worker leaves alone is told to every process, as long as the worker lives."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine.journal.memory.journal import MemoryJournal
from engine.models.routing import Breaker
from engine.runtime.processes import this_process
from engine.runtime.worker.registered import RestingNotes, worker_views
from tests.engine.runtime.fake_clock import FakeClock

if TYPE_CHECKING:
    import pytest

    from engine.facade.engine import RestingModel

LEASE = 10**12


async def told(journal: MemoryJournal, clock: FakeClock) -> dict[str, list[RestingModel]]:
    return {one.worker_id: list(one.resting) for one in await worker_views(journal, clock)}


async def register(journal: MemoryJournal, clock: FakeClock, *workers: str) -> None:
    for worker in workers:
        uptime = clock.uptime()
        process = await asyncio.to_thread(this_process)
        await journal.heartbeat(worker, "host", 1, uptime, uptime + LEASE, process=process)


async def test_a_model_is_told_until_it_answers_and_by_each_worker_for_itself() -> None:
    journal, clock = MemoryJournal(), FakeClock()
    await register(journal, clock, "one", "two")
    breaker = Breaker(2, 60.0, 30.0, lambda: clock.uptime() / 1_000_000)
    first = RestingNotes(journal, clock, "one", breaker.resting)
    second = RestingNotes(journal, clock, "two", lambda: {"other": 5.0})
    breaker.failed("large")
    await first.tell()
    await second.tell()
    assert [one.name for one in (await told(journal, clock))["two"]] == ["other"]
    assert (await told(journal, clock))["one"] == []
    breaker.failed("large")
    await first.tell()
    (resting,) = (await told(journal, clock))["one"]
    assert (resting.name, 25 < resting.seconds <= 30) == ("large", True)
    clock.ahead += 60
    await first.tell()
    (resting,) = (await told(journal, clock))["one"]
    assert resting.seconds == 0.0
    breaker.failed("large")
    await first.tell()
    (resting,) = (await told(journal, clock))["one"]
    assert resting.seconds > 25
    breaker.succeeded("large")
    await first.tell()
    assert (await told(journal, clock))["one"] == []
    assert [one.name for one in (await told(journal, clock))["two"]] == ["other"]


async def test_what_begins_to_rest_and_what_rests_no_more_stands_in_the_log_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "engine.runtime.worker.registered")
    journal, clock = MemoryJournal(), FakeClock()
    await register(journal, clock, "one")
    breaker = Breaker(1, 60.0, 30.0, lambda: clock.uptime() / 1_000_000)
    notes = RestingNotes(journal, clock, "one", breaker.resting)
    breaker.failed("large")
    await notes.tell()
    clock.ahead += 60  # its rest is over: the next call tries it
    await notes.tell()
    breaker.failed("large")
    await notes.tell()
    breaker.succeeded("large")
    await notes.tell()
    begun, ended = caplog.messages
    assert begun.startswith("the model large failed too often: it is left alone for ")
    assert ended == "the model large is asked again"


async def test_what_does_not_change_is_noted_once_and_what_a_gone_worker_left_is_forgotten() -> None:
    journal, clock = MemoryJournal(), FakeClock()
    await register(journal, clock, "one", "gone")
    await RestingNotes(journal, clock, "gone", lambda: {"large": 30.0}).tell()
    await journal.retire("gone")
    breaker = Breaker(1, 60.0, 30.0, lambda: clock.uptime() / 1_000_000)
    notes = RestingNotes(journal, clock, "one", breaker.resting)
    await notes.tell()
    breaker.failed("large")
    for _ in range(3):
        await notes.tell()
        clock.ahead += 1
    found = await journal.shared_notes.read("resting models")
    assert found is not None
    assert (found[0], "gone" in found[1]) == (2, False)
