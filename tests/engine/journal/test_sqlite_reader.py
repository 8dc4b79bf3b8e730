"""Reads of a journal: a thread of their own, answered in order, each failure to the one who asked."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from engine.journal.sqlite.reader import Reader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SLOW = "SELECT wait()"


@asynccontextmanager
async def opened(
    held: threading.Event | None = None, read: threading.Event | None = None
) -> AsyncIterator[Reader]:
    """A reader; `SELECT wait()` waits until `held` is set, `SELECT tell()` sets `read`."""
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    if held is not None:
        connection.create_function("wait", 0, held.wait)
    if read is not None:
        connection.create_function("tell", 0, read.set)
    reader = Reader(connection)
    try:
        yield reader
    finally:
        await reader.close()


async def number(reader: Reader, statement: str, *arguments: int) -> int:
    ((found,),) = await reader.rows(statement, arguments)
    return int(found)


async def test_what_is_read_while_the_loop_is_busy_comes_in_one_turn() -> None:
    read = threading.Event()
    async with opened(read=read) as reader:
        asked = [asyncio.create_task(number(reader, "SELECT ?", one)) for one in range(20)]
        last = asyncio.create_task(reader.rows("SELECT tell()", ()))
        await asyncio.sleep(0)  # all have asked
        assert read.wait(60)  # the loop is busy
        for _ in range(2):  # answered in one turn, the callers go on in the next
            await asyncio.sleep(0)
        assert [one.result() for one in asked] == list(range(20))
        await last


async def test_a_failure_is_told_to_the_one_who_asked_alone() -> None:
    async with opened() as reader:
        bad = asyncio.create_task(number(reader, "SELECT one FROM nowhere"))
        good = asyncio.create_task(number(reader, "SELECT 7"))
        with pytest.raises(sqlite3.OperationalError, match="nowhere"):
            await bad
        assert await good == 7


async def test_one_who_waits_no_more_holds_up_nobody() -> None:
    held = threading.Event()
    async with opened(held) as reader:
        gone = asyncio.create_task(number(reader, SLOW))
        good = asyncio.create_task(number(reader, "SELECT 7"))
        await asyncio.sleep(0)
        gone.cancel()
        held.set()
        assert await good == 7
        assert gone.cancelled()


async def test_what_was_asked_is_answered_before_it_is_closed() -> None:
    held = threading.Event()
    async with opened(held) as reader:
        asked = [asyncio.create_task(number(reader, one)) for one in (SLOW, "SELECT 7")]
        await asyncio.sleep(0)
        closing = asyncio.create_task(reader.close())
        held.set()
        await closing
        assert [await one for one in asked] == [1, 7]
