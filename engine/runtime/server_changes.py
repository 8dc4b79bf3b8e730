"""The MCP servers that settings declare, also when settings change while runs are worked."""

from __future__ import annotations

import asyncio
import importlib
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager, AsyncExitStack

    from engine.config import ChangedSettings, EngineConfig
    from engine.tools.mcp.servers import McpServers

logger = logging.getLogger(__name__)


async def follow_settings(
    config: EngineConfig,
    servers: McpServers | None,
    opened: AsyncExitStack,
    *,
    serve: Callable[[McpServers], None],
    servers_changed: Callable[[], Awaitable[object]],
    settings_changed: Callable[[ChangedSettings], None],
) -> None:
    """Ask `config.rules.settings_now` (in a thread) every few seconds, until cancelled.

    `settings_changed` is told of every change. `serve` gets the servers where there were none before, which
    end with what is `opened`: calls may end after this does. `servers_changed` is awaited when others are
    declared.
    """
    while config.rules.settings_now is not None:
        await asyncio.sleep(config.settings_look_seconds)
        try:
            found = await asyncio.to_thread(config.rules.settings_now)
            if found is not None:
                settings_changed(found)
            if found is None or (servers is None and not found.servers):
                continue
            if servers is None:
                servers = await opened.enter_async_context(await _first(config))
                serve(servers)
            if servers.apply(found.servers, found.secrets):
                logger.info("MCP servers declared from now on: %s", ", ".join(servers.names) or "none")
                await servers_changed()
        except Exception:  # a disk that is full, a file that is odd: the next change counts again
            logger.exception("changed settings could not be looked at, or not made known")


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
