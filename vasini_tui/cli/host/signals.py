"""Stopping in good order: the first SIGINT or SIGTERM is a request, the second one acts as before it.

That is: a second SIGINT cancels the command at its next await, as `asyncio.run` has it (KeyboardInterrupt
between any two lines of the event loop could lose what was to be called), a second SIGTERM ends the process.

A terminal that is closed (SIGHUP) is a request, too, and no more than one however often it is said: shell and
kernel both say it. Where it is ignored (`nohup`) it stays so.
"""

from __future__ import annotations

import asyncio
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from vasini_tui.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator, Mapping

T = TypeVar("T")

_NUMBERS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_requests() -> Iterator[asyncio.Future[signal.Signals]]:
    """A future that holds the first signal; from then on signals act as they did before."""
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in _NUMBERS}
    stopped: asyncio.Future[signal.Signals] = loop.create_future()

    def ask(number: signal.Signals) -> None:
        if not stopped.done():
            stopped.set_result(number)

    def stop(number: signal.Signals) -> None:
        _give_back(loop, before)
        ask(number)

    for number in _NUMBERS:
        loop.add_signal_handler(number, stop, number)
    hangs_up = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
    if hangs_up:
        loop.add_signal_handler(signal.SIGHUP, ask, signal.SIGHUP)
    try:
        yield stopped
    finally:
        _give_back(loop, before)
        if hangs_up:
            loop.remove_signal_handler(signal.SIGHUP)
        stopped.cancel()


def stopped_by(number: signal.Signals) -> ExitCode:
    """The status of a command that a signal stopped, as a shell has it."""
    return ExitCode(128 + number)


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


def _give_back(loop: asyncio.AbstractEventLoop, before: Mapping[signal.Signals, Any]) -> None:
    for number, handler in before.items():
        if loop.remove_signal_handler(number):
            signal.signal(number, handler)
