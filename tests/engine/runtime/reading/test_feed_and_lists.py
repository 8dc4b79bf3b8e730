from __future__ import annotations

import asyncio
import gc
import json
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.runs.event_head import EventHead
from engine.contracts.runs.listed import RunFilter
from engine.contracts.status import RequestStatus, RunStatus
from engine.errors import InvalidInput, NotFound
from engine.facade.feed import ClaimsChanged, FeedBatch, Topic
from engine.journal.records import NewRun, StoredEvent
from engine.journal.sqlite.journal import SqliteJournal
from engine.machine.events.event import Event
from engine.machine.events.run_facts import RunRefused
from engine.runtime.embedded.feed import MAX_BEHIND, READ_AT_ONCE
from tests.engine.runtime.embedded_home import (
    ANN,
    BOB,
    Home,
    approval,
    finished,
    form,
    pending_approval,
    pending_form,
    rest,
    start,
    tool,
    until,
)
from tests.patience import PATIENCE
from vasini_tui.output import json_text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from engine.contracts.runs.run import EventView
    from engine.journal.port import Journal


def heads(events: Iterable[EventView]) -> list[EventHead]:
    """What is told of these."""
    return [EventHead(one.seq, one.run_id, one.run_seq, one.kind, one.step_id, "default") for one in events]


async def read(batches: AsyncIterator[FeedBatch], enough: int) -> list[EventHead]:
    """At least `enough` events of the feed."""
    found: list[EventHead] = []
    async with asyncio.timeout(PATIENCE):
        while len(found) < enough:
            batch = await anext(batches)
            assert not batch.lagged
            found += batch.events
    return found


async def test_the_feed_brings_what_any_engine_writes_in_order_and_without_gaps(home: Home) -> None:
    home.flow("one", tool("a", params={"x": 1}))
    async with home.open() as first, home.open() as second:
        await start(first, "one")  # before anybody listens
        async with first.feed.subscribe() as batches, second.feed.subscribe() as others:
            async with first.work(), second.work():
                for engine in (first, second, second, first):
                    await finished(engine, "one")
            written = [
                event
                for run in (await first.runs.list()).items
                for event in await first.runs.events(run.run_id)
            ]
            news = heads(sorted((event for event in written if event.seq > 1), key=lambda event: event.seq))
            assert await read(batches, len(news)) == news
            assert await read(others, len(news)) == news
    assert [event.seq for event in news] == list(range(2, len(news) + 2))


async def test_a_feed_of_one_run_brings_nothing_else(home: Home) -> None:
    home.flow("ask", form("word"))
    async with home.open() as engine:
        run_id, other = await start(engine, "ask"), await start(engine, "ask")
        async with engine.feed.subscribe(run_id=run_id) as batches, engine.work() as worker:
            await worker.idle()
            events = await read(batches, 2)
            assert {event.run_id for event in events} == {run_id}
            assert [event.run_seq for event in events] == list(range(2, len(events) + 2))
        assert len(await engine.runs.events(other)) > 1


async def test_a_reader_hears_of_its_topics_only(home: Home, each_journal: Journal) -> None:
    home.flow("check", approval(), tool("a"))
    async with home.open(journal=each_journal) as engine, engine.work() as worker:
        run_id = await start(engine, "check")
        name = (await pending_approval(engine, run_id)).approval_id
        async with engine.feed.subscribe(topics={Topic.CLAIMS}) as batches:
            await start(engine, "check")
            await worker.idle()
            await engine.requests.claim(name, actor=ANN)
            async with asyncio.timeout(PATIENCE):
                assert await anext(batches) == FeedBatch(notices=(ClaimsChanged(),))


async def test_a_reader_that_cannot_follow_is_told_that_it_lagged(home: Home, each_journal: Journal) -> None:
    home.flow("one", tool("a"))
    async with home.open(journal=each_journal) as engine, engine.feed.subscribe() as batches:
        count = MAX_BEHIND + READ_AT_ONCE + 100
        await each_journal.create_run(refused("run_01many", count))
        read_batches = [await anext(batches)]
        async with asyncio.timeout(PATIENCE):
            while read_batches[-1].events[-1].run_seq < count:
                read_batches.append(await anext(batches))
        assert [batch.lagged for batch in read_batches[:3]] == [False, True, False]
        seen = [event.run_seq for batch in read_batches for event in batch.events]
        assert seen == [*range(1, READ_AT_ONCE + 1), *range(READ_AT_ONCE + 101, count + 1)]


def refused(run_id: str, count: int) -> NewRun:
    events = [Event(RunRefused({}), number, "ann") for number in range(count)]
    names = (run_id, "default", "demo", "1.0.0", "0" * 64, "one", "v1", "ann")
    return NewRun(*names, RunStatus.FAILED, events)


def stored_events() -> int:
    return sum(type(one) is StoredEvent for one in gc.get_objects())


