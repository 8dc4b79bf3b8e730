"""Messages of a server, bounded: how many come, and how long are those of one that writes one a line."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_AT_ONCE = 5_000
MESSAGES_PER_SECOND = 500
"""What a server may send: so many at once, so many a second in the long run; one that sends more is ended."""
TOO_MANY = f"it sends more than {MESSAGES_PER_SECOND} messages a second"
_ENDS = 256
_ID_FIRST = re.compile(rb'^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*(\d{1,15})\s*,')
_ID_LAST = re.compile(rb'"id"\s*:\s*(\d{1,15})\s*\}\s*$')


class Rate:
    """How many messages of a server came, and when."""

    def __init__(self) -> None:
        self._credit, self._counted = float(MAX_AT_ONCE), time.monotonic()

    def is_kept(self) -> bool:
        """Whether one more may come now."""
        now = time.monotonic()
        self._credit += (now - self._counted) * MESSAGES_PER_SECOND
        self._credit, self._counted = min(self._credit, MAX_AT_ONCE) - 1, now
        return self._credit >= 0


class BoundedLines:
    """Cuts bytes into lines. Of one that has more than `limit` bytes only the ends are kept.

    `line` is told each whole one; `overlong` the number of the request that a longer one answers, where its
    ends say so.
    """

    def __init__(
        self, limit: int, line: Callable[[bytes], None], overlong: Callable[[int | None], None]
    ) -> None:
        self._limit = limit
        self._line = line
        self._overlong = overlong
        self._held = bytearray()
        self._head: bytes | None = None

    def feed(self, data: bytes) -> None:
        """Bytes that came."""
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            self._hold(data[start:end])
            self._end_line()
            start = end + 1
        self._hold(data[start:])

    def _hold(self, piece: bytes) -> None:
        self._held += piece
        if len(self._held) > self._limit and self._head is None:
            self._head = bytes(self._held[:_ENDS])
        if self._head is not None:
            del self._held[:-_ENDS]

    def _end_line(self) -> None:
        whole, head = bytes(self._held), self._head
        self._held.clear()
        self._head = None
        if head is not None:
            found = _ID_FIRST.search(head) or _ID_LAST.search(whole)
            self._overlong(int(found[1]) if found else None)
        elif whole.strip():
            self._line(whole)
