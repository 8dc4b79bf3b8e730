"""Calls that a thread hands to the event loop."""

from __future__ import annotations

import asyncio
import select
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVarTuple

import pytest

from engine.journal.sqlite.loop_calls import LoopCalls
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable

Args = TypeVarTuple("Args")
MANY = 100_000
"""More than a pipe holds bytes."""


def open_descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


class FakeLoop(asyncio.SelectorEventLoop):
    """Remembers what it was told to read, and what it does then."""

    told: Any = None

    def add_reader(self, fd: Any, callback: Callable[[*Args], Any], *args: *Args) -> None:
        self.told = fd, callback
        super().add_reader(fd, callback, *args)


def test_a_loop_that_was_woken_rests_again() -> None:
    made: list[int] = []
    with closing(FakeLoop()) as loop:
        calls = LoopCalls(loop)
        for number in range(2):
            calls.post(made.append, number)
        end, woken = loop.told
        woken()
        assert (made, select.select([end], [], [], 0)) == ([0, 1], ([], [], []))
        calls.close()


async def test_calls_of_a_thread_are_made_in_the_loop_in_their_order() -> None:
    calls = LoopCalls(asyncio.get_running_loop())
    made: list[tuple[int, int]] = []
    over = asyncio.Event()

    def post() -> None:
        for number in range(10):
            calls.post(lambda number=number: made.append((number, threading.get_ident())))
        calls.post(over.set)

    await asyncio.to_thread(post)
    await asyncio.wait_for(over.wait(), PATIENCE)
    calls.close()
    assert made == [(number, threading.get_ident()) for number in range(10)]


async def test_a_loop_that_does_not_come_round_loses_none_and_holds_no_thread_up() -> None:
    calls = LoopCalls(asyncio.get_running_loop())
    made: list[int] = []

    def post() -> None:
        for number in range(MANY):
            calls.post(made.append, number)

    thread = threading.Thread(target=post)
    thread.start()
    thread.join()  # the loop stands meanwhile, and the pipe is full
    over = asyncio.Event()
    calls.post(over.set)
    await asyncio.wait_for(over.wait(), PATIENCE)
    calls.close()
    assert made == list(range(MANY))


async def test_a_call_that_raises_spoils_no_other() -> None:
    calls = LoopCalls(asyncio.get_running_loop())
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    over = asyncio.Event()

    def fail() -> None:
        raise RuntimeError("defect")

    calls.post(fail)
    calls.post(over.set)
    await asyncio.wait_for(over.wait(), PATIENCE)
    calls.close()
    assert [str(context["exception"]) for context in told] == ["defect"]


async def test_what_waits_is_called_when_it_is_closed_and_no_descriptor_is_left() -> None:
    before = open_descriptors()
    calls = LoopCalls(asyncio.get_running_loop())
    made: list[str] = []
    calls.post(made.append, "last")
    calls.close()
    assert made == ["last"]
    assert open_descriptors() == before


@pytest.mark.parametrize("times", [1, 20])
async def test_a_thread_wakes_a_loop_that_waits(times: int) -> None:
    calls = LoopCalls(asyncio.get_running_loop())
    for _ in range(times):
        woken = asyncio.Event()
        threading.Thread(target=calls.post, args=(woken.set,)).start()
        await asyncio.wait_for(woken.wait(), PATIENCE)
    calls.close()
