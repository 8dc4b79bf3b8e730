"""Stopping in good order: the first SIGINT or SIGTERM is a request, the second one ends the process."""

from __future__ import annotations

import asyncio
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

T = TypeVar("T")

_NUMBERS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_requests() -> Iterator[asyncio.Future[signal.Signals]]:
    """A future that holds the first signal; from then on signals act as they do by default."""
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[signal.Signals] = loop.create_future()

    def stop(number: signal.Signals) -> None:
        _default(loop)
        if not stopped.done():
            stopped.set_result(number)

    for number in _NUMBERS:
        loop.add_signal_handler(number, stop, number)
    try:
        yield stopped
    finally:
        _default(loop)
        stopped.cancel()


async def result_or_signal(
    work: Coroutine[Any, Any, T], stopped: asyncio.Future[signal.Signals]
) -> T | signal.Signals:
    """Whatever comes first: the result of `work`, or the signal (then `work` is cancelled)."""
    task = asyncio.create_task(work)
    either: set[asyncio.Future[Any]] = {task, stopped}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else stopped.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})


def _default(loop: asyncio.AbstractEventLoop) -> None:
    for number in _NUMBERS:
        loop.remove_signal_handler(number)
