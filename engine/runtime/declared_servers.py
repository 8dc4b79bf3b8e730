"""MCP servers as an engine's settings declare them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.tools.mcp.servers import McpServers
from engine.tools.sandbox.bubblewrap import bubblewrap

if TYPE_CHECKING:
    from engine.config import EngineConfig


def declared_servers(config: EngineConfig) -> McpServers:
    """The servers; none of them is started yet."""
    return McpServers(
        config.rules.mcp,
        folder=config.cache_dir / "mcp",
        records=config.servers_dir,
        limits=config.rules.limits,
        secrets=config.secrets,
        bubblewrap=config.bubblewrap or bubblewrap,
        drain_seconds=config.drain_seconds,
    )
