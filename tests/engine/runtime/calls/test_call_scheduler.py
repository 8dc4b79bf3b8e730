"""Calls are made side by side, suspects alone; what was under way can be told after the worker died."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.contracts.status import StepStatus
from engine.machine.model.state import Execution
from engine.runtime.worker.sessions.call_marks import lost_calls, mark_of
from engine.runtime.worker.sessions.call_scheduler import SUSPECT_LOSSES, CallScheduler
from engine.runtime.worker.sessions.tree_slots import TreeSlots
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

import pytest


def names_in(directory: Path) -> set[str]:
    return {file.name.partition(".")[0] for file in directory.iterdir()}


def marks(directory: Path) -> Path:
    return directory / "workers"


def scheduler_of(directory: Path, worker: str) -> CallScheduler:
    return CallScheduler(marks(directory), directory / "calls.lock", worker)


def execution(path: str, recoveries: int = 0) -> Execution:
    return Execution(path=path, step=path, type="tool", status=StepStatus.RUNNING, recoveries=recoveries)


@pytest.fixture
async def scheduler(tmp_path: Path) -> AsyncIterator[CallScheduler]:
    opened = scheduler_of(tmp_path, "wrk_1")
    await opened.open(())
    yield opened
    await opened.close()
    assert not names_in(marks(tmp_path))


class Calls:
    """Calls that are under way until they are ended."""

    def __init__(self, scheduler: CallScheduler) -> None:
        self._scheduler = scheduler
        self.under_way: set[str] = set()
        self._begins: dict[str, asyncio.Event] = {}
        self._ends: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def begin(self, path: str, recoveries: int = 0, at_once: int | None = None) -> None:
        self._begins[path], self._ends[path] = asyncio.Event(), asyncio.Event()
        self.tasks[path] = asyncio.create_task(self._call(path, recoveries, at_once))
        await turns()

    async def begun(self, path: str) -> None:
        async with asyncio.timeout(PATIENCE):
            await self._begins[path].wait()

    async def end(self, path: str) -> None:
        self._ends[path].set()
        await self.tasks[path]
        await turns()

    async def _call(self, path: str, recoveries: int, at_once: int | None) -> None:
        async def call() -> None:
            self.under_way.add(path)
            self._begins[path].set()
            await self._ends[path].wait()
            self.under_way.discard(path)

        await self._scheduler.make(call, "run_1", execution(path, recoveries), tree="run_0", at_once=at_once)


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_suspect_is_alone(scheduler: CallScheduler) -> None:
    calls = Calls(scheduler)
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


async def test_a_suspect_that_is_cancelled_while_it_waits_holds_nobody_up(scheduler: CallScheduler) -> None:
    calls = Calls(scheduler)
    await calls.begin("a")
    await calls.begin("suspect", SUSPECT_LOSSES)
    await calls.begin("b")
    assert calls.under_way == {"a"}
    calls.tasks["suspect"].cancel()
    await turns()
    assert calls.under_way == {"a", "b"}
    await calls.end("a")
    await calls.end("b")


async def test_a_suspect_that_never_had_its_turn_gives_none_back(
    scheduler: CallScheduler,
) -> None:
    calls = Calls(scheduler)
    await calls.begin("a")
    await calls.begin("suspect", SUSPECT_LOSSES)
    calls.tasks["suspect"].cancel()
    await turns()
    await calls.begin("another", SUSPECT_LOSSES)
    assert calls.under_way == {"a"}
    await calls.end("a")
    assert calls.under_way == {"another"}
    await calls.end("another")


async def test_a_turn_that_came_just_when_its_call_was_cancelled_is_given_back(
    scheduler: CallScheduler,
) -> None:
    calls = Calls(scheduler)

    async def nothing() -> None: ...

    async def ends_and_cancels() -> None:
        await scheduler.make(nothing, "run_1", execution("first", SUSPECT_LOSSES))
        calls.tasks["second"].cancel()  # its turn has come in this very moment

    await calls.begin("a")
    first = asyncio.create_task(ends_and_cancels())
    await turns()
    await calls.begin("second", SUSPECT_LOSSES)
    await calls.begin("third", SUSPECT_LOSSES)
    await calls.end("a")
    await first
    await calls.begun("third")
    assert calls.under_way == {"third"}
    await calls.end("third")


async def test_only_calls_that_have_begun_are_marked(scheduler: CallScheduler, tmp_path: Path) -> None:
    calls = Calls(scheduler)
    await calls.begin("a")
    await calls.begin("suspect", SUSPECT_LOSSES)
    assert (await asyncio.to_thread(lost_calls, marks(tmp_path), "wrk_1")).marks == {mark_of("run_1", "a")}
    await calls.end("a")
    assert (await asyncio.to_thread(lost_calls, marks(tmp_path), "wrk_1")).marks == {
        mark_of("run_1", "suspect")
    }
    await calls.end("suspect")
    assert (await asyncio.to_thread(lost_calls, marks(tmp_path), "wrk_1")).marks == frozenset()


async def test_a_prompt_is_marked_while_it_works_and_nobody_else_is_suspected(
    scheduler: CallScheduler, tmp_path: Path
) -> None:
    async def marked() -> set[bytes]:
        return set((await asyncio.to_thread(lost_calls, marks(tmp_path), "wrk_1")).marks)

    prompt, suspect = mark_of("run_1", "prompt"), mark_of("run_1", "suspect")
    calls = Calls(scheduler)
    with scheduler.marked("run_1", execution("prompt")) as mark:
        assert await marked() == {prompt}
        mark.waits(True)
        assert await marked() == set()
        mark.waits(False)
        await calls.begin("suspect", SUSPECT_LOSSES)
        assert await marked() == {suspect}
        with scheduler.marked("run_1", execution("later")):
            assert await marked() == {suspect}
        await calls.end("suspect")
        assert await marked() == {prompt}
    assert await marked() == set()


async def test_marks_of_workers_that_are_forgotten_are_removed(
    scheduler: CallScheduler, tmp_path: Path
) -> None:
    assert (await asyncio.to_thread(lost_calls, marks(tmp_path), "wrk_unknown")).marks == frozenset()
    second, third = (scheduler_of(tmp_path, f"wrk_{number}") for number in (2, 3))
    await second.open({"wrk_1"})
    (file,) = marks(tmp_path).glob("wrk_2.*")
    file.rename(file.with_name("wrk_2.an-earlier-boot"))
    await third.open({"wrk_1", "wrk_3"})
    assert names_in(marks(tmp_path)) == {"wrk_1", "wrk_3"}
    await third.close()


async def test_of_a_worker_that_is_there_nothing_is_certain(scheduler: CallScheduler, tmp_path: Path) -> None:
    scheduler.expect("run_1", "a")
    lost = await asyncio.to_thread(lost_calls, marks(tmp_path), "wrk_1")
    assert not lost.died
    assert not lost.had_not_begun("run_1", "a")
    assert replace(lost, died=True).had_not_begun("run_1", "a")


async def test_a_call_that_was_being_made_had_begun_whatever_else_is_marked(
    scheduler: CallScheduler, tmp_path: Path
) -> None:
    scheduler.expect("run_1", "a")
    calls = Calls(scheduler)  # held: a call whose task nobody holds may be collected
    await calls.begin("a")
    lost = replace(await asyncio.to_thread(lost_calls, marks(tmp_path), "wrk_1"), died=True)
    assert lost.was_being_made("run_1", "a")
    assert not lost.had_not_begun("run_1", "a")
    await calls.end("a")


async def test_a_call_that_waits_for_its_slot_has_not_begun(scheduler: CallScheduler, tmp_path: Path) -> None:
    calls = Calls(scheduler)
    for path in "abc":
        await calls.begin(path, at_once=2)
    assert calls.under_way == {"a", "b"}
    lost = await asyncio.to_thread(lost_calls, marks(tmp_path), "wrk_1")
    assert lost.marks == {mark_of("run_1", "a"), mark_of("run_1", "b")}
    calls.tasks["c"].cancel()
    await calls.end("a")
    await calls.begin("d", at_once=2)
    assert calls.under_way == {"b", "d"}
    await calls.end("b")
    await calls.end("d")


async def test_nothing_is_kept_of_a_tree_whose_calls_have_ended(tmp_path: Path) -> None:
    slots, ended = TreeSlots(tmp_path / "calls.lock"), asyncio.Event()
    await asyncio.to_thread(slots.open)

    async def call(at_once: int) -> None:
        async with slots.taken("run_0", at_once):
            await ended.wait()

    async with asyncio.TaskGroup() as tasks:
        made = [tasks.create_task(call(at_once)) for at_once in (1, 1, 2)]
        await turns()
        made[1].cancel()
        await turns()
        assert len(slots._queues) == 2
        ended.set()
    assert not slots._queues
    await asyncio.to_thread(slots.close)


async def test_slots_of_a_tree_are_those_of_all_workers_together(
    scheduler: CallScheduler, tmp_path: Path
) -> None:
    other_scheduler = scheduler_of(tmp_path, "wrk_2")
    await other_scheduler.open({"wrk_1", "wrk_2"})
    calls, others = Calls(scheduler), Calls(other_scheduler)
    await calls.begin("a", at_once=1)
    await others.begin("b", at_once=1)
    assert not others.under_way
    await calls.end("a")
    await others.begun("b")
    await calls.begin("c", at_once=1)
    assert not calls.under_way
    await other_scheduler.close()  # as when its process dies
    await calls.begun("c")
    await calls.end("c")
    await others.end("b")
