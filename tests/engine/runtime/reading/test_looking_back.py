"""A run as it was at each of its events, its timeline, and searches of its history."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from engine.contracts.runs.listed import RequestFilter, WaitingFor
from engine.contracts.runs.run import EventFilter
from engine.contracts.runs.timeline import SpanKind
from engine.contracts.status import RequestKind, RequestStatus, RunStatus, StepStatus, WaitKind
from engine.errors import InvalidInput, NotFound
from engine.facade.pages import every_page
from engine.governance.masking import Masker
from engine.governance.redactor import Redactor
from engine.runtime.value_store import ValueStore
from engine.runtime.views.items import ItemWords
from engine.runtime.views.time_travel import EVENTS_AT_ONCE, RunHistory, steps_as_of
from engine.runtime.views.timelines.timeline import timeline_of
from tests.engine.runtime.embedded_home import (
    ANN,
    BOB,
    Home,
    approval,
    failed,
    finished,
    form,
    kinds,
    pending_approval,
    pending_form,
    rest,
    retry,
    start,
    tool,
)

if TYPE_CHECKING:
    from engine.contracts.runs.listed import Page
    from engine.contracts.runs.run import RunDetail, StepView
    from engine.contracts.runs.timeline import Timeline
    from engine.facade.engine import Engine
    from engine.journal.port import Journal
    from engine.journal.sqlite.journal import SqliteJournal


def items_of(journal: Journal) -> ItemWords:
    return ItemWords(ValueStore(journal, Redactor(Masker())))


def same(then: RunDetail, now: RunDetail) -> bool:
    """The same apart from who holds the run: that is no part of its history."""
    return then.model_copy(update={"run": replace(then.run, held_by=now.run.held_by)}) == now


async def worked_run(engine: Engine) -> str:
    """A run with a form, an approval, a loop, a child, an attempt that failed and a file, to its end."""
    run_id = await start(engine, "all")
    asked = await pending_form(engine, run_id)
    await engine.requests.answer(asked.request_id, {"word": "x"}, actor=ANN)
    shown = await pending_approval(engine, run_id)
    await engine.requests.approve(shown.approval_id, actor=BOB, comment="fine")
    await rest(engine, run_id, expect=RunStatus.COMPLETED)
    return run_id


def write_flows(home: Home) -> None:
    home.flow("below", tool("deep", params={"x": 1}))
    home.flow(
        "all",
        form("word"),
        approval("ok"),
        tool("flaky", "fake.flaky", params={"fails": 1}, retry={"max_attempts": 3, "backoff_seconds": 0.01}),
        {"id": "each", "type": "for_each", "items": [1, 2], "steps": [tool("in"), tool("then")]},
        {"id": "sub", "type": "subflow", "subflow": "below"},
        tool("report", "fake.files", params={"names": ["a.txt"]}),
        tool("end", params={"done": True}),
    )


async def test_a_run_as_of_its_last_event_is_the_run_as_it_is(home: Home, each_journal: Journal) -> None:
    write_flows(home)
    home.flow("bad", tool("a", params={"x": 1}), tool("b", "fake.flaky", params={"fails": 1}))
    async with home.open(journal=each_journal) as engine, engine.work():
        run_ids = [await worked_run(engine), (await failed(engine, "bad")).run_id]
        await retry(engine, run_ids[1])
        await rest(engine, run_ids[1])
        for run_id in run_ids:
            now = await engine.runs.get(run_id)
            then = await engine.runs.as_of(run_id, now.run.run_seq)
            assert same(then, now)


async def test_each_event_shows_the_run_as_it_was_then(home: Home) -> None:
    write_flows(home)
    async with home.working() as engine:
        run_id = await worked_run(engine)
        history = await kinds(engine, run_id)

        async def then(kind: str) -> RunDetail:
            return await engine.runs.as_of(run_id, history.index(kind) + 1)

        begun = await then("run_queued")
        assert (begun.run.status, begun.run.started_at, begun.steps) == (RunStatus.QUEUED, None, ())
        assert (begun.run.output, begun.run.finished_at, begun.files) == (None, None, ())
        asked = await then("user_input_requested")
        assert asked.run.status is RunStatus.PENDING_USER_INPUT
        assert [(view.status, view.answered_by) for view in asked.forms] == [(RequestStatus.PENDING, None)]
        waits = WaitingFor(kind=WaitKind.FORM, id=asked.forms[0].request_id)
        assert (asked.run.current_step, asked.run.waiting_for, asked.approvals) == ("word", waits, ())
        answered = await then("user_input_received")
        assert [view.answered_by for view in answered.forms] == ["ann"]
        decided = await then("approval_decided")
        (view,) = decided.approvals
        assert (view.status, view.decided_by, view.comment) == (RequestStatus.APPROVED, "bob", "fine")
        trying = await then("tool_call_retry_scheduled")
        assert (trying.run.status, trying.steps[-1].attempt) == (RunStatus.RETRYING, 1)
        assert trying.steps[-1].retry_at is not None
        before_end = await engine.runs.as_of(run_id, history.index("run_completed"))
        assert [file.stored_name for file in before_end.files] == ["a.txt"]
        assert before_end.run.status is RunStatus.RUNNING


async def test_a_refused_run_ended_where_it_began(home: Home) -> None:
    schema = {"type": "object", "required": ["n"]}
    home.flow("strict", tool("a"), input=schema)
    async with home.open() as engine:
        with pytest.raises(InvalidInput) as caught:
            await engine.runs.start("demo", "strict", {}, actor=ANN)
        run_id = caught.value.details["run_id"]
        assert same(await engine.runs.as_of(run_id, 1), await engine.runs.get(run_id))


async def test_there_is_no_run_as_of_an_event_it_does_not_have(home: Home) -> None:
    home.flow("one", tool("a", params={"x": 1}))
    async with home.open() as engine:
        run_id = await start(engine, "one")
        for run_seq in (0, -1, 2):
            with pytest.raises(InvalidInput):
                await engine.runs.as_of(run_id, run_seq)
        with pytest.raises(NotFound):
            await engine.runs.as_of("run_01nope", 1)
        with pytest.raises(NotFound):
            await engine.runs.timeline("run_01nope")


def drawn(shown: Timeline) -> list[tuple[int, str, list[str]]]:
    return [(row.depth, row.step_id, [span.kind.value for span in row.spans]) for row in shown.rows]


async def test_a_timeline_shows_what_each_step_did_with_children_below(
    home: Home, each_journal: Journal
) -> None:
    write_flows(home)
    async with home.open(journal=each_journal) as engine, engine.work():
        run_id = await worked_run(engine)
        shown = await engine.runs.timeline(run_id)
        assert drawn(shown) == [
            (0, "word", ["waiting"]),
            (0, "ok", ["waiting"]),
            (0, "flaky", ["failed", "retrying", "working"]),
            (0, "each", ["working"]),
            (1, "each/0/in", ["working"]),
            (1, "each/0/then", ["working"]),
            (1, "each/1/in", ["working"]),
            (1, "each/1/then", ["working"]),
            (0, "sub", ["working"]),
            (1, "deep", ["working"]),
            (0, "report", ["working"]),
            (0, "end", ["working"]),
        ]
        run = await engine.runs.summary(run_id)
        assert (shown.start, shown.end, shown.cut) == (run.created_at, run.finished_at, 0)
        for row in shown.rows:
            assert all(span.end is not None and span.end >= span.start for span in row.spans)
        child = next(row for row in shown.rows if row.step_id == "sub").child_run_id
        assert next(row for row in shown.rows if row.step_id == "deep").run_id == child


async def test_a_timeline_looked_at_on_the_way_equals_one_that_is_read_anew(
    home: Home, each_journal: Journal
) -> None:
    write_flows(home)
    async with home.open(journal=each_journal) as engine, engine.work():
        run_id = await start(engine, "all")
        asked = await pending_form(engine, run_id)
        first = await engine.runs.timeline(run_id)
        await engine.requests.answer(asked.request_id, {"word": "x"}, actor=ANN)
        shown = await pending_approval(engine, run_id)
        second = await engine.runs.timeline(run_id)
        await engine.requests.approve(shown.approval_id, actor=BOB)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        row = await each_journal.run_row(run_id)
        assert row is not None
        anew = await timeline_of(each_journal, row, items_of(each_journal))
        assert await engine.runs.timeline(run_id) == anew
        assert len(first.rows) < len(second.rows) < len(anew.rows)


async def test_what_lasts_has_no_end_yet(home: Home) -> None:
    home.flow("ask", tool("a", params={"x": 1}), approval("ok"))
    async with home.working() as engine:
        run_id = await start(engine, "ask")
        await pending_approval(engine, run_id)
        shown = await engine.runs.timeline(run_id)
        span = shown.rows[-1].spans[-1]
        assert (shown.end, span.kind, span.end) == (None, SpanKind.WAITING, None)


async def test_a_step_that_failed_is_drawn_as_failed(home: Home) -> None:
    home.flow("bad", tool("b", "fake.fail"))
    async with home.working() as engine:
        run = await failed(engine, "bad")
        (row,) = (await engine.runs.timeline(run.run_id)).rows
        assert (row.status, [span.kind for span in row.spans]) == (StepStatus.FAILED, [SpanKind.FAILED])


async def test_going_back_and_forth_in_a_long_history_shows_the_same(
    home: Home, journal: SqliteJournal
) -> None:
    """Marks on the way make it quick and change nothing."""
    inner = [tool("in", params={"x": "{{ item }}"}), approval("ok", when="{{ item == 7 }}")]
    loop = {"id": "each", "type": "for_each", "items": list(range(90)), "max_concurrent": 4, "steps": inner}
    home.flow("long", loop)
    async with home.open(journal=journal) as engine:
        async with engine.work():
            run_id = await start(engine, "long")
            shown = await pending_approval(engine, run_id)
            await engine.requests.approve(shown.approval_id, actor=ANN)
            await rest(engine, run_id, expect=RunStatus.COMPLETED)
        row = await journal.run_row(run_id)
        assert row is not None
        assert row["run_seq"] > 3 * EVENTS_AT_ONCE
        marked = RunHistory(waypoint_every=EVENTS_AT_ONCE)
        thinned = RunHistory(waypoint_every=EVENTS_AT_ONCE, most=2)
        chance = random.Random(3)
        for run_seq in (row["run_seq"], *chance.choices(range(1, row["run_seq"] + 1), k=12)):
            rows = [await past.row(journal, row, run_seq) for past in (marked, thinned, RunHistory())]
            assert rows[0] == rows[1] == rows[2]
            assert rows[0]["run_seq"] == run_seq
            whole = await steps_as_of(journal, rows[0], None)
            wanted = ["each", *(f"each/{chance.randrange(90)}/in" for _ in range(5)), "each/7/ok", "none"]
            some = await steps_as_of(journal, rows[0], wanted)
            assert await some.step_rows_at(run_id, wanted) == await whole.step_rows_at(run_id, wanted)
            approvals = [
                await past.request_rows(RequestKind.APPROVAL, RequestFilter(run_id=run_id), 10)
                for past in (whole, some)
            ]
            assert approvals[0] == approvals[1]


async def test_a_run_as_of_an_event_is_told_without_its_steps_and_each_by_itself(home: Home) -> None:
    write_flows(home)
    async with home.working() as engine:
        run_id = await worked_run(engine)
        for run_seq in range(1, (await engine.runs.summary(run_id)).run_seq + 1):
            then = await engine.runs.as_of(run_id, run_seq)
            alone = await engine.runs.as_of(run_id, run_seq, steps=False)
            assert alone == then.model_copy(update={"steps": ()})
            for step in then.steps:
                assert await engine.runs.steps_at(run_id, [step.step_id], as_of=run_seq) == (step,)


async def pages_of_steps(engine: Engine, run_id: str, size: int) -> list[Page[StepView]]:
    runs = engine.runs
    return [page async for page in every_page(lambda after: runs.steps(run_id, limit=size, after=after))]


async def test_steps_are_read_by_pages_in_the_order_they_began(home: Home, each_journal: Journal) -> None:
    write_flows(home)
    async with home.open(journal=each_journal) as engine, engine.work():
        run_id = await worked_run(engine)
        whole = (await engine.runs.get(run_id)).steps
        for size in (1, 3, len(whole)):
            pages = await pages_of_steps(engine, run_id, size)
            assert tuple(step for page in pages for step in page.items) == whole
            assert all(len(page.items) == size for page in pages[:-1])
        tools = (await engine.runs.steps(run_id, of_type="tool", limit=2)).items
        assert [step.step_id for step in tools] == ["flaky", "each/0/in"]
        with pytest.raises(InvalidInput):
            await engine.runs.steps(run_id, after="-1")
        with pytest.raises(InvalidInput):
            await engine.runs.steps(run_id, limit=0)


async def test_events_of_a_run_are_searched_page_by_page(home: Home) -> None:
    home.flow("one", tool("a", params={"x": "needle"}), tool("b", params={"x": 1}))
    async with home.working() as engine:
        run = await finished(engine, "one")
        history = await engine.runs.events(run.run_id)
        found = await engine.runs.find_events(run.run_id, EventFilter(text="NEEDLE"))
        assert found.ended
        assert found.scanned_to == history[-1].run_seq
        assert found.run_seqs == tuple(event.run_seq for event in history if "needle" in str(event.payload))
        first = await engine.runs.find_events(run.run_id, EventFilter(kind="step_"), limit=3)
        assert (first.scanned_to, first.ended) == (3, False)
        rest_of_it = await engine.runs.find_events(run.run_id, EventFilter(kind="step_"), after_run_seq=3)
        assert (*first.run_seqs, *rest_of_it.run_seqs) == tuple(
            event.run_seq for event in history if "step_" in event.kind
        )
        end = await engine.runs.find_events(run.run_id, EventFilter(), after_run_seq=10_000)
        assert (end.run_seqs, end.scanned_to, end.ended) == ((), 10_000, True)
        with pytest.raises(NotFound):
            await engine.runs.find_events("run_01nope", EventFilter())
        with pytest.raises(InvalidInput):
            await engine.runs.find_events(run.run_id, EventFilter(), limit=0)
