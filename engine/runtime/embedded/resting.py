"""Whether a run rests: it has ended, or waits for what no worker brings."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from engine.contracts.status import RUN_TERMINAL, RUN_WAITING, RunStatus, WaitKind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from engine.journal.changes import ChangeSet
    from engine.journal.port import Journal
    from engine.journal.rows import RunRow

R = TypeVar("R", bound="RunRow")

_RESTING = RUN_TERMINAL | RUN_WAITING


async def until_rest(journal: Journal, run_id: str, read: Callable[[str], Awaitable[R]]) -> R:
    """The row of a run, as `read` brings it, once the run rests."""
    news, watched = asyncio.Event(), {run_id}

    def listen(change: ChangeSet) -> None:
        for one in watched:  # of each commit, so as little as can be
            if one in change.rested or change.statuses.get(one) in _RESTING:
                news.set()
        if change.foreign:
            news.set()

    undo = journal.on_change(listen)
    try:
        while not await rests(journal, row := await read(run_id), watched):
            await news.wait()
            news.clear()
        return row
    finally:
        undo()


async def rests(journal: Journal, row: RunRow, watched: set[str]) -> bool:
    """Whether the run is terminal, or only a person can move it (or the child it waits for) on.

    Children it waits for are added to `watched`: their news is news of it.
    """
    status = RunStatus(row["status"])
    if status in RUN_TERMINAL:  # a retry may lie in its mailbox, or only its documents are missing
        return not row["ready"] or not await journal.has_mail(row["run_id"])
    if row["ready"]:
        return status is RunStatus.PENDING_HUMAN and await _held_by_an_agent(journal, row)
    child = row["waiting_for_id"]
    if status is RunStatus.RUNNING and row["waiting_for"] == WaitKind.CHILD and child is not None:
        watched.add(child)
        below = await journal.run_row(child)
        ended = below is None or below["status"] in RUN_TERMINAL
        return not ended and below is not None and await rests(journal, below, watched)
    return status in RUN_WAITING


async def _held_by_an_agent(journal: Journal, row: RunRow) -> bool:
    """Whether a worker keeps the run only since it holds the program that waits for the person's answer."""
    path = row["current_step"]
    if path is None or row["lease_worker"] is None or await journal.has_mail(row["run_id"]):
        return False
    from engine.contracts.flows.outside_agent import PERMISSION_TYPE  # noqa: PLC0415 - most runs wait otherwise

    return any(step["type"] == PERMISSION_TYPE for step in await journal.step_heads_at(row["run_id"], [path]))
