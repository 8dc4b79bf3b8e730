"""Work that blocks, off the event loop: ended before its caller goes on, or asked to stop."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")


STOP_SECONDS = 5.0
"""How long a thread is waited for that was asked to stop."""
THREADS = 32
"""More that work at once would take turns for longer than the loop may wait for its own."""


class StopRequested(Exception):
    """Raised inside the thread to leave the work; nobody outside sees it."""


class StopFlag:
    """Tells a thread that nobody waits for its result any more."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Ask the work to end."""
        self._event.set()

    def check(self) -> None:
        """Raises StopRequested once the work was asked to end; call it between small pieces."""
        if self._event.is_set():
            raise StopRequested


async def finish(work: Awaitable[T]) -> T:
    """Await `work` to its end even when the caller is cancelled meanwhile; then the cancellation goes on."""
    task = asyncio.ensure_future(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        if not task.cancelled():
            task.exception()  # looked at, so that asyncio does not report it as lost
        raise asyncio.CancelledError
    return task.result()


async def run_stoppable(work: Callable[[StopFlag], T], patience: float = STOP_SECONDS) -> T:
    """Run `work` in a thread. When cancelled, asks it to stop and waits until it did, but no longer than
    `patience` seconds: what stands still on a disk that does not answer is left to itself, asked to stop.
    """
    stop = StopFlag()
    thread = asyncio.ensure_future(asyncio.to_thread(work, stop))
    try:
        # wait() does not cancel what it waits for: the thread could not be cancelled anyway
        await asyncio.wait([thread])
    except asyncio.CancelledError:
        stop.set()
        thread.add_done_callback(_look_at)
        await finish(asyncio.wait([thread], timeout=patience))
        raise
    return thread.result()


def _look_at(thread: asyncio.Future[Any]) -> None:
    """So that asyncio does not report what nobody waits for as lost."""
    if not thread.cancelled():
        thread.exception()


def with_threads() -> None:
    """Let more calls of the running loop stand still, as on a disk or a name server that does not answer,
    before all else waits: by itself a loop has as many threads as the machine has processors, and four."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - most commands start no thread

    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, "work"))
