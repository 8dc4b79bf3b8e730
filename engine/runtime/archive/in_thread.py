"""Context managers whose enter and exit block, for use in a coroutine."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from engine.threads import finish

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractContextManager

T = TypeVar("T")


@asynccontextmanager
async def in_thread(manager: AbstractContextManager[T]) -> AsyncIterator[T]:
    """Enter and exit `manager` in a thread."""
    async with AsyncExitStack() as stack:
        entered = await asyncio.to_thread(manager.__enter__)

        async def leave(*raised: Any) -> bool | None:
            return await finish(asyncio.to_thread(manager.__exit__, *raised))

        stack.push_async_exit(leave)
        yield entered
