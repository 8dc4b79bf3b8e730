"""Calls are made side by side, suspects alone; what was under way can be told after the worker died."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.contracts.status import StepStatus
from engine.machine.model.state import Execution
from engine.runtime.worker.sessions.call_room import SUSPECT_LOSSES, CallRoom, lost_calls, mark_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

import pytest


def names_in(directory: Path) -> set[str]:
    return {file.name.partition(".")[0] for file in directory.iterdir()}


def execution(path: str, recoveries: int = 0) -> Execution:
    return Execution(path=path, step=path, type="tool", status=StepStatus.RUNNING, recoveries=recoveries)


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[CallRoom]:
    opened = CallRoom(tmp_path, "wrk_1")
    await opened.open(())
    yield opened
    await opened.close()
    assert not names_in(tmp_path)


class Calls:
    """Calls that are under way until they are ended."""

    def __init__(self, room: CallRoom) -> None:
        self._room = room
        self.under_way: set[str] = set()
        self._ends: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def begin(self, path: str, recoveries: int = 0) -> None:
        self._ends[path] = asyncio.Event()
        self.tasks[path] = asyncio.create_task(self._call(path, recoveries))
        await turns()

    async def end(self, path: str) -> None:
        self._ends[path].set()
        await self.tasks[path]
        await turns()

    async def _call(self, path: str, recoveries: int) -> None:
        async with self._room.entered("run_1", execution(path, recoveries)):
            self.under_way.add(path)
            await self._ends[path].wait()
            self.under_way.discard(path)


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_suspect_is_alone(room: CallRoom) -> None:
    calls = Calls(room)
    await calls.begin("a")
    await calls.begin("b", SUSPECT_LOSSES - 1)
    await calls.begin("suspect", SUSPECT_LOSSES)
    await calls.begin("c")
    assert calls.under_way == {"a", "b"}
    await calls.end("a")
    assert calls.under_way == {"b"}
    await calls.end("b")
    assert calls.under_way == {"suspect"}
    await calls.end("suspect")
    assert calls.under_way == {"c"}
    await calls.begin("d")
    assert calls.under_way == {"c", "d"}
    await calls.end("c")
    await calls.end("d")


async def test_a_suspect_that_is_cancelled_while_it_waits_holds_nobody_up(room: CallRoom) -> None:
    calls = Calls(room)
    await calls.begin("a")
    await calls.begin("suspect", SUSPECT_LOSSES)
    await calls.begin("b")
    assert calls.under_way == {"a"}
    calls.tasks["suspect"].cancel()
    await turns()
    assert calls.under_way == {"a", "b"}
    await calls.end("a")
    await calls.end("b")


async def test_only_calls_that_have_begun_are_marked(room: CallRoom, tmp_path: Path) -> None:
    calls = Calls(room)
    await calls.begin("a")
    await calls.begin("suspect", SUSPECT_LOSSES)
    assert (await asyncio.to_thread(lost_calls, tmp_path, "wrk_1")).marks == {mark_of("run_1", "a")}
    await calls.end("a")
    assert (await asyncio.to_thread(lost_calls, tmp_path, "wrk_1")).marks == {mark_of("run_1", "suspect")}
    await calls.end("suspect")
    assert (await asyncio.to_thread(lost_calls, tmp_path, "wrk_1")).marks == frozenset()


async def test_marks_of_workers_that_are_forgotten_are_removed(room: CallRoom, tmp_path: Path) -> None:
    assert (await asyncio.to_thread(lost_calls, tmp_path, "wrk_unknown")).marks == frozenset()
    second, third = CallRoom(tmp_path, "wrk_2"), CallRoom(tmp_path, "wrk_3")
    await second.open({"wrk_1"})
    await third.open({"wrk_1", "wrk_3"})
    assert names_in(tmp_path) == {"wrk_1", "wrk_3"}
    await third.close()


async def test_of_a_worker_that_is_there_nothing_is_certain(room: CallRoom, tmp_path: Path) -> None:
    room.expect("run_1", "a")
    lost = await asyncio.to_thread(lost_calls, tmp_path, "wrk_1")
    assert not lost.died
    assert not lost.had_not_begun("run_1", "a")
    assert replace(lost, died=True).had_not_begun("run_1", "a")


async def test_a_call_that_was_being_made_had_begun_whatever_else_is_marked(
    room: CallRoom, tmp_path: Path
) -> None:
    room.expect("run_1", "a")
    await Calls(room).begin("a")
    lost = replace(await asyncio.to_thread(lost_calls, tmp_path, "wrk_1"), died=True)
    assert lost.was_being_made("run_1", "a")
    assert not lost.had_not_begun("run_1", "a")
