"""MCP servers as settings declare them, also when they are added, changed or gone while runs are worked."""

from __future__ import annotations

import asyncio
import importlib
import logging
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from engine.config import EngineConfig
    from engine.tools.mcp.servers import McpServers

logger = logging.getLogger(__name__)


@asynccontextmanager
async def following(
    config: EngineConfig,
    servers: McpServers | None,
    serve: Callable[[McpServers], None],
    changed: Callable[[], Awaitable[object]],
) -> AsyncIterator[None]:
    """Every few seconds `config.mcp_now` (in a thread) says which servers and secrets there are.

    `serve` is told of servers where there were none before; `changed` is awaited when they are others.
    """
    task = asyncio.create_task(_follow(config, servers, serve, changed))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _follow(
    config: EngineConfig,
    servers: McpServers | None,
    serve: Callable[[McpServers], None],
    changed: Callable[[], Awaitable[object]],
) -> None:
    async with AsyncExitStack() as opened:
        while config.rules.mcp_now is not None:
            await asyncio.sleep(config.mcp_look_seconds)
            try:
                found = await asyncio.to_thread(config.rules.mcp_now)
                if found is None or (servers is None and not found[0]):
                    continue
                if servers is None:
                    servers = await opened.enter_async_context(await _first(config))
                    serve(servers)
                if servers.apply(*found):
                    logger.info("MCP servers declared from now on: %s", ", ".join(servers.names) or "none")
                    await changed()
            except Exception:  # a disk that is full, a file that is odd: the next change counts again
                logger.exception("MCP servers could not be looked at, or not made known")


async def _first(config: EngineConfig) -> AbstractAsyncContextManager[McpServers]:
    """Servers where none was declared before: few have any, so they are loaded when they are there."""
    await asyncio.to_thread(importlib.import_module, "engine.tools.mcp.servers")
    return declared_servers(config).open()


def declared_servers(config: EngineConfig) -> McpServers:
    """The servers that the settings declare; none of them is started yet."""
    from engine.tools.mcp.servers import McpServers  # noqa: PLC0415 - see above
    from engine.tools.sandbox.bubblewrap import bubblewrap  # noqa: PLC0415 - likewise

    return McpServers(
        config.rules.mcp,
        folder=config.cache_dir / "mcp",
        records=config.servers_dir,
        limits=config.rules.limits,
        secrets=config.secrets,
        bubblewrap=config.bubblewrap or bubblewrap,
        drain_seconds=config.drain_seconds,
    )
