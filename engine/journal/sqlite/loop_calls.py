"""Calls that the writing thread hands to the event loop.

asyncio's own way takes two reads, one of them in vain, and two callbacks for each; at one run at a time
that is a fortieth of all there is to do.
"""

from __future__ import annotations

import os
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

_BYTES = 4096


class LoopCalls:
    """A pipe that wakes the loop, and what is to be called then, in order."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._calls: deque[tuple[Callable[..., Any], tuple[Any, ...]]] = deque()
        self._read_end, self._write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        os.set_blocking(self._write_end, False)
        loop.add_reader(self._read_end, self._woken)

    def post(self, callback: Callable[..., Any], *arguments: Any) -> None:
        """Have it called in the loop, from any thread."""
        self._calls.append((callback, arguments))
        with suppress(BlockingIOError):  # full: the loop will be woken anyway
            os.write(self._write_end, b"\0")

    def _woken(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._read_end, _BYTES)
        self._call()

    def _call(self) -> None:
        try:
            while self._calls:
                callback, arguments = self._calls.popleft()
                callback(*arguments)
        finally:  # a call that raises is told of by the loop; the others have their turn
            if self._calls:
                self._loop.call_soon(self._call)

    def close(self) -> None:
        """Make what is still to be called; the thread has ended."""
        self._loop.remove_reader(self._read_end)
        os.close(self._read_end)
        os.close(self._write_end)
        self._call()
