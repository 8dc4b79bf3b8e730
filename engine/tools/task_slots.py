"""How many calls of one task may be under way at once."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@dataclass(slots=True)
class _Queue:
    slots: asyncio.Semaphore
    users: int = 0


class TaskSlots:
    """Slots by task; a task that has no call holds nothing here."""

    def __init__(self) -> None:
        self._queues: dict[tuple[str, int], _Queue] = {}

    @asynccontextmanager
    async def taken(self, task: str, at_once: int) -> AsyncIterator[None]:
        """Wait for one of the task's `at_once` slots, and hold it."""
        key = (task, at_once)
        queue = self._queues.setdefault(key, _Queue(asyncio.Semaphore(at_once)))
        queue.users += 1
        try:
            async with queue.slots:
                yield
        finally:
            queue.users -= 1
            if not queue.users:
                del self._queues[key]
