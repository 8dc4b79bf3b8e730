"""How many calls of a run and its subflows are under way at once, whichever workers make them.

A slot is a lock on one byte of a file that all workers of an installation have open: a worker that is
gone holds none, and nothing has to be cleared away.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import struct
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.runtime.files.folder_access import storage_errors
from engine.safe_files.sharing import make_directory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

LOOK_SECONDS = 0.05
"""How often a call that waits looks whether another process gave a slot back."""
_TREE_BYTES = 6
_SLOT_BITS = 15
_FLOCK = "hhqqixxxx"
"""`struct flock`: kind, whence, start, length, process."""


@dataclass(slots=True)
class _Queue:
    """Calls that wait for a slot of one tree, in the order they came."""

    first: asyncio.Lock = field(default_factory=asyncio.Lock)
    freed: asyncio.Event = field(default_factory=asyncio.Event)
    users: int = 0


class TreeSlots:
    """The slots of all trees, named by their outermost run."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._descriptor: int | None = None
        self._held: set[int] = set()
        self._queues: dict[tuple[str, int], _Queue] = {}

    def open(self) -> None:
        """Open the file (blocking). Raises Unavailable."""
        with storage_errors(self._file):
            make_directory(self._file.parent)
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            self._descriptor = os.open(self._file, flags, 0o660)

    def close(self) -> None:
        """Give everything back (blocking)."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @asynccontextmanager
    async def taken(self, tree: str, at_once: int) -> AsyncIterator[None]:
        """Wait for one of the tree's `at_once` slots, and hold it."""
        queue = self._queues.setdefault((tree, at_once), _Queue())
        queue.users += 1
        try:
            async with queue.first:
                slot = await self._slot(queue, tree, at_once)
            try:
                yield
            finally:
                self._give_back(slot)
        finally:
            queue.users -= 1
            if not queue.users:
                del self._queues[tree, at_once]

    async def _slot(self, queue: _Queue, tree: str, at_once: int) -> int:
        base = int.from_bytes(hashlib.sha256(tree.encode()).digest()[:_TREE_BYTES]) << _SLOT_BITS
        while True:
            for slot in range(base, base + min(at_once, 1 << _SLOT_BITS)):
                if slot not in self._held and self._lock(slot, fcntl.F_WRLCK):
                    self._held.add(slot)
                    return slot
            queue.freed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await queue.freed.wait()

    def _give_back(self, slot: int) -> None:
        self._held.discard(slot)
        self._lock(slot, fcntl.F_UNLCK)
        for queue in self._queues.values():
            queue.freed.set()

    def _lock(self, slot: int, kind: int) -> bool:
        """Whether the byte is now locked, or let go; never waits. Locks are those of the open file."""
        if self._descriptor is None:
            return True
        try:
            fcntl.fcntl(
                self._descriptor, fcntl.F_OFD_SETLK, struct.pack(_FLOCK, kind, os.SEEK_SET, slot, 1, 0)
            )
        except BlockingIOError:
            return False
        return True
