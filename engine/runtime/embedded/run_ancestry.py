"""Whether this process was started by a run's tool: what a run started may not decide for a person."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from engine.errors import ErrorCode, Refused
from engine.process_tree import ancestors

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from engine.journal.port import Journal
    from engine.journal.records import WorkerRow
    from engine.process_tree import Process


LOOKED_AGAIN_SECONDS = 1.0
"""A worker is registered before its tools start, so for so long nobody looks again whether one started us."""

_ABOVE: dict[int, tuple[Process, ...]] = {}
"""What was above this process when it first decided: it does not get away by outliving its parents."""
_CLEARED: WeakKeyDictionary[Journal, tuple[int, float]] = WeakKeyDictionary()
"""The process that no run of a journal started, and when that was looked at."""


async def refuse_a_run(journal: Journal) -> None:
    """Raises Refused (`decision_from_run`) in a process that a run started."""
    pid, now = os.getpid(), time.monotonic()
    cleared, looked_at = _CLEARED.get(journal, (0, 0.0))
    if cleared == pid and now - looked_at < LOOKED_AGAIN_SECONDS:
        return
    above = _ABOVE.get(pid)
    if above is None:
        above = _ABOVE[pid] = await asyncio.to_thread(lambda: tuple(ancestors()))
    worker = below_a_tool(await journal.workers(), above)
    if worker is not None:
        raise Refused(
            ErrorCode.DECISION_FROM_RUN,
            f"this process was started by a run (worker {worker.worker_id}); only a person decides",
            {"worker_id": worker.worker_id, "pid": worker.pid},
        )
    _CLEARED[journal] = pid, now


def below_a_tool(workers: Collection[WorkerRow], above: Iterable[Process]) -> WorkerRow | None:
    """The worker whose tool started this process, or one of those `above` it.

    Tools run in sessions of their own below their worker, so a process below a worker that is not of its
    session came from a tool. What an operator starts out of the console, an editor, is of its session.
    """
    host = socket.gethostname()
    here = {worker.pid: worker for worker in workers if worker.host == host}
    own = os.getsid(0)
    for process in above:
        worker = here.get(process.pid)
        if worker is not None and process.session != own and _is_it(worker, process):
            return worker
    return None


def _is_it(worker: WorkerRow, process: Process) -> bool:
    """Whether the worker is that process, and no later one with its number."""
    started = worker.process.rpartition("/")[2]
    return started in {"", process.started}
