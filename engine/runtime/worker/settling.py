"""Taking an operator's verb in at once when no worker holds the run."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from engine.errors import PackInvalid
from engine.journal.errors import LeaseLost
from engine.runtime.clock import new_id
from engine.runtime.worker.documents import DocumentWriter
from engine.runtime.worker.session import Session, SessionHost

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from engine.runtime.toolbox import Toolbox


async def settle(box: Toolbox, run_id: str) -> None:
    """Let the run take in its mail without starting anything.

    A run held by a live worker is left to it: the verb is already in the run's mailbox.
    """
    now = box.clock.now()
    settler = new_id("wrk")
    expires = now + round(box.config.lease_seconds * 1_000_000)
    await box.journal.heartbeat(settler, socket.gethostname(), os.getpid(), now, expires)
    try:
        claims = await box.journal.claim(settler, now, 1, run_id)
        async with asyncio.TaskGroup() as group:

            def spawn(work: Callable[..., Coroutine[Any, Any, None]], *arguments: Any) -> asyncio.Task[None]:
                return group.create_task(work(*arguments))

            host = SessionHost(
                settler, spawn, lambda _due: None, lambda _run_id: None, DocumentWriter(spawn, lambda: False)
            )
            for claim in claims:
                row = claim.run.row
                with suppress(LeaseLost, PackInvalid):  # a worker took it, or will say what is wrong with it
                    flow = await box.packs.flow(row["pack"], row["pack_digest"], row["flow"])
                    await Session(box, host, flow, claim.run, claim.epoch, lost=claim.lost).settle()
    finally:
        await box.journal.retire(settler)
