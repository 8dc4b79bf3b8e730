"""Servers that are declared, changed or gone in the settings, while runs are worked."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from engine.tools.mcp.servers import McpServers
    from engine.tools.mcp.settings import McpServer

    Declared = Callable[[], Mapping[str, McpServer] | None]

logger = logging.getLogger(__name__)


@asynccontextmanager
async def following(
    servers: McpServers, declared: Declared, changed: Callable[[], Awaitable[object]], seconds: float
) -> AsyncIterator[None]:
    """Every few seconds `declared` (in a thread) says which servers there are; None is no news.

    `changed` is awaited after the servers have become others.
    """
    task = asyncio.create_task(_follow(servers, declared, changed, seconds))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _follow(
    servers: McpServers, declared: Declared, changed: Callable[[], Awaitable[object]], seconds: float
) -> None:
    while True:
        await asyncio.sleep(seconds)
        found = await asyncio.to_thread(declared)
        if found is not None and servers.apply(found):
            logger.info("MCP servers declared from now on: %s", ", ".join(servers.names) or "none")
            await changed()
