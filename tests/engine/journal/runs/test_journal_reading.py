from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from engine.contracts.runs.event_head import EventHead
from engine.contracts.runs.listed import RequestFilter, RunFilter, RunSort
from engine.contracts.status import RequestKind, RequestStatus, RunStatus
from engine.errors import ErrorCode, Unavailable
from engine.frozen import replace
from engine.journal.rules.run_filter import place_of
from engine.machine.events.step_facts import StepCompleted
from engine.machine.model.inputs import Pause
from tests.engine.journal.run_script import (
    ALL,
    LATER,
    NOW,
    a_run,
    approve,
    event,
    form_opened,
    hold,
    refused_run,
    step_started,
    take,
    wait_for_approval,
)
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from engine.journal.changes import ChangeSet
    from engine.journal.port import Journal


async def listed(
    journal: Journal, filters: RunFilter | None = None, limit: int = ALL, after: str | None = None
) -> list[int]:
    row = None if after is None else await journal.run_row(after)
    place = None if row is None else place_of(row, RunSort.NEWEST)
    rows = await journal.lists.page(filters or RunFilter(), RunSort.NEWEST, limit, after=place)
    return [int(row["run_id"][4:]) for row in rows]


async def test_runs_are_listed_newest_first_page_by_page(journal: Journal) -> None:
    for number in (2, 5, 1, 4, 3):
        await journal.create_run(a_run(number))
    assert await listed(journal) == [5, 4, 3, 2, 1]
    assert await listed(journal, limit=2) == [5, 4]
    assert await listed(journal, limit=2, after="run_0004") == [3, 2]
    await journal.create_run(a_run(6))
    assert await listed(journal, limit=2, after="run_0002") == [1]


async def test_filters_of_runs_must_all_fit(journal: Journal) -> None:
    await journal.create_run(a_run(1))
    await journal.create_run(a_run(2, pack="logs", tenant="other"))
    await journal.create_run(a_run(3, pack="logs", flow="triage"))
    await journal.create_run(refused_run(4))
    await take(journal, "run_0001")
    assert await listed(journal, RunFilter(status=(RunStatus.QUEUED,))) == [3, 2]
    assert await listed(journal, RunFilter(status=(RunStatus.RUNNING, RunStatus.FAILED))) == [4, 1]
    assert await listed(journal, RunFilter(pack="logs")) == [3, 2]
    assert await listed(journal, RunFilter(flow="triage")) == [3]
    assert await listed(journal, RunFilter(tenant="other")) == [2]
    assert await listed(journal, RunFilter(pack="logs", tenant="default")) == [3]
    assert await listed(journal, RunFilter(pack="nope")) == []
    assert await listed(journal, RunFilter(status=(RunStatus.QUEUED,)), 1, "run_0003") == [2]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("RUN_0002", [2]),
        ("Docs", [3, 1]),
        ("tri", [2]),
        ("ANN", [3, 1]),
        ("failed", [3]),
        ("Ørjan", [2]),
        ("ørjan", []),
        ("100%_", []),
        ("0003", [3]),
        ("003", []),
        ("_000", [3, 2, 1]),
        ("", [3, 2, 1]),
    ],
)
async def test_text_is_found_in_id_pack_flow_requester_and_status(
    journal: Journal, text: str, found: list[int]
) -> None:
    await journal.create_run(a_run(1))
    await journal.create_run(a_run(2, pack="logs", flow="triage", requested_by="Ørjan"))
    await journal.create_run(refused_run(3))
    await journal.create_run(a_run(4, tenant="hidden", requested_by="Bob"))
    assert await listed(journal, RunFilter(text=text, tenant="default")) == found


