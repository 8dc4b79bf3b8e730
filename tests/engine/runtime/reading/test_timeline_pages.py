"""The timeline of a long run, page by page: every step is in one, in its place, with those around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.runs.timeline import SpanKind, Timeline, TimelineRow
from engine.contracts.status import RunStatus, StepStatus
from engine.runtime.views.timelines.bar_cache import BarCache
from engine.runtime.views.timelines.timeline import page_of, timeline_of
from tests.engine.runtime.embedded_home import (
    ANN,
    Home,
    approval,
    failed,
    finished,
    pending_approval,
    rest,
    retry,
    start,
    tool,
)
from tests.engine.runtime.reading.test_looking_back import items_of
from tests.engine.runtime.steps.test_graphs import BUILD, SHIP, nodes

if TYPE_CHECKING:
    from engine.journal.port import Journal

WHOLE = 100_000


@pytest.mark.parametrize("last", [1, 9, 10, 11, 20, 21, 57])
def test_pages_follow_each_other_without_a_gap_and_share_a_half(last: int) -> None:
    page, seen = page_of(last, None, 10), []
    assert (page.until, page.newer) == (last, None)
    while True:
        seen.append(page)
        if page.older is None:
            break
        older = page_of(last, page.older, 10)
        assert (older.until, older.newer is not None) == (page.since + 10, True)
        assert page_of(last, older.newer, 10) == page
        assert page_of(last, page.until, 10) == page, "a page that is asked for again is the same one"
        page = older
    assert page.since == 0
    assert page_of(last, 1, 10) == page
    for at in range(1, last + 1):
        assert page_of(last, at, 10).since < at <= page_of(last, at, 10).until


async def pages_of(journal: Journal, run_id: str, half: int, **more: Any) -> list[Timeline]:
    """All of a run, the newest one first, as somebody sees them who goes back."""
    row = await journal.run_row(run_id)
    assert row is not None
    found = [await timeline_of(journal, row, items_of(journal), half=half, **more)]
    while (at := found[-1].older) is not None:
        found.append(await timeline_of(journal, row, items_of(journal), half=half, at=at, **more))
    return found


def key(row: TimelineRow) -> tuple[str, str]:
    return row.run_id, row.step_id


@pytest.mark.parametrize("half", [3, 7, 12])
async def test_every_step_of_a_long_run_stands_in_a_page_as_it_stands_in_the_whole(
    home: Home, each_journal: Journal, half: int
) -> None:
    inner = [tool("in", params={"x": 1}), approval("ok", when="{{ item == 'q' }}")]
    home.flow(
        "many",
        {"id": "each", "type": "for_each", "items": ["p", "q", "r"], "max_concurrent": 1, "steps": inner},
        {"id": "sub", "type": "subflow", "subflow": "below"},
        nodes(BUILD, tool("test", "fake.fail", needs=["build"], on_failure="continue"), SHIP),
        tool("end", params={"x": 1}),
    )
    home.flow("below", tool("deep", params={"x": 1}), tool("down", params={"x": 1}))
    async with home.open(journal=each_journal) as engine, engine.work():
        run_id = await start(engine, "many")
        asked = await pending_approval(engine, run_id)
        await engine.requests.approve(asked.approval_id, actor=ANN)
        await rest(engine, run_id)
        (whole,) = await pages_of(each_journal, run_id, WHOLE)
        assert whole == await engine.runs.timeline(run_id)
        assert (whole.since, whole.until, whole.older, whole.newer) == (0, whole.last, None, None)
        order = list(map(key, whole.rows))
        rows = {key(row): row for row in whole.rows}
        pages = await pages_of(each_journal, run_id, half)
        assert len(pages) > 1
        assert {key(row) for page in pages for row in page.rows} == set(order)
        for page in pages:
            places = [order.index(key(row)) for row in page.rows]
            assert places == sorted(places), "in the order of the whole"
            for row in page.rows:
                same = rows[key(row)]
                told = (row.depth, row.item, row.needs, row.status, row.name)
                assert told == (same.depth, same.item, same.needs, same.status, same.name)
                assert bool(row.spans) == bool(same.spans)
                if row.spans:
                    ends = (row.spans[0].start, row.spans[-1].end)
                    assert ends == (same.spans[0].start, same.spans[-1].end)
            for earlier in page.rows[: page.above]:
                assert any(row.step_id.startswith(f"{earlier.step_id}/") for row in page.rows)


async def test_what_a_step_did_before_the_page_is_one_stretch(home: Home, each_journal: Journal) -> None:
    home.flow("job", approval("ok"), tool("end", params={"x": 1}))
    async with home.open(journal=each_journal) as engine, engine.work():
        run_id = await start(engine, "job")
        asked = await pending_approval(engine, run_id)
        await engine.requests.approve(asked.approval_id, actor=ANN)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        (whole,) = await pages_of(each_journal, run_id, WHOLE)
        began = next(one.run_seq for one in await engine.runs.events(run_id) if one.step_id == "ok")
        later = [page for page in await pages_of(each_journal, run_id, 1) if page.since >= began]
        waited = [row for page in later for row in page.rows if row.step_id == "ok"]
        assert waited
        for row in waited:
            assert [span.kind for span in row.spans] == [SpanKind.WAITING]
            assert row.spans == whole.rows[0].spans


async def test_a_step_that_was_retried_with_its_run_did_not_work_in_between(
    home: Home, each_journal: Journal
) -> None:
    home.flow("job", tool("bad", "fake.fail"))
    async with home.open(journal=each_journal) as engine, engine.work():
        run = await failed(engine, "job")
        await retry(engine, run.run_id)
        await rest(engine, run.run_id, expect=RunStatus.FAILED)
        kinds = [one.kind for one in await engine.runs.events(run.run_id)]
        retried = kinds.index("run_retried") + 1
        again = kinds.index("step_started", retried) + 1
        pages = await pages_of(each_journal, run.run_id, 1)
        page = next(one for one in pages if one.since < again <= one.until)
        (row,) = page.rows
        assert [span.kind for span in row.spans] == [SpanKind.FAILED]
        assert row.spans[0].start >= (await engine.runs.events(run.run_id))[retried - 1].ts


async def test_of_a_graph_that_began_before_the_page_what_has_not_begun_is_there_and_nothing_else_twice(
    home: Home, each_journal: Journal
) -> None:
    home.flow("job", nodes(BUILD, tool("test", "fake.fail", needs=["build"]), SHIP))
    async with home.open(journal=each_journal) as engine, engine.work():
        run = await failed(engine, "job")
        for page in await pages_of(each_journal, run.run_id, 2):
            paths = [row.step_id for row in page.rows]
            assert len(paths) == len(set(paths))
            not_begun = [row.step_id for row in page.rows if row.status is StepStatus.NOT_STARTED]
            assert set(not_begun) <= {"g/2/ship"}
            assert ("g/2/ship" in paths) == ("g" in paths)


async def test_child_runs_that_do_not_fit_are_counted(home: Home, each_journal: Journal) -> None:
    steps = [{"id": f"s{number}", "type": "subflow", "subflow": "below"} for number in range(3)]
    home.flow("many", *steps)
    home.flow("below", tool("deep", params={"x": 1}), tool("down", params={"x": 1}))
    async with home.open(journal=each_journal) as engine, engine.work():
        run = await finished(engine, "many")
        for room, cut in ((6, 0), (5, 1), (2, 2), (0, 3)):
            (page,) = await pages_of(each_journal, run.run_id, WHOLE, max_below=room)
            assert (page.cut, len(page.rows)) == (cut, 3 + 2 * (3 - cut))


async def test_looked_at_again_only_new_events_are_read(home: Home, each_journal: Journal) -> None:
    home.flow("many", {"id": "each", "type": "for_each", "items": [1, 2, 3], "steps": [tool("in")]})
    async with home.open(journal=each_journal) as engine, engine.work():
        run = await finished(engine, "many")
        cache = BarCache(most=1)
        first = await pages_of(each_journal, run.run_id, 5, cache=cache)
        assert await pages_of(each_journal, run.run_id, 5, cache=cache) == first
        assert await pages_of(each_journal, run.run_id, 5) == first
