from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from engine.contracts.status import RunStatus
from tests.engine.runtime.embedded_home import (
    BOB,
    Home,
    Step,
    approval,
    error_of,
    failed,
    finished,
    form,
    pending_approval,
    rest,
    retry,
    start,
    statuses,
    tool,
    until,
)


def for_each(step: str, *steps: Step, **fields: Any) -> Step:
    return {"id": step, "type": "for_each", "items": "{{ payload.names }}", "steps": list(steps), **fields}


def parallel(step: str, *branches: list[Step], **fields: Any) -> Step:
    return {"id": step, "type": "parallel", "branches": list(branches), **fields}


async def test_items_keep_their_order_and_bound(home: Home) -> None:
    step = tool("say", params={"name": "{{ name }}", "at": "{{ loop_index }}"})
    home.flow("each", for_each("all", step, **{"as": "name", "max_concurrent": 2}))
    async with home.working() as engine:
        names = [f"n{number}" for number in range(12)]
        run = await finished(engine, "each", {"names": names})
        assert run.output == {"items": [{"name": name, "at": at} for at, name in enumerate(names)]}
    assert home.tools.most_at_once == 2


async def test_no_items_are_no_failure(home: Home) -> None:
    home.flow(
        "none", for_each("all", tool("say")), tool("end", params={"n": "{{ steps.all.output | length }}"})
    )
    async with home.working() as engine:
        assert (await finished(engine, "none", {"names": []})).output == {"n": 0}


@pytest.mark.parametrize(("names", "told"), [("text", "text"), ({"a": 1}, "an object"), (7, "a number")])
async def test_items_that_are_no_list_fail_the_step(home: Home, names: object, told: str) -> None:
    home.flow("each", for_each("all", tool("say")))
    async with home.working() as engine:
        run = await failed(engine, "each", {"names": names})
        code, message = await error_of(engine, run.run_id)
        assert code == "invalid_input"
        assert message == f"step all: items must be a list, not {told}"


async def test_a_failed_item_cancels_the_others_and_a_retry_goes_on_with_them(home: Home) -> None:
    first = tool("slow", "fake.slow", when="name == 'slow'")
    second = tool("fail", "fake.flaky", params={"fails": 1}, when="name == 'bad'")
    home.flow("each", for_each("all", first, {**second, "id": "bad"}, **{"as": "name"}))
    async with home.working() as engine:
        run_id = await start(engine, "each", {"names": ["slow", "ok", "bad"]})
        await rest(engine, run_id, expect=RunStatus.FAILED)
        found = await statuses(engine, run_id)
        assert found["all/0/slow"] == "CANCELLED"
        assert found["all/2/bad"] == "FAILED"
        home.tools.release()
        await retry(engine, run_id)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert (await engine.runs.step(run_id, "all/2/bad")).attempt == 2
    assert home.tools.under_way == 0


async def test_a_retried_composite_step_is_shown_at_work(home: Home) -> None:
    branches = [[tool("a", "fake.flaky", params={"fails": 1})], [tool("b", "fake.slow")]]
    home.flow("both", parallel("p", *branches))
    async with home.working() as engine:
        run = await failed(engine, "both")
        assert (await statuses(engine, run.run_id))["p"] == "FAILED"
        await retry(engine, run.run_id)
        step = await engine.runs.step(run.run_id, "p")
        assert (step.status, step.finished_at, step.error) == ("RUNNING", None, None)
        home.tools.release()
        await rest(engine, run.run_id, expect=RunStatus.COMPLETED)
        assert set((await statuses(engine, run.run_id)).values()) == {"COMPLETED"}


async def test_branches_run_side_by_side_and_join_in_order(home: Home) -> None:
    home.flow(
        "both", parallel("p", [tool("a", "fake.slow", params={"key": "a"})], [tool("b", params={"b": 1})])
    )
    async with home.working() as engine:
        run_id = await start(engine, "both")

        async def b_ended() -> bool:
            return (await statuses(engine, run_id)).get("p/1/b") == "COMPLETED"

        await until(b_ended)
        home.tools.release("a")
        run = await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert run.output == {"items": [{"slow": "a"}, {"b": 1}]}


async def test_the_first_success_cancels_the_losers_and_withdraws_what_they_asked(home: Home) -> None:
    branches = [
        [approval("ok"), tool("x")],
        [form("word")],
        [tool("c", "fake.fail")],
        [tool("d", "fake.slow")],
    ]
    home.flow("race", parallel("p", *branches, join="any"))
    async with home.working() as engine:
        run_id = await start(engine, "race")

        async def all_ask() -> bool:
            detail = await engine.runs.get(run_id)
            return bool(detail.approvals and detail.forms and home.tools.under_way)

        await until(all_ask)
        home.tools.release()
        run = await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert run.output == {"slow": "all"}
        detail = await engine.runs.get(run_id)
        assert detail.approvals[0].status == detail.forms[0].status == "WITHDRAWN"
        assert (await engine.runs.counts()).approvals_pending == 0


async def test_a_snapshot_continues_a_long_run(home: Home) -> None:
    step = tool("say", params={"name": "{{ name }}"})
    home.flow(
        "each",
        for_each("all", step, **{"as": "name"}),
        approval("ok"),
        tool("end", params={"n": "{{ steps.all.output[149].name }}"}),
    )
    async with home.working() as engine:
        run_id = await start(engine, "each", {"names": list(range(150))})
        shown = await pending_approval(engine, run_id)
    async with home.working() as engine:
        await engine.requests.approve(shown.approval_id, actor=BOB)
        assert (await rest(engine, run_id, expect=RunStatus.COMPLETED)).output == {"n": 149}


@pytest.mark.parametrize("snapshot", [b'{"version": 99}', b'{"version"', b"[]"])
async def test_a_snapshot_that_cannot_be_read_gives_way_to_the_events(home: Home, snapshot: bytes) -> None:
    step = tool("say", params={"name": "{{ name }}"})
    home.flow("each", for_each("all", step, **{"as": "name"}), approval("ok"), tool("end"))
    async with home.working() as engine:
        run_id = await start(engine, "each", {"names": list(range(80))})
        shown = await pending_approval(engine, run_id)
    with closing(sqlite3.connect(home.config().journal_path)) as database, database:
        assert database.execute("UPDATE snapshots SET state = ?", (snapshot,)).rowcount == 1
    async with home.working() as engine:
        await engine.requests.approve(shown.approval_id, actor=BOB)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)


async def test_large_outputs_of_calls_that_end_at_the_same_moment_are_all_kept(home: Home) -> None:
    big = tool("big", "fake.big", params={"size": "{{ 20_000 + loop_index }}"})
    home.flow(
        "each",
        for_each("all", big, max_concurrent=8),
        tool(
            "end", params={"sizes": "{{ steps.all.output | map(attribute='text') | map('length') | list }}"}
        ),
    )
    async with home.working() as engine:
        run = await finished(engine, "each", {"names": [f"n{number}" for number in range(24)]})
    async with home.open() as reader:  # nothing held in memory stands in for the store
        for number in range(24):
            shown = await reader.runs.step(run.run_id, f"all/{number}/big")
            assert len(shown.output["text"]) == 20_000 + number
        assert (await reader.runs.step(run.run_id, "end")).input == {
            "sizes": [20_000 + number for number in range(24)]
        }
