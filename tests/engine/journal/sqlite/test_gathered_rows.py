from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from engine.errors import ErrorCode, InvalidInput, Unavailable
from engine.journal.sqlite.reads.gathered import GatheredRows
from tests.engine.journal.run_script import wait_for_approval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.journal.sqlite.journal import SqliteJournal


class FakeTable:
    """Rows that are read when `open` is set; knows which were asked for together."""

    def __init__(self) -> None:
        self.read: list[list[str]] = []
        self.begun: asyncio.Queue[None] = asyncio.Queue()
        self.open = asyncio.Event()
        self.open.set()
        self.failure: Exception | None = None

    async def rows(self, ids: Sequence[str]) -> Mapping[str, str]:
        self.read.append(list(ids))
        self.begun.put_nowait(None)
        await self.open.wait()
        if self.failure is not None:
            raise self.failure
        return {row_id: f"row {row_id}" for row_id in ids if row_id != "missing"}


async def test_what_is_asked_for_in_one_turn_is_read_together() -> None:
    table = FakeTable()
    rows = GatheredRows(table.rows)
    found = await asyncio.gather(rows.row("b"), rows.row("a"), rows.row("missing"), rows.row("b"))
    assert list(found) == ["row b", "row a", None, "row b"]
    assert table.read == [["a", "b", "missing"]]
    assert await rows.row("c") == "row c"
    assert table.read[1:] == [["c"]]


async def test_who_asks_while_rows_are_read_is_not_answered_by_that_reading() -> None:
    table = FakeTable()
    table.open.clear()
    rows = GatheredRows(table.rows)
    first = asyncio.ensure_future(rows.row("a"))
    await table.begun.get()
    second = asyncio.ensure_future(rows.row("a"))
    await table.begun.get()
    table.open.set()
    assert list(await asyncio.gather(first, second)) == ["row a", "row a"]
    assert table.read == [["a"], ["a"]]


@pytest.mark.parametrize("reading", [False, True])
async def test_others_are_answered_though_the_one_that_reads_for_all_is_cancelled(reading: bool) -> None:
    table = FakeTable()
    table.open.clear()
    rows = GatheredRows(table.rows)
    first, second, third = (asyncio.ensure_future(rows.row(name)) for name in ("a", "b", "c"))
    await (table.begun.get() if reading else asyncio.sleep(0))
    first.cancel()
    table.open.set()
    assert list(await asyncio.gather(second, third)) == ["row b", "row c"]
    assert first.cancelled()
    assert table.read[-1] == ["b", "c"]


async def test_one_that_asks_beside_and_is_cancelled_changes_nothing_for_the_others() -> None:
    table = FakeTable()
    rows = GatheredRows(table.rows)
    first, second, third = (asyncio.ensure_future(rows.row(name)) for name in ("a", "b", "c"))
    await asyncio.sleep(0)
    second.cancel()
    assert list(await asyncio.gather(first, third)) == ["row a", "row c"]
    assert second.cancelled()


async def test_everybody_hears_that_nothing_can_be_read() -> None:
    table = FakeTable()
    table.failure = Unavailable(ErrorCode.JOURNAL_UNAVAILABLE, "the disk is gone")
    rows = GatheredRows(table.rows)
    found = await asyncio.gather(rows.row("a"), rows.row("b"), return_exceptions=True)
    assert list(found) == [table.failure, table.failure]
    table.failure = None
    assert await rows.row("a") == "row a"


async def test_an_id_that_is_no_text_is_refused_alone(sqlite_journal: SqliteJournal) -> None:
    await wait_for_approval(sqlite_journal)
    ids = ("appr_0001", "appr_\ud800", "appr_0001")
    asked = [sqlite_journal.request_row(one) for one in ids]
    first, refused, last = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(refused, InvalidInput)
    assert isinstance(first, dict)
    assert first["run_id"] == "run_0001"
    assert first == last
