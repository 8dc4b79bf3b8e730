"""Service levels are counted in the transaction that ends a run or a request, by both journals alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.status import RunStatus
from engine.errors import InvalidInput, NotFound
from engine.journal.errors import SeqConflict
from engine.journal.memory.store import MemoryStore
from engine.journal.records import RunHead
from engine.journal.rules.journal_writes import JournalWrites
from engine.journal.rules.levels.levels import count_end
from engine.machine.events.run_facts import RunCompleted, RunFailed, RunRetried
from engine.slo.buckets import DAY, HOUR, MINUTE, MOST_DAYS, SECOND, SHORTEST, Bucket, start_of
from engine.slo.sketch import bin_of
from tests.engine.journal.run_script import (
    NOW,
    a_run,
    answer,
    approval_opened,
    approve,
    event,
    form_opened,
    hold,
    take,
)

if TYPE_CHECKING:
    from engine.journal.port import Journal
    from engine.journal.rows import HeadRow
    from engine.journal.rules.levels.levels import Levels
    from engine.journal.rules.store import Store
    from tests.engine.journal.run_script import HeldRun

ERROR = {"code": "timeout", "message": "too long"}


async def levels(journal: Journal, tenant: str | None = "default") -> list[Bucket]:
    return (await journal.levels.since(0, tenant)).get(("default", "docs"), [])


async def complete(run: HeldRun, *, at: int = NOW) -> None:
    await run.append(event(RunCompleted.kind, ts=at, output=1), status=RunStatus.COMPLETED, now=at)


async def fail(run: HeldRun, code: str = "timeout", *, at: int = NOW) -> None:
    error = {**ERROR, "code": code}
    head = RunHead(status=RunStatus.FAILED, error=error)
    await run.append(event(RunFailed.kind, ts=at, error=error), head=head, now=at)


async def test_runs_that_end_are_counted_with_their_time_or_their_error(journal: Journal) -> None:
    await complete(await hold(journal, 1), at=NOW + 2 * SECOND)
    await fail(await hold(journal, 2), at=NOW + 3 * SECOND)
    dead = {**ERROR, "code": "work_failed"}
    await (await hold(journal, 3)).append(
        event("run_dead_lettered", error=dead), head=RunHead(status=RunStatus.DEAD_LETTER, error=dead)
    )
    assert await levels(journal) == [
        Bucket(
            start_of(NOW),
            good=1,
            bad=2,
            codes={"timeout": 1, "work_failed": 1},
            priced=1,
            metered=1,
            times={bin_of(2 * SECOND): 1},
        )
    ]


async def test_what_people_ended_and_what_other_runs_started_does_not_count(journal: Journal) -> None:
    await (await hold(journal, 1)).append(event("run_cancelled", error=ERROR), status=RunStatus.CANCELLED)
    await fail(await hold(journal, 2), "approval_rejected")
    await journal.create_run(a_run(3, parent_run_id="run_0001"))
    await fail(await take(journal, "run_0003"))
    assert await levels(journal) == []


async def test_waiting_for_people_is_not_working(journal: Journal) -> None:
    run = await hold(journal)
    await run.append(
        approval_opened("appr_1", ts=NOW + SECOND), status=RunStatus.PENDING_HUMAN, now=NOW + SECOND
    )
    await journal.decide(approve("appr_1", now=NOW + 50 * SECOND))
    run.seq += 1
    later = NOW + 60 * SECOND
    await run.append(status=RunStatus.RUNNING, now=later)
    await complete(run, at=later + 2 * SECOND)
    (bucket,) = await levels(journal)
    assert bucket.times == {bin_of(3 * SECOND): 1}
    assert (bucket.asked, bucket.expired, bucket.waits) == (1, 0, {bin_of(49 * SECOND): 1})
    assert (await run.row())["worked"] == 3 * SECOND


async def test_a_decision_while_a_run_works_takes_no_time_from_it(journal: Journal) -> None:
    run = await hold(journal)
    await run.append(form_opened("form_1"), status=RunStatus.RUNNING)
    await journal.decide(answer("form_1", now=NOW + 20 * SECOND))
    run.seq += 1
    await complete(run, at=NOW + 30 * SECOND)
    assert (await levels(journal))[0].times == {bin_of(30 * SECOND): 1}


async def test_a_request_past_its_time_is_counted_as_expired(journal: Journal) -> None:
    run = await hold(journal)
    opened = approval_opened("appr_1", expires_at=NOW + SECOND)
    await run.append(opened, status=RunStatus.PENDING_HUMAN)
    await run.append(event("request_expired", "ask", ts=NOW + SECOND, request_id="appr_1"))
    (bucket,) = await levels(journal)
    assert (bucket.asked, bucket.expired, bucket.waits) == (1, 1, {})


async def test_a_retried_run_stays_the_failure_it_was(journal: Journal) -> None:
    run = await hold(journal)
    await fail(run)
    await run.append(event(RunRetried.kind), status=RunStatus.RUNNING)
    await complete(run, at=NOW + SECOND)
    (bucket,) = await levels(journal)
    assert (bucket.good, bucket.bad) == (0, 1)


async def test_what_was_not_written_was_not_counted(journal: Journal) -> None:
    run = await hold(journal)
    run.seq -= 1
    with pytest.raises(SeqConflict):
        await complete(run)
    assert await levels(journal) == []


async def test_tenants_are_counted_apart(journal: Journal) -> None:
    await complete(await hold(journal, 1))
    await journal.create_run(a_run(2, tenant="other"))
    await complete(await take(journal, "run_0002"))
    assert sorted(await journal.levels.since(0, None)) == [("default", "docs"), ("other", "docs")]
    assert sorted(await journal.levels.since(0, "other")) == [("other", "docs")]
    assert await journal.levels.since(NOW + HOUR, None) == {}
    assert await journal.levels.since(0, None, "other") == {}
    assert sorted(await journal.levels.since(0, "other", "docs")) == [("other", "docs")]


def _ended(at: int) -> tuple[HeadRow, Any]:
    none = dict.fromkeys(("counted_at", "parent_run_id", "confidence"))
    head: Any = {"tenant": "default", "pack": "docs", **none}
    return head, {"finished_at": at, "status": "COMPLETED", "error_code": None, "worked": SECOND}


def test_many_days_of_runs_take_little_room_and_count_the_same() -> None:
    store = MemoryStore()
    ends = 90 * 24 * 2
    for number in range(ends):
        count_end(store, *_ended(NOW + number * 30 * MINUTE))
    kept = list(store.levels.values())
    assert sum(bucket.good for bucket in kept) == sum(sum(bucket.times.values()) for bucket in kept) == ends
    assert len(kept) < 2 * 10 + 24 * 6 + 90
    assert {bucket.width for bucket in kept} == {SHORTEST, HOUR, DAY}
    newest = max(bucket.start for bucket in kept)
    assert all(
        bucket.width == SHORTEST for bucket in kept if bucket.good and bucket.start > newest - 6 * HOUR
    )
    assert all(bucket.width <= HOUR for bucket in kept if bucket.good and bucket.start > newest - 3 * DAY)


def test_the_oldest_days_go_and_a_clock_that_was_set_drops_none() -> None:
    store = MemoryStore()
    for number in range(150):
        count_end(store, *_ended(NOW + number * DAY))
    days = [bucket for bucket in store.levels.values() if bucket.width == DAY]
    assert len(days) == MOST_DAYS
    count_end(store, *_ended(NOW + 4_000 * DAY))
    assert len([bucket for bucket in store.levels.values() if bucket.width == DAY]) == MOST_DAYS


async def test_a_failed_run_is_excluded_once_and_its_history_says_why(journal: Journal) -> None:
    await fail(await hold(journal, 1))
    await fail(await hold(journal, 2))
    assert await journal.exclude("run_0001", "deployment", "ann", "cli", NOW + SECOND)
    assert not await journal.exclude("run_0001", "again", "bob", "cli", NOW + SECOND)
    (bucket,) = await levels(journal)
    assert (bucket.bad, bucket.excluded, bucket.codes) == (1, 1, {"timeout": 1})
    *_, last = await journal.events_after("run_0001", 0)
    assert (last.event.kind, last.event.actor, last.event.payload) == (
        "run_excluded",
        "ann",
        {"reason": "deployment", "via": "cli"},
    )
    row = await journal.run_row("run_0001")
    assert row is not None
    assert (row["excluded"], row["status"]) == ("deployment", "FAILED")


async def test_an_excluded_run_is_found_in_the_bucket_it_was_folded_into(journal: Journal) -> None:
    await fail(await hold(journal, 1), at=NOW)
    await complete(await hold(journal, 2), at=NOW + 10 * DAY)
    await journal.exclude("run_0001", "deployment", "ann", "cli", NOW + 11 * DAY)
    assert sum(bucket.bad for bucket in await levels(journal)) == 0
    assert sum(bucket.excluded for bucket in await levels(journal)) == 1


async def test_what_does_not_count_as_failed_is_not_excluded(journal: Journal) -> None:
    await complete(await hold(journal, 1))
    await fail(await hold(journal, 2), "approval_rejected")
    await hold(journal, 3)
    for run_id in ("run_0001", "run_0002", "run_0003"):
        with pytest.raises(InvalidInput):
            await journal.exclude(run_id, "deployment", "ann", "cli", NOW)
    with pytest.raises(NotFound):
        await journal.exclude("run_0009", "deployment", "ann", "cli", NOW)


async def test_a_retried_run_can_be_excluded_for_its_first_end(journal: Journal) -> None:
    run = await hold(journal)
    await fail(run)
    await run.append(event(RunRetried.kind), status=RunStatus.RUNNING)
    await complete(run, at=NOW + SECOND)
    assert await journal.exclude("run_0001", "deployment", "ann", "cli", NOW + SECOND)
    assert [(bucket.good, bucket.bad) for bucket in await levels(journal)] == [(0, 0)]


async def test_ends_are_summed_by_pack_and_hour(journal: Journal) -> None:
    first = start_of(NOW, HOUR) + MINUTE
    for number, moment in enumerate((first, first + 2 * MINUTE, first + HOUR), 1):
        await complete(await hold(journal, number), at=moment)
    await fail(await hold(journal, 4), at=first + HOUR + MINUTE)
    hour = first // HOUR
    assert sorted(await journal.levels.by_hour(first // HOUR * HOUR, "default"), key=str) == [
        {"pack": "docs", "hour": hour, "good": 2, "bad": 0},
        {"pack": "docs", "hour": hour + 1, "good": 1, "bad": 1},
    ]
    assert len(await journal.levels.by_hour(first // HOUR * HOUR + HOUR, None)) == 1
    assert await journal.levels.by_hour(0, "acme") == []


async def test_a_run_is_flagged_once_taken_back_and_its_history_says_by_whom(journal: Journal) -> None:
    await complete(await hold(journal, 1), at=NOW)
    await complete(await hold(journal, 2), at=NOW + 10 * DAY)  # what was before is folded
    assert await journal.flag("run_0001", "no such file", "ann", "cli", NOW + 11 * DAY, on=True)
    assert not await journal.flag("run_0001", "again", "bob", "cli", NOW + 11 * DAY, on=True)
    assert [bucket.flagged for bucket in await levels(journal) if bucket.total] == [1, 0]
    row = await journal.run_row("run_0001")
    assert row is not None
    assert row["flagged"] == "no such file"
    assert await journal.flag("run_0001", "it is there", "bob", "cli", NOW + 11 * DAY, on=False)
    assert not await journal.flag("run_0001", "", "bob", "cli", NOW + 11 * DAY, on=False)
    assert sum(bucket.flagged for bucket in await levels(journal)) == 0
    *_, flagged, removed = await journal.events_after("run_0001", 0)
    assert (flagged.event.kind, flagged.event.actor) == ("run_flagged", "ann")
    assert (removed.event.kind, removed.event.payload["comment"]) == ("run_flag_removed", "it is there")


async def test_what_does_not_count_is_not_flagged_and_an_excluded_run_s_flag_counts_no_more(
    journal: Journal,
) -> None:
    await fail(await hold(journal, 1), "approval_rejected")
    await hold(journal, 2)
    for run_id in ("run_0001", "run_0002"):
        with pytest.raises(InvalidInput):
            await journal.flag(run_id, "wrong", "ann", "cli", NOW, on=True)
    with pytest.raises(NotFound):
        await journal.flag("run_0009", "wrong", "ann", "cli", NOW, on=True)
    await fail(await hold(journal, 3))
    await journal.flag("run_0003", "wrong", "ann", "cli", NOW, on=True)
    await journal.exclude("run_0003", "deployment", "ann", "cli", NOW)
    assert [(one.bad, one.flagged) for one in await levels(journal)] == [(0, 0)]


async def test_what_good_runs_cost_and_use_is_counted_but_no_unknown_cost(
    journal: Journal,
) -> None:
    for number, (cost, unpriced) in enumerate([(100, 0), (30, 1)], 1):
        run = await hold(journal, number)
        head = RunHead(status=RunStatus.COMPLETED, cost=cost, unpriced=unpriced, tokens_used=7)
        await run.append(event(RunCompleted.kind, output=1), head=head)
    await fail(await hold(journal, 3))
    (bucket,) = await levels(journal)
    assert (bucket.cost, bucket.priced, bucket.tokens, bucket.metered) == (100, 1, 14, 2)


async def test_how_long_people_took_is_counted_by_the_role_that_is_asked(journal: Journal) -> None:
    run = await hold(journal)
    await run.append(approval_opened("appr_1"), form_opened("form_1"), status=RunStatus.PENDING_HUMAN)
    await journal.decide(approve("appr_1", now=NOW + 10 * SECOND))
    (said,) = await journal.mail_for("worker-1")
    await journal.decide(answer("form_1", now=NOW + 30 * SECOND, weighed=frozenset({said[0]})))
    (bucket,) = await levels(journal)
    assert {role: (one.asked, one.expired, one.waits) for role, one in bucket.roles.items()} == {
        "approver": (1, 0, {bin_of(10 * SECOND): 1}),
        "operator": (1, 0, {bin_of(30 * SECOND): 1}),
    }


async def test_very_many_tenants_are_read_some_at_a_time(journal: Journal) -> None:
    def write(store: Store) -> None:
        for tenant in range(90):
            for number in range(50):
                store.put_level(f"t-{tenant}", "docs", Bucket(number * SHORTEST, good=1))
        store.put_level("t-1", "other", Bucket(0, bad=1))

    assert isinstance(journal, JournalWrites)
    await journal.write(write)
    for tenant in (None, "t-1"):
        found: Levels = {}
        async for page in journal.levels.pages(0, tenant):
            assert not found.keys() & page.keys()
            found |= page
        assert found == await journal.levels.since(0, tenant)
    assert [page async for page in journal.levels.pages(0, "nobody") if page] == []