async def test_what_a_reader_that_stands_still_has_not_heard_does_not_stay_in_memory(
    home: Home, journal: SqliteJournal
) -> None:
    async with home.open(journal=journal) as engine, engine.feed.subscribe() as batches:
        before = stored_events()
        for number in range(10):
            await journal.create_run(refused(f"run_01many{number}", READ_AT_ONCE))
        assert stored_events() <= before + 2 * READ_AT_ONCE
        assert len(await read(batches, 10 * READ_AT_ONCE)) == 10 * READ_AT_ONCE


async def test_leaving_the_feed_ends_it(home: Home) -> None:
    home.flow("one", tool("a", params={"x": 1}))
    async with home.working() as engine:
        async with engine.feed.subscribe() as left:
            run_id = (await finished(engine, "one")).run_id
            await read(left, len(await engine.runs.events(run_id)))
        more = asyncio.ensure_future(anext(left))
        async with engine.feed.subscribe() as batches:
            await finished(engine, "one")
            await read(batches, 1)
        assert not more.done()
        more.cancel()


async def test_waiting_returns_in_time_or_at_rest(home: Home) -> None:
    home.flow("slow", tool("a", "fake.slow"), form("word"))
    async with home.open() as engine:
        run_id = await start(engine, "slow")
        assert (await engine.runs.wait(run_id, timeout=0)).status is RunStatus.QUEUED
        async with engine.work():
            assert (await engine.runs.wait(run_id, timeout=0.01)).status in (
                RunStatus.QUEUED,
                RunStatus.RUNNING,
            )
            home.tools.release()
            assert (await engine.runs.wait(run_id)).status is RunStatus.PENDING_USER_INPUT
        with pytest.raises(NotFound):
            await engine.runs.wait("run_01nope")


async def test_waiting_hears_of_another_engine(home: Home) -> None:
    home.flow("ask", form("word"), tool("a", params={"x": 1}))
    async with home.open() as first, home.working() as second:
        run_id = await start(first, "ask")
        asked = await pending_form(first, run_id)
        await first.requests.answer(asked.request_id, {"word": "x"}, actor=ANN)
        run = await first.runs.wait(run_id, timeout=PATIENCE)
        assert run.status is RunStatus.COMPLETED
        await rest(second, run_id)


async def test_counts_follow_every_change(home: Home) -> None:
    home.flow("ask", form("word"), approval("ok"), tool("a", params={"x": 1}))

    def nonzero(counts: dict[RunStatus, int]) -> dict[RunStatus, int]:
        return {status: count for status, count in counts.items() if count}

    async with home.open() as engine:
        assert set((await engine.runs.counts()).runs) == set(RunStatus)
        run_id = await start(engine, "ask")
        assert nonzero((await engine.runs.counts()).runs) == {RunStatus.QUEUED: 1}
        async with engine.work():
            asked = await pending_form(engine, run_id)
            counts = await engine.runs.counts()
            assert (counts.forms_pending, counts.approvals_pending) == (1, 0)
            await engine.requests.answer(asked.request_id, {"word": "x"}, actor=ANN)
            shown = await pending_approval(engine, run_id)
            counts = await engine.runs.counts()
            assert (counts.forms_pending, counts.approvals_pending) == (0, 1)
            assert nonzero(counts.runs) == {RunStatus.PENDING_HUMAN: 1}
            await engine.requests.approve(shown.approval_id, actor=BOB)
            await rest(engine, run_id, expect=RunStatus.COMPLETED)
        counts = await engine.runs.counts()
        assert (counts.forms_pending, counts.approvals_pending) == (0, 0)
        assert nonzero(counts.runs) == {RunStatus.COMPLETED: 1}


async def test_lists_are_paged_and_filtered(home: Home) -> None:
    home.flow("one", tool("a"))
    home.flow("two", tool("a"), pack="other")
    async with home.open() as engine:
        made = [await start(engine, "one") for _ in range(5)]
        other = await start(engine, "two", pack="other")
        await engine.runs.cancel(made[0], actor=ANN)
        seen: list[str] = []
        after: str | None = None
        while True:
            page = await engine.runs.list(limit=2, after=after)
            seen += [run.run_id for run in page.items]
            after = page.next
            if after is None:
                break
        assert seen == [other, *reversed(made)]

        async def found(**fields: Any) -> list[str]:
            return [run.run_id for run in (await engine.runs.list(RunFilter(**fields))).items]

        assert await found(pack="other") == [other]
        assert await found(flow="two", pack="demo") == []
        assert await found(status=(RunStatus.CANCELLED,)) == [made[0]]
        assert await found(tenant="nobody") == []
        assert await found(text="OTHER") == [other]
        assert await found(text="%") == []


