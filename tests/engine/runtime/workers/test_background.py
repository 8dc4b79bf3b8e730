"""Work in the background is gone when its context is left, whatever becomes of who leaves it."""

from __future__ import annotations

import asyncio

import pytest

from engine.runtime.background import in_background


class Work:
    """Takes a moment to end."""

    def __init__(self) -> None:
        self.ending, self.may_end = asyncio.Event(), asyncio.Event()
        self.ended = False
        self.task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        self.task = asyncio.current_task()
        try:
            await asyncio.Event().wait()
        finally:
            self.ending.set()
            await self.may_end.wait()
            self.ended = True


async def test_who_is_cancelled_while_it_waits_for_the_end_is_cancelled_once_that_has_come() -> None:
    work, went_on = Work(), False

    async def leave() -> None:
        nonlocal went_on
        async with in_background(work.run()):
            await asyncio.sleep(0)
        went_on = True

    leaving = asyncio.create_task(leave())
    await work.ending.wait()
    leaving.cancel()
    await asyncio.sleep(0)
    assert not leaving.done()
    work.may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert work.ended
    assert not went_on


async def test_what_it_failed_with_is_raised_where_its_context_is_left() -> None:
    async def fail() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        async with in_background(fail()):
            await asyncio.sleep(0)


async def test_it_is_waited_for_when_every_task_of_the_loop_is_cancelled_as_at_its_end() -> None:
    work = Work()

    async def leave() -> None:
        async with in_background(work.run()):
            await asyncio.sleep(0)

    leaving = asyncio.create_task(leave())
    await work.ending.wait()
    for task in asyncio.all_tasks() - {asyncio.current_task(), work.task}:  # it takes its moment all the same
        task.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not leaving.done()
    work.may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert work.ended
