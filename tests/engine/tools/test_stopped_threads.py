"""Work in threads that is cancelled: it ends first, unless it stands still."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from engine.threads import StopFlag, StopRequested, run_stoppable
from engine.tools.builtin.files.paths import PathScope
from engine.tools.builtin.files.preview import require_base
from engine.tools.context import ToolLimits

if TYPE_CHECKING:
    from pathlib import Path


async def test_cancelled_work_in_a_thread_has_ended_before_the_caller_goes_on() -> None:
    ended: list[str] = []
    started = asyncio.Event()
    loop = asyncio.get_running_loop()

    def work(stop: StopFlag) -> None:
        loop.call_soon_threadsafe(started.set)
        try:
            while True:
                stop.check()
        finally:
            ended.append("ended")

    task = asyncio.ensure_future(run_stoppable(work))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["ended"]


async def test_a_thread_that_stands_still_on_a_disk_holds_its_caller_up_for_a_moment_only() -> None:
    answers, ended = threading.Event(), threading.Event()

    def work(stop: StopFlag) -> None:
        try:
            answers.wait(60)
            stop.check()
        finally:
            ended.set()

    try:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await run_stoppable(work, patience=0.01)
        assert not ended.is_set()
    finally:
        answers.set()
    assert await asyncio.to_thread(ended.wait, 60)


def test_what_is_written_takes_no_place_once_nobody_waits_for_it(root: Path) -> None:
    """A disk may answer again after its call was given up."""
    target, stop = PathScope(ToolLimits()).resolve(str(root), "a.txt"), StopFlag()
    require_base(target, None, stop)
    stop.set()
    with pytest.raises(StopRequested):
        require_base(target, None, stop)
