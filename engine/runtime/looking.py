"""Looking at something again and again beside everything else."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from engine.errors import VasiniError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

_LOG = logging.getLogger(__name__)


@asynccontextmanager
async def looking(look: Callable[[], Awaitable[None]], what: str, seconds: float) -> AsyncIterator[None]:
    """Look every so many seconds while the context is open. What one look cannot do the next one does."""

    async def look_on() -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await look()
            except VasiniError as error:
                _LOG.warning("%s cannot be looked at: %s", what, error.message)

    task = asyncio.create_task(look_on())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
