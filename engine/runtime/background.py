"""Tasks that go on beside whoever began them, and are gone when these are."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine


@asynccontextmanager
async def in_background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """The work goes on while the context is open."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        await cancelled(task)


async def cancelled(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait until it is gone, undisturbed, also when the caller is cancelled meanwhile: then
    that goes on. Raises what the task failed with before."""
    task.cancel()
    disturbed = False
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError:
            disturbed = True
    failed = None if task.cancelled() else task.exception()
    if disturbed:
        raise asyncio.CancelledError
    if failed is not None:
        raise failed