async def test_requests_are_listed_oldest_first_page_by_page(journal: Journal) -> None:
    for number in (3, 1, 2, 4):
        await wait_for_approval(journal, number)
    await journal.decide(approve("appr_0002"))
    held = await hold(journal, 5)
    await held.append(step_started("ask", "user_input"), form_opened("form_0005"))

    async def page(
        status: RequestStatus | None, limit: int = ALL, after: str | None = None, run_id: str | None = None
    ) -> list[str]:
        wanted = RequestFilter(status=status, run_id=run_id)
        rows = await journal.request_rows(RequestKind.APPROVAL, wanted, limit, after)
        return [row["request_id"][-1] for row in rows]

    assert await page(RequestStatus.PENDING) == ["1", "3", "4"]
    assert await page(RequestStatus.APPROVED) == ["2"]
    assert await page(RequestStatus.REJECTED) == []
    assert await page(None) == ["1", "2", "3", "4"]
    assert await page(None, 2) == ["1", "2"]
    assert await page(None, 2, "appr_0002") == ["3", "4"]
    assert await page(RequestStatus.PENDING, 1, "appr_0001") == ["3"]
    assert await page(None, run_id="run_0002") == ["2"]
    assert await page(RequestStatus.PENDING, run_id="run_0002") == []
    assert await page(None, after="appr_0002", run_id="run_0002") == []
    assert await page(None, run_id="run_none") == []
    forms = await journal.request_rows(RequestKind.FORM, RequestFilter(), ALL)
    assert [row["request_id"] for row in forms] == ["form_0005"]
    assert {*forms[0], "recoveries", "decided_event"} == set(await journal.request_row("appr_0001") or ())


async def test_the_feed_is_all_events_in_the_order_they_were_written(journal: Journal) -> None:
    first, second = await hold(journal, 1), await hold(journal, 2)
    await second.append(step_started("a"))
    await first.append(step_started("a"))
    events = await journal.feed_events(0, 100)
    assert [(item.seq, item.run_id, item.run_seq) for item in events] == [
        (1, "run_0001", 1),
        (2, "run_0001", 2),
        (3, "run_0002", 1),
        (4, "run_0002", 2),
        (5, "run_0002", 3),
        (6, "run_0001", 3),
    ]
    assert await journal.feed_events(2, 2) == events[2:4]
    assert await journal.feed_events(6, 10) == []
    assert await journal.last_seq() == 6
    told = await journal.event_heads(0, 100)
    assert told == [
        EventHead(one.seq, one.run_id, one.run_seq, one.event.kind, one.event.step_id, "default")
        for one in events
    ]
    assert await journal.event_heads(2, 2) == told[2:4]


async def test_whom_an_event_concerns_is_told_of_a_run_that_took_over(journal: Journal) -> None:
    await journal.create_run(a_run(1))
    queued = a_run(2, handed_off_from="run_0001")
    await journal.create_run(replace(queued, events=[*queued.events, step_started("a")]))
    told = await journal.event_heads(1, 100)
    assert [(one.run_seq, one.handed_off_from) for one in told] == [(1, "run_0001"), (2, None)]


async def test_a_run_s_events_come_in_pages(journal: Journal) -> None:
    held = await hold(journal)
    await held.append(*(step_started(f"s{number}") for number in range(5)))
    assert [item.run_seq for item in await journal.page_events(held.run_id, 2, 3)] == [3, 4, 5]
    assert [item.run_seq for item in await journal.page_events(held.run_id, 5, 30)] == [6, 7]
    assert [item.run_seq for item in await journal.events_after(held.run_id, 5)] == [6, 7]
    assert await journal.page_events(held.run_id, 7, 30) == []
    assert await journal.page_events("run_none", 0, 30) == []


async def test_events_come_back_as_they_were(journal: Journal) -> None:
    payload = {"text": 'quote " \\ \u2028 \x00 é 🎉', "n": [1, -2.5, True, None, 2**60], "empty": {}}
    held = await hold(journal)
    given = event(StepCompleted.kind, "a/1", ts=LATER, actor="ann@example.org", output=payload)
    await held.append(given)
    (stored,) = await journal.events_after(held.run_id, 2)
    assert stored.event == given


