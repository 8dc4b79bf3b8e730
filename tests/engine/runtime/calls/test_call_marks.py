"""Marks of calls in a file: each has a place of its own, and what is not marked is not certain."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.errors import Unavailable
from engine.runtime.processes import boot_id, process_name
from engine.runtime.worker.sessions.call_marks import (
    CallMarks,
    LongMark,
    LostCalls,
    expected_mark_of,
    lost_calls,
    mark_of,
)
from engine.runtime.worker.sessions.call_scheduler import CallScheduler
from tests.engine.runtime.calls.test_call_scheduler import execution

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST = 2_048


def mark(number: int) -> bytes:
    return mark_of("run_1", str(number))


@pytest.fixture
def marks(tmp_path: Path) -> Iterator[CallMarks]:
    opened = CallMarks(tmp_path, "wrk_1")
    opened.open(())
    yield opened
    opened.close()


def test_a_call_for_which_there_is_no_room_is_made_without_a_mark(marks: CallMarks, tmp_path: Path) -> None:
    places = [marks.put(mark(number)) for number in range(MOST)]
    assert set(places) == set(range(MOST))

    assert marks.put(mark(MOST)) is None
    marks.remove(None)
    marks.remove(places[7])

    assert marks.put(mark(MOST)) == places[7]
    assert lost_calls(tmp_path, "wrk_1").marks == {mark(number) for number in range(MOST + 1)} - {mark(7)}


def test_a_worker_that_comes_takes_no_marks_from_one_that_came_beside_it(
    marks: CallMarks, tmp_path: Path
) -> None:
    marks.put(mark(1))
    for name in ("wrk_gone.an-earlier-boot", f"wrk_dead.{boot_id()}"):
        gone = b"x" * 65_536 + f"{boot_id()}/{process_name(1).split('/')[1]}/1/0".encode()
        (tmp_path / name).write_bytes(gone)
    other = CallMarks(tmp_path, "wrk_2")
    other.open(())
    assert {file.name.partition(".")[0] for file in tmp_path.iterdir()} == {"wrk_1", "wrk_2"}
    assert lost_calls(tmp_path, "wrk_1").marks == {mark(1)}
    assert lost_calls(tmp_path, "wrk_unknown").marks == frozenset()
    other.close()


def test_a_call_that_begins_is_marked_in_the_place_where_it_was_expected(
    marks: CallMarks, tmp_path: Path
) -> None:
    place = marks.put(expected_mark_of("run_1", "a"))

    assert marks.put(mark_of("run_1", "a"), place) == place
    assert lost_calls(tmp_path, "wrk_1").marks == {mark_of("run_1", "a")}


async def test_a_call_that_was_expected_leaves_its_place_to_one_other(tmp_path: Path) -> None:
    scheduler = CallScheduler(tmp_path / "workers", tmp_path / "calls.lock", "wrk_1")
    await scheduler.open(())

    async def call() -> None: ...

    await scheduler.make(call, "run_1", execution("a"), scheduler.expect("run_1", "a"))
    places = [scheduler.expect("run_1", path) for path in "bc"]

    assert len(set(places)) == 2
    scheduler.expect_no_more(places[0])
    lost = await asyncio.to_thread(lost_calls, tmp_path / "workers", "wrk_1")
    assert lost.marks == {expected_mark_of("run_1", "c")}
    await scheduler.close()


def test_a_long_call_has_one_mark_however_often_it_is_told_of(marks: CallMarks, tmp_path: Path) -> None:
    long = LongMark(marks, mark(1))
    for _ in range(2):
        long.aside(False)
        long.waits(False)

    long.end()

    assert lost_calls(tmp_path, "wrk_1").marks == frozenset()


def test_a_long_call_that_is_over_has_no_mark_whatever_is_told_of_it(
    marks: CallMarks, tmp_path: Path
) -> None:
    long = LongMark(marks, mark(1))
    long.aside(False)
    long.end()

    long.waits(False)

    assert lost_calls(tmp_path, "wrk_1").marks == frozenset()


def test_a_call_that_nobody_marked_may_have_begun() -> None:
    assert not LostCalls(died=True).had_not_begun("run_1", "a")


def test_of_a_worker_whose_process_is_not_named_nothing_is_certain(marks: CallMarks, tmp_path: Path) -> None:
    marks.put(expected_mark_of("run_1", "a"))
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[: MOST * 32])

    assert not lost_calls(tmp_path, "wrk_1").had_not_begun("run_1", "a")


def test_marks_that_cannot_be_kept_are_told_as_that(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(Unavailable):
        CallMarks(tmp_path / "file", "wrk_1").open(())


def test_a_worker_that_is_gone_holds_no_file_open(tmp_path: Path) -> None:
    async def come_and_go(worker: str) -> None:
        scheduler = CallScheduler(tmp_path / "workers", tmp_path / "calls.lock", worker)
        await scheduler.open(())
        await scheduler.close()

    asyncio.run(come_and_go("wrk_1"))

    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    assert not [link for link in links if str(tmp_path) in str(link.readlink())]
