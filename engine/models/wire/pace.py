"""How often a stream that drips is read: each read costs more than the few bytes that it brings."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

GATHER_SECONDS = 0.025
"""A stream that drips is read so often, all that has come at once."""
AT_ONCE = 8
"""Reads one after the other before that: first tokens and short answers wait for nothing."""
DRIP = 4_096
"""Bytes; who sends more at once is read as fast as it sends."""


class Pace:
    """Of one stream. What has been read from the line already is never waited for."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._loop = asyncio.get_running_loop()
        self._from_line = False
        self._reads = 0.0
        self._last = 0.0
        self._mark: asyncio.Handle | None = None

    def asks(self) -> None:
        """A piece is asked for: when the loop runs before it is there, it comes from the line."""
        self._from_line = False
        self._mark = self._loop.call_soon(self._has_waited)

    async def has_read(self, size: int) -> None:
        """A piece of so many bytes is there: after too many small ones in a row more are waited for."""
        if self._mark is not None:
            self._mark.cancel()
        if not self._from_line or size >= DRIP:
            return
        now = self._now()
        self._reads = max(0.0, self._reads - (now - self._last) / GATHER_SECONDS) + 1
        self._last = now
        if self._reads > AT_ONCE:
            await asyncio.sleep(GATHER_SECONDS)

    def _has_waited(self) -> None:
        self._from_line = True
