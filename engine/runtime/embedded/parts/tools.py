"""What runs can call: the tools of this process, those of declared MCP servers, and what calls them."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from engine.config import ChangedSettings, EngineConfig
    from engine.tools.executor import ToolExecutor
    from engine.tools.mcp.records import ServerView
    from engine.tools.mcp.servers import McpServers
    from engine.tools.registry import ToolRegistry


class Tools:
    """The tools of an engine; reading runs loads none of them."""

    def __init__(self, config: EngineConfig, given: ToolRegistry | None) -> None:
        self._config = config
        self._given = given
        self._opened = AsyncExitStack()

    @cached_property
    def _registry(self) -> ToolRegistry:
        from engine.tools.builtin.all import builtin_registry  # noqa: PLC0415 - reading calls no tool

        own, declared = self._given or builtin_registry(), self._config.rules.remote
        if not declared:
            return own
        from engine.tools.registry import ToolRegistry  # noqa: PLC0415 - few declare any
        from engine.tools.remote.calling import remote_tools  # noqa: PLC0415 - likewise

        secret = lambda name: self.executor.secret(name)  # noqa: E731, PLW0108 - it is made of this registry
        return ToolRegistry((*own, *remote_tools(declared, secret)))

    @cached_property
    def executor(self) -> ToolExecutor:
        """What calls them."""
        from engine.tools.executor import ToolExecutor  # noqa: PLC0415 - see _registry
        from engine.tools.sandbox.bubblewrap import bubblewrap  # noqa: PLC0415 - likewise

        config = self._config
        isolates = config.bubblewrap or bubblewrap
        return ToolExecutor(self._registry, config.rules.limits, config.secrets, isolates, self._servers)

    def names(self) -> Mapping[str, Mapping[str, Any]]:
        """Parameter schemas by name; of a server whose tools are not known yet any name may be meant."""
        from engine.packs.checks.schemas.tool_names import any_tool_of, over_http  # noqa: PLC0415 - reading checks no packs

        known = {spec.name: spec.parameters for spec in self._registry.specs()}
        servers = self._servers.names if self._servers is not None else ()
        marks = (*map(over_http, self._config.rules.remote), *map(any_tool_of, servers))
        return known | {mark: {} for mark in marks}

    def faults_of(self, tool: str, params: Any) -> Sequence[tuple[str, str]]:
        """What is wrong with parameters of a tool: (where, what)."""
        return self.executor.faults(tool, params)

    @cached_property
    def _servers(self) -> McpServers | None:
        """The declared MCP servers; None without any."""
        if not self._config.rules.mcp:
            return None
        from engine.runtime.server_changes import declared_servers  # noqa: PLC0415 - few have any

        return declared_servers(self._config)

    def listed_servers(self) -> tuple[ServerView, ...]:
        """What the declared MCP servers listed last (blocking)."""
        return () if self._servers is None else self._servers.views()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """MCP servers can be called while the context is open, also those that are declared meanwhile."""
        async with self._opened:
            if self._servers is not None:
                await self._opened.enter_async_context(self._servers.open())
            yield

    def following_settings(
        self,
        servers_changed: Callable[[], Awaitable[object]],
        settings_changed: Callable[[ChangedSettings], None],
    ) -> AbstractAsyncContextManager[None]:
        """While the context is open, MCP servers are those that the settings declare now.

        `servers_changed` is awaited when they are others, `settings_changed` told of all changes.
        """
        from engine.runtime.background import in_background  # noqa: PLC0415 - reading calls no tool
        from engine.runtime.server_changes import follow_settings  # noqa: PLC0415 - likewise

        return in_background(
            follow_settings(
                self._config,
                self._servers,
                self._opened,
                serve=self._serve,
                servers_changed=servers_changed,
                settings_changed=settings_changed,
            )
        )

    def _serve(self, servers: McpServers) -> None:
        self._servers = servers
        self.executor.serve(servers)
