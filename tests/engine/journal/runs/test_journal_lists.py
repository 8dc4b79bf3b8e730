"""The runs list of both journals: filters, orders, pages, jumps, counts and positions."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.runs.listed import RunFilter, RunSort
from engine.contracts.status import RunStatus
from engine.contracts.times import from_micros
from engine.journal.memory.journal import MemoryJournal
from engine.journal.records import RunHead
from engine.journal.rules.rows.run_words import run_words
from engine.journal.rules.run_filter import may_be_in_id, place_of
from engine.journal.sqlite.lists.statements import RANGES_AT_ONCE
from engine.machine.events.run_facts import RunCompleted, RunFailed, RunQueued, RunRefused, RunRetried
from tests.engine.journal.run_script import ALL, LATER, NOW, a_run, event, hold, refused_run, take

if TYPE_CHECKING:
    from engine.journal.port import Journal
    from engine.journal.records import NewRun
    from engine.journal.sqlite.journal import SqliteJournal

SECOND = 1_000_000
MANY = 1_600
"""More than are walked through one by one."""


def created(number: int, at: int, **changes: Any) -> NewRun:
    return a_run(number, events=[event(RunQueued.kind, ts=NOW + at, input={})], **changes)


async def numbers(
    journal: Journal,
    sort: RunSort = RunSort.NEWEST,
    *,
    limit: int = ALL,
    offset: int = 0,
    **filters: Any,
) -> list[int]:
    rows = await journal.lists.page(RunFilter(**filters), sort, limit, offset=offset)
    return [int(row["run_id"][4:]) for row in rows]


async def test_runs_are_listed_by_when_they_were_created_whatever_their_ids(journal: Journal) -> None:
    for number, at in ((1, 5), (2, 3), (3, 9), (4, 3)):
        await journal.create_run(created(number, at))
    assert await numbers(journal) == [3, 1, 4, 2]
    assert await numbers(journal, RunSort.OLDEST) == [2, 4, 1, 3]
    assert await numbers(journal, offset=1, limit=2) == [1, 4]
    assert await numbers(journal, RunSort.OLDEST, offset=3) == [3]
    assert await numbers(journal, offset=4) == []


async def test_a_list_by_status_flow_or_requester_has_the_newest_of_each_first(journal: Journal) -> None:
    await journal.create_run(a_run(1, pack="b", flow="x", requested_by="cy"))
    await journal.create_run(refused_run(2))
    await journal.create_run(a_run(3, pack="a", flow="y", requested_by="Bo"))
    await journal.create_run(a_run(4, pack="a", flow="x", requested_by="bo"))
    await journal.create_run(a_run(5, pack="a", flow="y", requested_by="bo"))
    await take(journal, "run_0001")
    assert await numbers(journal, RunSort.STATUS) == [2, 5, 4, 3, 1]  # FAILED, QUEUED, RUNNING
    assert await numbers(journal, RunSort.FLOW) == [4, 5, 3, 1, 2]
    assert await numbers(journal, RunSort.REQUESTER) == [3, 2, 5, 4, 1]
    assert await numbers(journal, RunSort.STATUS, offset=1, limit=3) == [5, 4, 3]


async def test_a_run_moves_in_the_list_with_its_status(journal: Journal) -> None:
    held = await hold(journal, 1)
    await journal.create_run(a_run(2))
    assert await numbers(journal, status=(RunStatus.RUNNING,)) == [1]
    await held.append(event(RunCompleted.kind, output=1), status=RunStatus.COMPLETED)
    assert await numbers(journal, status=(RunStatus.RUNNING,)) == []
    assert await numbers(journal, RunSort.STATUS) == [1, 2]


async def test_runs_are_filtered_by_who_asked_and_when(journal: Journal) -> None:
    await journal.create_run(created(1, 0, requested_by="ann"))
    await journal.create_run(created(2, SECOND, requested_by="bob"))
    await journal.create_run(created(3, 2 * SECOND, requested_by="ann"))
    second = from_micros(NOW + SECOND)
    assert await numbers(journal, requested_by="ann") == [3, 1]
    assert await numbers(journal, requested_by="an") == []
    assert await numbers(journal, created_after=second) == [3]
    assert await numbers(journal, created_before=second) == [1]
    assert await numbers(journal, created_after=from_micros(NOW), created_before=from_micros(NOW + 2)) == []
    assert await numbers(journal, created_after=from_micros(NOW), requested_by="ann") == [3]
    assert await numbers(journal, text="bo", created_after=from_micros(NOW)) == [2]


async def test_runs_are_found_by_their_parent_their_error_and_their_end(
    journal: Journal,
) -> None:
    rejected = {"code": "approval_rejected", "message": "no"}
    await journal.create_run(a_run(1))
    await journal.create_run(replace(refused_run(2), parent_run_id="run_0001", depth=1))
    await journal.create_run(replace(refused_run(3), parent_run_id="run_0001", depth=1, error=rejected))
    held = await hold(journal, 4)
    late = event(RunFailed.kind, ts=LATER, error={"code": "timeout", "message": "late"})
    head = RunHead(status=RunStatus.FAILED, error={"code": "timeout", "message": "late"})
    await held.append(late, head=head)
    assert await numbers(journal, nested=False) == [4, 1]
    assert await numbers(journal, parent="run_0001") == [3, 2]
    assert await numbers(journal, status=(RunStatus.FAILED,)) == [4, 3, 2]
    assert await numbers(journal, status=(RunStatus.FAILED, RunStatus.QUEUED), rejected=False) == [4, 2, 1]
    assert await numbers(journal, status=(RunStatus.FAILED,), rejected=True) == [3]
    assert await numbers(journal, error="timeout") == [4]
    assert await numbers(journal, error="time") == []
    assert await numbers(journal, ended_after=from_micros(NOW)) == [4]
    assert await numbers(journal, ended_before=from_micros(LATER)) == [3, 2]
    rows = await journal.lists.page(RunFilter(), RunSort.OLDEST, ALL)
    assert [row["children"] for row in rows] == [2, 0, 0, 0]
    assert await journal.lists.failed_after(NOW - 1, None) == 2
    assert await journal.lists.failed_after(NOW, "default") == 1
    assert await journal.lists.failed_after(NOW, "other") == 0


async def test_runs_are_found_by_the_beginnings_of_their_words(journal: Journal) -> None:
    await journal.create_run(a_run(1, words=run_words("Disk of Zürich", {"host": "db-7"})))
    await journal.create_run(a_run(2, words=run_words(None, ["disk"]), requested_by="bob"))
    await journal.create_run(a_run(3))
    assert await numbers(journal, words="disk") == [2, 1]
    assert await numbers(journal, words="DI zurich") == [1]
    assert await numbers(journal, words="isk") == []
    assert await numbers(journal, words="db-7") == [1]
    assert await numbers(journal, words=" - ") == []
    assert await numbers(journal, words="disk", requested_by="bob") == [2]
    held = await take(journal, "run_0001")
    error = {"code": "disk_full", "message": "no room"}
    words = run_words("Disk of Zürich", {"host": "db-8"}, error)
    head = RunHead(RunStatus.FAILED, error=error)
    await held.append(event(RunFailed.kind, ts=LATER, error=error), head=head, words=words)
    assert await numbers(journal, words="room full") == [1]
    assert await numbers(journal, words="db 7") == []
    assert await numbers(journal, words="di") == [2, 1]
    assert await numbers(journal, RunSort.OLDEST, words="di", offset=1) == [2]
    await held.append(event(RunRetried.kind, running=[], waiting=[]), words=run_words(None, "another"))
    assert await numbers(journal, words="room") == []
    assert await numbers(journal, words="another") == [1]


async def test_without_an_index_the_same_words_are_found(sqlite_journal: SqliteJournal) -> None:
    held = await hold(sqlite_journal, 1)
    await held.append(event(RunCompleted.kind, output=1), status=RunStatus.COMPLETED, words=" disk full")
    await sqlite_journal.create_run(a_run(2, words=" disk"))
    wanted = ("disk", "di", "disk fu", "isk", "none")
    found = [await numbers(sqlite_journal, words=words) for words in wanted]
    assert found == [[2, 1], [2, 1], [1], [], []]
    with closing(sqlite3.connect(sqlite_journal.path)) as connection:
        connection.execute("DROP TABLE run_words")
    assert [await numbers(sqlite_journal, words=words) for words in wanted] == found


async def test_a_run_that_is_retried_after_a_rejection_is_counted_among_the_others(journal: Journal) -> None:
    held = await hold(journal, 1)
    error = {"code": "approval_rejected", "message": "no"}
    await held.append(event(RunFailed.kind, error=error), head=RunHead(RunStatus.FAILED, error=error))
    assert await numbers(journal, status=(RunStatus.FAILED,), rejected=True) == [1]
    await held.append(event(RunRetried.kind, running=[], waiting=[]), head=RunHead(RunStatus.RUNNING))
    assert await numbers(journal, rejected=False) == [1]
    assert await numbers(journal, error="approval_rejected") == []
    assert await journal.lists.count(RunFilter(status=(RunStatus.FAILED,))) == 0


async def test_counts_are_of_one_tenant_or_of_all(journal: Journal) -> None:
    await journal.create_run(a_run(1))
    await journal.create_run(a_run(2, tenant="other"))
    await journal.create_run(refused_run(3))
    assert await journal.lists.by_status("default") == {"QUEUED": 1, "FAILED": 1}
    assert await journal.lists.by_status("other") == {"QUEUED": 1}
    assert await journal.lists.by_status(None) == {"QUEUED": 2, "FAILED": 1}
    assert await journal.lists.by_status("nobody") == {}


async def test_a_run_a_list_does_not_hold_has_no_position(journal: Journal) -> None:
    await journal.create_run(a_run(1))
    await journal.create_run(a_run(2, tenant="other"))
    assert await journal.lists.position("run_0001", RunFilter(), RunSort.NEWEST) == 1
    assert await journal.lists.position("run_0001", RunFilter(tenant="other"), RunSort.NEWEST) is None
    assert await journal.lists.position("run_none", RunFilter(), RunSort.NEWEST) is None


@pytest.mark.parametrize(
    ("text", "can"),
    [
        *((text, True) for text in ("run_", "un_01k", "n_01", "_0123", "run_01kabc", "9zzz")),
        *(
            (text, False)
            for text in ("", "r", "run", "01k", "rua0", "docs", "secret", "run-1", "run_o", "ünal")
        ),
    ],
)
def test_a_text_that_cannot_be_in_an_id_is_not_looked_for_there(text: str, can: bool) -> None:
    assert may_be_in_id(text) is can


PACKS = (("docs", "check"), ("docs", "draft"), ("logs", "triage"))
PEOPLE = ("ann", "bob", "Cy")
FILTERS = (
    RunFilter(),
    RunFilter(tenant="default"),
    RunFilter(tenant="other", status=(RunStatus.QUEUED,)),
    RunFilter(status=(RunStatus.FAILED, RunStatus.QUEUED), pack="docs"),
    RunFilter(flow="triage", requested_by="bob"),
    RunFilter(requested_by="ann"),
    RunFilter(text="b"),
    RunFilter(text="cy", tenant="default"),
    RunFilter(text="do"),
    RunFilter(text="run_00", requested_by="Cy"),
    RunFilter(text="run_0012"),
    RunFilter(text="0077"),
    RunFilter(text="failed"),
    RunFilter(created_after=from_micros(NOW + 20_000 * SECOND)),
    RunFilter(created_before=from_micros(NOW + 70_000 * SECOND), text="_007", tenant="default"),
    RunFilter(created_before=from_micros(NOW + 70_000 * SECOND)),
    RunFilter(
        created_after=from_micros(NOW + 9_000 * SECOND),
        created_before=from_micros(NOW + 90_000 * SECOND),
        status=(RunStatus.COMPLETED, RunStatus.QUEUED),
    ),
    RunFilter(nested=True),
    RunFilter(nested=False, status=(RunStatus.FAILED,), rejected=False),
    RunFilter(status=(RunStatus.FAILED, RunStatus.QUEUED), rejected=True),
    RunFilter(parent="run_0003"),
    RunFilter(words="blue"),
    RunFilter(words="b", nested=False, created_before=from_micros(NOW + 70_000 * SECOND)),
    RunFilter(words="bl gr", error="invalid_input"),
    RunFilter(parent="run_0003", text="do", created_before=from_micros(NOW + 70_000 * SECOND)),
    RunFilter(error="approval_rejected"),
    RunFilter(error="invalid_input", requested_by="Cy", nested=False, text="run_0"),
    RunFilter(ended_after=from_micros(NOW + 300 * SECOND), tenant="default"),
    RunFilter(ended_before=from_micros(NOW + 70_000 * SECOND), rejected=False, error="invalid_input"),
)


async def filled(*journals: Journal) -> None:
    """The same many runs in all journals; many of one moment, most spread unevenly over time."""
    chance = random.Random(7)
    runs = []
    for number in range(MANY):
        pack, flow = chance.choice(PACKS)
        at = chance.choice((0, chance.randrange(100_000), chance.randrange(500), 400)) * SECOND
        changes: dict[str, Any] = {
            "pack": pack,
            "flow": flow,
            "tenant": chance.choice(("default", "default", "default", "other")),
            "requested_by": chance.choice(PEOPLE),
        }
        colors = chance.sample(("blue", "green", "black", "brown"), 2)
        changes["words"] = run_words(None, colors)
        if chance.random() < 0.2:
            changes |= {"parent_run_id": chance.choice(("run_0003", "run_0004")), "depth": 1}
        if chance.random() < 0.3:
            code = chance.choice(("invalid_input", "approval_rejected"))
            error = {"code": code, "message": "no", "details": {}}
            refused = event(RunRefused.kind, ts=NOW + at, error=error)
            runs.append(a_run(number, status=RunStatus.FAILED, events=[refused], error=error, **changes))
        else:
            runs.append(created(number, at, **changes))
    for journal in journals:
        await asyncio.gather(*(journal.create_run(run) for run in runs))
        for number in range(0, MANY, 40):
            if runs[number].status is RunStatus.QUEUED:
                words = " blue" if number % 3 else None
                held = await take(journal, f"run_{number:04}")
                await held.append(status=RunStatus.COMPLETED, words=words)


async def test_an_id_is_found_by_its_beginning_with_other_filters(journal: Journal) -> None:
    """Long beginnings of ids are looked up, not looked for."""
    whole = "run_01k4abcdefghjkmnpqrstvwxyz"
    for number, tail in enumerate("xyz"):
        run = created(number, number, run_id=whole[:-1] + tail, requested_by=f"{tail}oe")
        await journal.create_run(run)
    held = await take(journal, whole)
    await held.append(event(RunCompleted.kind, output=1), status=RunStatus.COMPLETED)

    async def found(sort: RunSort = RunSort.NEWEST, **filters: Any) -> list[str]:
        wanted = RunFilter(**filters)
        rows = await journal.lists.page(wanted, sort, ALL)
        assert await journal.lists.count(wanted) == len(rows)
        for place, row in enumerate(rows):
            assert await journal.lists.position(row["run_id"], wanted, sort) == place
        return [row["run_id"][-1] for row in rows]

    assert await found(text=whole) == ["z"]
    assert await found(text=whole[:-1].upper()) == ["z", "y", "x"]
    assert await found(RunSort.OLDEST, text=whole[:16]) == ["x", "y", "z"]
    assert await found(RunSort.REQUESTER, text=whole[:16]) == ["x", "y", "z"]
    assert await found(RunSort.STATUS, text=whole[:16]) == ["z", "y", "x"]
    assert await found(text=whole[:16], requested_by="yoe") == ["y"]
    assert await found(text=whole[:16], status=(RunStatus.QUEUED,)) == ["y", "x"]
    assert await found(text=whole[:16], created_after=from_micros(NOW)) == ["z", "y"]
    assert await found(text=whole[1:]) == ["z"]
    assert await found(text=whole + "z") == []


async def test_long_lists_agree_in_every_order_and_with_every_filter(sqlite_journal: SqliteJournal) -> None:
    memory = MemoryJournal()
    await filled(memory, sqlite_journal)
    chance = random.Random(11)
    for filters in FILTERS:
        counted = await sqlite_journal.lists.count(filters)
        for sort in RunSort:
            everything = await memory.lists.page(filters, sort, ALL)
            assert counted == len(everything)
            for offset in sorted({0, 1, counted // 3, max(counted - 4, 0), counted - 1}):
                page = await sqlite_journal.lists.page(filters, sort, 7, offset=offset)
                assert page == everything[offset:][:7], (filters, sort, offset)
            row = chance.choice(everything)
            place = await sqlite_journal.lists.position(row["run_id"], filters, sort)
            assert place is not None
            assert everything[place] == row, (filters, sort)
            after = await sqlite_journal.lists.page(filters, sort, 5, after=place_of(row, sort))
            assert after == everything[place + 1 :][:5], (filters, sort)
            both = await sqlite_journal.lists.page(filters, sort, 5, after=place_of(row, sort), offset=9)
            assert both == everything[place + 10 :][:5], (filters, sort)


@pytest.mark.parametrize("text", ["", "who-1"])
async def test_a_list_of_more_flows_and_people_than_one_statement_takes_is_the_same(
    sqlite_journal: SqliteJournal, text: str
) -> None:
    memory = MemoryJournal()
    flows, chance = RANGES_AT_ONCE + 50, random.Random(5)
    runs = [
        created(n, chance.randrange(900), flow=f"f{n % flows}", requested_by=f"who-{chance.randrange(20)}")
        for n in range(3 * flows)
    ]
    for journal in (memory, sqlite_journal):
        await asyncio.gather(*(journal.create_run(run) for run in runs))
    wanted = RunFilter(text=text)
    counted = await sqlite_journal.lists.count(wanted)
    for sort in RunSort:
        everything = await memory.lists.page(wanted, sort, ALL)
        assert counted == len(everything)
        row = everything[400]
        assert await sqlite_journal.lists.position(row["run_id"], wanted, sort) == 400
        for offset in (0, 399, len(everything) - 100, len(everything) - 3):
            page = await sqlite_journal.lists.page(wanted, sort, 9, offset=offset)
            assert page == everything[offset:][:9], (sort, offset)
        after = await sqlite_journal.lists.page(wanted, sort, 9, after=place_of(row, sort))
        assert after == everything[401:][:9]


async def test_a_place_whose_run_has_moved_on_still_divides_the_list(journal: Journal) -> None:
    """A page after a run that got another status meanwhile begins where the run stood."""
    for number in (1, 2, 3):
        await journal.create_run(a_run(number))
    row = await journal.run_row("run_0002")
    assert row is not None
    place = place_of(row, RunSort.STATUS)
    held = await take(journal, "run_0002")
    await held.append(event(RunCompleted.kind, output=1), status=RunStatus.COMPLETED)
    rows = await journal.lists.page(RunFilter(), RunSort.STATUS, ALL, after=place)
    assert [row["run_id"] for row in rows] == ["run_0001"]
