"""Rows that cannot be read: lists show the others and name them; looking at one says what is damaged."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import pytest

from engine.contracts.status import CancelMode, RunStatus
from engine.errors import ErrorCode, Unavailable
from tests.engine.runtime.embedded_home import BOB, approval, pending_approval, rest, start, tool, until
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.facade.feed import FeedBatch
    from tests.engine.runtime.embedded_home import Home


async def damage(home: Home, statement: str, *arguments: str) -> None:
    def change() -> None:
        with closing(sqlite3.connect(home.config().journal_path, isolation_level=None)) as connection:
            assert connection.execute(statement, arguments).rowcount >= 1

    await asyncio.to_thread(change)


async def test_lists_show_what_can_be_read_and_name_the_rest(home: Home) -> None:
    home.flow("gated", approval("ok", "Go?"), tool("write", params={"n": 1}))
    async with home.working() as engine:
        runs = [await start(engine, "gated") for _ in range(3)]
        shown = [await pending_approval(engine, run_id) for run_id in runs]
        spoil = "UPDATE events SET payload = '{\"body\": 1}' WHERE run_id = ? AND kind = 'pending_human'"
        await damage(home, spoil, runs[0])
        await damage(home, "UPDATE runs SET error = '{' WHERE run_id = ?", runs[1])
        inbox = await engine.requests.approvals()
        assert [item.approval_id for item in inbox.items] == [item.approval_id for item in shown[1:]]
        assert inbox.unreadable == (shown[0].approval_id,)
        with pytest.raises(Unavailable) as caught:
            await engine.requests.approval(shown[0].approval_id)
        assert (caught.value.code, caught.value.details["run_id"]) == (ErrorCode.JOURNAL_CORRUPT, runs[0])
        listed = await engine.runs.list()
        assert {run.run_id for run in listed.items} == set(runs)
        (spoiled,) = (run for run in listed.items if run.run_id == runs[1])
        assert spoiled.error is not None
        assert spoiled.error.code == "journal_corrupt"
        await damage(home, "UPDATE runs SET status = 'BEAMED' WHERE run_id = ?", runs[1])
        listed = await engine.runs.list()
        assert (listed.unreadable, {run.run_id for run in listed.items}) == ((runs[1],), {runs[0], runs[2]})
        await engine.requests.approve(shown[2].approval_id, actor=BOB)
        await rest(engine, runs[2], expect=RunStatus.COMPLETED)


FAR = str(2**62)
"""No moment of any calendar, in microseconds."""


@pytest.mark.parametrize(
    "spoil",
    [
        *(f"UPDATE runs SET {column} = {FAR}" for column in ("created_at", "started_at", "updated_at")),
        "UPDATE runs SET status = 'BEAMED'",
        "UPDATE runs SET ending = '[1]'",
        "UPDATE runs SET waiting_for = 'godot'",
        *(f"UPDATE steps SET {column} = {FAR}" for column in ("started_at", "retry_at")),
        "UPDATE steps SET status = 'BEAMED'",
        *(f"UPDATE requests SET {column} = {FAR}" for column in ("requested_at", "expires_at")),
        f"UPDATE events SET ts = {FAR}",
        "UPDATE events SET payload = '{}' WHERE kind = 'step_started'",
    ],
)
async def test_whatever_looks_at_a_damaged_run_says_that_it_is_damaged(home: Home, spoil: str) -> None:
    home.flow("gated", approval("ok", "Go?"))
    async with home.working() as engine:
        run_id = await start(engine, "gated")
        await pending_approval(engine, run_id)
    await damage(home, spoil)
    async with home.open() as engine:
        runs, requests = engine.runs, engine.requests
        for look in (runs.summary, runs.steps, runs.events, runs.timeline, runs.snapshot):
            with suppress(Unavailable):  # and nothing else
                await look(run_id)
        await runs.list()
        await requests.approvals()


async def heard_all(batches: AsyncIterator[FeedBatch]) -> None:
    async for _ in batches:
        pass


async def test_readers_of_the_feed_are_told_when_the_file_is_gone(home: Home) -> None:
    home.flow("one", approval("ok", "Go?"))
    async with home.working() as engine:
        shown = await pending_approval(engine, await start(engine, "one"))
        async with engine.feed.subscribe() as batches:
            await asyncio.to_thread(home.config().journal_path.unlink)
            with pytest.raises(Unavailable) as told:
                await asyncio.wait_for(heard_all(batches), PATIENCE)
        assert told.value.code is ErrorCode.JOURNAL_UNAVAILABLE
        with pytest.raises(Unavailable) as refused:
            await engine.requests.approve(shown.approval_id, actor=BOB)
        assert refused.value.code is ErrorCode.JOURNAL_UNAVAILABLE


async def test_a_run_is_cancelled_with_those_below_it_that_can_be_read(home: Home) -> None:
    each = {"id": "each", "type": "for_each", "items": [1, 2]}
    home.flow("top", {**each, "steps": [{"id": "sub", "type": "subflow", "subflow": "gated"}]})
    home.flow("gated", approval("ok", "Go?"))
    async with home.working() as engine:
        run_id = await start(engine, "top")

        async def both() -> bool:
            return len((await engine.requests.approvals()).items) == 2

        await until(both)
        first, second = (one.run_id for one in (await engine.requests.approvals()).items)
    await damage(home, "UPDATE events SET payload = '{}' WHERE kind = 'step_started' AND run_id = ?", first)
    async with home.open() as engine:
        waits = await engine.runs.cancel(run_id, actor=BOB)  # for the step that both are, one for ever
        assert waits.status is RunStatus.RUNNING
        ended = await engine.runs.cancel(run_id, mode=CancelMode.NOW, actor=BOB)
        assert ended.status is RunStatus.CANCELLED
        assert (await engine.runs.summary(second)).status is RunStatus.CANCELLED


async def test_whoever_steers_a_damaged_run_is_told_which_it_is(home: Home) -> None:
    home.flow("gated", approval("ok", "Go?"))
    async with home.working() as engine:
        run_id = await start(engine, "gated")
        await pending_approval(engine, run_id)
    await damage(home, "UPDATE events SET payload = '{}' WHERE kind = 'step_started'")
    async with home.open() as engine:
        with pytest.raises(Unavailable) as caught:
            await engine.runs.cancel(run_id, actor=BOB)
        assert (caught.value.code, caught.value.details["run_id"]) == (ErrorCode.JOURNAL_CORRUPT, run_id)


async def test_a_run_is_not_worked_by_pack_content_that_is_not_what_it_pinned(home: Home) -> None:
    home.flow("gated", approval("ok", gates="none"), tool("write", params={"path": "mine"}))
    async with home.working() as engine:
        run_id = await start(engine, "gated")
        asked = await pending_approval(engine, run_id)
    await damage(home, "UPDATE pack_contents SET content = replace(content, 'mine', 'mind')")
    home.flow("gated", tool("write"))
    async with home.working() as engine:
        await engine.requests.approve(asked.approval_id, actor=BOB)
        async with asyncio.timeout(PATIENCE):
            run = await engine.runs.wait(run_id)
        assert run.error is not None
        assert run.error.message == "stored pack content is damaged: it is not what was stored"
        assert home.tools.given("write") == []


async def test_a_pack_is_shown_though_its_content_of_before_is_damaged(home: Home) -> None:
    home.flow("go", tool("write", params={"path": "mine"}))
    async with home.open() as engine:
        await engine.packs.list()
        home.flow("go", tool("write", params={"path": "yours"}))
        await engine.packs.reload()
        assert (await engine.packs.get("demo")).last_change is not None
    await damage(home, "UPDATE pack_contents SET content = replace(content, 'mine', 'mind')")
    async with home.open() as engine:
        assert (await engine.packs.get("demo")).last_change is None