async def test_requests_are_paged_oldest_first(home: Home) -> None:
    home.flow(
        "ask",
        {"id": "each", "type": "for_each", "items": [1, 2, 3, 4], "steps": [form("word"), approval("ok")]},
    )
    async with home.working() as engine:
        run_id = await start(engine, "ask")
        found: list[str] = []

        async def asked() -> bool:
            return (await engine.runs.counts()).forms_pending == 4

        await until(asked)
        page = await engine.requests.forms(limit=3)
        found += [item.request_id for item in page.items]
        page = await engine.requests.forms(limit=3, after=page.next)
        found += [item.request_id for item in page.items]
        assert page.next is None
        assert found == sorted(set(found))
        assert len(found) == 4
        await engine.requests.answer(found[0], {"word": "x"}, actor=ANN)
        answered = (await engine.requests.forms(status=RequestStatus.ANSWERED)).items
        assert [item.request_id for item in answered] == found[:1]
        assert len((await engine.requests.forms(status=None, run_id=run_id)).items) == 4
        assert (await engine.requests.forms(run_id="run_01other")).items == ()


@pytest.mark.parametrize("after", ["", "nope", "appr_01", "run_" + "1" * 100, "run_\x00é"])
async def test_a_bad_cursor_or_limit_is_invalid_input(home: Home, after: str) -> None:
    async with home.open() as engine:
        with pytest.raises(InvalidInput):
            await engine.runs.list(after=after)
        with pytest.raises(InvalidInput):
            await engine.requests.forms(after=after)
        for limit in (0, -1, 100_000):
            with pytest.raises(InvalidInput):
                await engine.runs.list(limit=limit)


async def test_times_are_utc_and_in_order(home: Home) -> None:
    home.flow("one", tool("a", params={"x": 1}), tool("b", params={"x": 2}))
    before = datetime.now(UTC)
    async with home.working() as engine:
        run = await finished(engine, "one")
        after = datetime.now(UTC)
        assert run.started_at is not None
        assert run.finished_at is not None
        assert before <= run.created_at <= run.started_at <= run.finished_at <= run.updated_at <= after
        events = await engine.runs.events(run.run_id)
        assert all(one.ts <= two.ts for one, two in pairwise(events))
        a, b = (await engine.runs.steps(run.run_id)).items
        assert a.started_at is not None
        assert a.finished_at is not None
        assert b.started_at is not None
        assert run.started_at <= a.started_at <= a.finished_at <= b.started_at
        text = json.loads(json_text(run))["created_at"]
        assert text.endswith("Z")
        assert len(text.partition(".")[2]) == len("123456Z")


async def test_events_are_paged_by_their_number(home: Home) -> None:
    home.flow("one", tool("a", params={"x": 1}))
    async with home.working() as engine:
        run = await finished(engine, "one")
        whole = await engine.runs.events(run.run_id)
        assert [event.run_seq for event in whole] == list(range(1, run.run_seq + 1))
        first = await engine.runs.events(run.run_id, limit=2)
        rest_of_it = await engine.runs.events(run.run_id, after_run_seq=2)
        assert (*first, *rest_of_it) == whole
        with pytest.raises(NotFound):
            await engine.runs.events("run_01nope")
        for too_large in (2**62 + 1, 10**30):
            with pytest.raises(InvalidInput, match="must be between 0 and"):
                await engine.runs.events(run.run_id, after_run_seq=too_large)
            with pytest.raises(InvalidInput, match="must be between 0 and"):
                await engine.runs.all_events(after_seq=too_large)


async def test_what_is_not_there_is_not_found(home: Home) -> None:
    home.flow("one", tool("a", params={"x": 1}))
    async with home.working() as engine:
        run = await finished(engine, "one")
        with pytest.raises(NotFound):
            await engine.runs.get("run_01nope")
        with pytest.raises(NotFound):
            await engine.runs.step(run.run_id, "nope")


class CountingJournal(SqliteJournal):
    """Counts how often the feed reads events."""

    feed_reads = 0

    async def event_heads(self, after_seq: int, limit: int) -> list[EventHead]:
        self.feed_reads += 1
        return await super().event_heads(after_seq, limit)


async def test_what_this_process_has_written_is_not_read_back_from_the_file(home: Home) -> None:
    home.flow("many", *(tool(f"s{number}", params={"x": number}) for number in range(5)))
    config = home.config()
    journal = await CountingJournal.open(config.journal_path, poll_seconds=config.poll_seconds)
    assert isinstance(journal, CountingJournal)
    async with home.open(journal=journal) as engine, engine.work(), engine.feed.subscribe() as feed:
        run_id = await start(engine, "many")
        seen: list[EventHead] = []
        async with asyncio.timeout(PATIENCE):
            while not seen or seen[-1].kind != "output_written":
                seen += (await anext(feed)).events
        stored = await engine.runs.events(run_id)
    assert journal.feed_reads <= 2  # a lease that is given back is news without events
    assert seen == heads(stored)


async def test_between_events_of_this_process_stand_those_of_another_one(home: Home) -> None:
    home.flow("one", tool("a", params={"x": 1}))
    async with home.working() as here, home.working() as there, here.feed.subscribe() as feed:
        runs = [await start(engine, "one") for engine in (here, there) * 5]
        seen: list[EventHead] = []
        async with asyncio.timeout(PATIENCE):
            while sum(event.kind == "output_written" for event in seen) < len(runs):
                seen += (await anext(feed)).events
    numbers = [event.seq for event in seen]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
