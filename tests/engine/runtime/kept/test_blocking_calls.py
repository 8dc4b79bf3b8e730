"""Calls that stand still in threads, as on a disk that does not answer, hold no other run up."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING

from engine.threads import THREADS
from tests.engine.runtime.embedded_home import finished, tool

if TYPE_CHECKING:
    from tests.engine.runtime.embedded_home import Home


async def test_as_many_calls_that_block_as_a_loop_has_threads_hold_up_no_other_run(home: Home) -> None:
    home.flow("job", tool("a"), tool("b", params={"x": 1}))
    release = threading.Event()
    asyncio.get_running_loop().call_later(5, release.set)  # nobody could say so else
    async with home.working() as engine:
        threads = min(THREADS - 8, (os.cpu_count() or 1) + 4)
        blocked = [asyncio.create_task(asyncio.to_thread(release.wait)) for _ in range(threads)]
        await finished(engine, "job")
        assert not release.is_set()
        release.set()
        await asyncio.gather(*blocked)