async def test_a_pinned_content_stays_as_it_was_first(journal: Journal) -> None:
    assert await journal.content("d") is None
    await journal.pin_content("d", "first")
    await journal.pin_content("d", "second")
    assert await journal.content("d") == "first"


async def test_an_empty_journal_has_nothing(journal: Journal) -> None:
    assert await journal.last_seq() == 0
    assert await journal.feed_events(0, 10) == []
    assert await journal.counters() == {}
    assert await journal.next_timer() is None
    assert await journal.fire_timers(NOW) == 0
    assert not await journal.any_ready(NOW)
    assert not await journal.any_busy(NOW)
    assert await journal.workers() == []
    assert await journal.mail_for("w1") == []


class FakeListener:
    """Remembers the news and lets a test wait for them."""

    def __init__(self) -> None:
        self.news: list[ChangeSet] = []
        self._came = asyncio.Event()

    def __call__(self, change: ChangeSet) -> None:
        self.news.append(change)
        self._came.set()

    async def next(self) -> ChangeSet:
        async with asyncio.timeout(PATIENCE):
            while not self.news:
                self._came.clear()
                await self._came.wait()
        return self.news.pop(0)


async def test_writes_are_told_to_everybody_who_listens(journal: Journal) -> None:
    listener, other = FakeListener(), FakeListener()
    journal.on_change(listener)
    undo = journal.on_change(other)
    await journal.create_run(a_run(1))
    assert (await listener.next()).work
    assert (await other.next()).work
    undo()
    undo()
    held = await take(journal, "run_0001", start=False)
    await held.append(step_started("a"))
    change = await listener.next()
    assert (change.statuses, change.work, change.foreign) == ({"run_0001": RunStatus.RUNNING}, False, False)
    await journal.steer("run_0001", Pause(now=NOW))
    assert (await listener.next()).work
    await held.append(status=RunStatus.COMPLETED, release=True, ready=True)
    change = await listener.next()
    assert (change.statuses, change.work) == ({"run_0001": RunStatus.COMPLETED}, True)
    assert other.news == []


async def test_what_was_refused_is_no_news(journal: Journal) -> None:
    listener = FakeListener()
    journal.on_change(listener)
    await journal.create_run(a_run(1))
    with pytest.raises(Unavailable):
        await journal.create_run(a_run(1))
    assert len(listener.news) == 1


async def test_a_run_whose_caller_gave_up_waiting_is_written_all_the_same(journal: Journal) -> None:
    listener = FakeListener()
    journal.on_change(listener)
    task = asyncio.create_task(journal.create_run(a_run(1)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await listener.next()
    assert await journal.run_row("run_0001") is not None


async def test_readers_of_a_journal_that_closes_get_their_answer_or_are_told(journal: Journal) -> None:
    await journal.create_run(a_run(1))

    async def read_on() -> None:
        while True:
            await journal.last_seq()

    early = [asyncio.create_task(journal.last_seq()) for _ in range(20)]
    readers = [asyncio.create_task(read_on()) for _ in range(3)]
    await journal.last_seq()
    await journal.close()
    async with asyncio.timeout(PATIENCE):
        results = await asyncio.gather(*early, *readers, return_exceptions=True)
    stopped = [error.code for error in results if isinstance(error, Unavailable)]
    assert set(stopped) == {ErrorCode.ENGINE_STOPPED}
    assert all(result == 1 or isinstance(result, Unavailable) for result in results)


async def test_a_closed_journal_says_so(journal: Journal) -> None:
    await journal.close()
    await journal.close()
    with pytest.raises(Unavailable) as caught:
        await journal.create_run(a_run(1))
    assert caught.value.code is ErrorCode.ENGINE_STOPPED
    with pytest.raises(Unavailable) as caught:
        await journal.run_row("run_0001")
    assert caught.value.code is ErrorCode.ENGINE_STOPPED
