"""All declared servers of one engine: a back end of the tool door, named `mcp`."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.contracts.runs.preview import Preview
from engine.contracts.status import StepErrorCode
from engine.json_schema.forms import load_checks, payload_errors
from engine.safe_text import sanitize
from engine.tools.failure import ToolFailure, permission_denied
from engine.tools.mcp.connection import Connection
from engine.tools.mcp.listing import BACK_END, closed_spec
from engine.tools.mcp.records import keep, record_of, views
from engine.tools.mcp.settings import server_of
from engine.tools.mcp.transport import Surroundings, secrets_of
from engine.tools.registry import RegisteredTool
from engine.tools.sandbox.confining import isolating
from engine.tools.sandbox_spec import SandboxSpec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping
    from pathlib import Path

    from engine.contracts.sandbox_level import SandboxLevel
    from engine.contracts.tool import ToolSpec
    from engine.tools.context import PackCode, ToolContext, ToolLimits
    from engine.tools.mcp.listing import ListedTool
    from engine.tools.mcp.records import ServerView
    from engine.tools.mcp.settings import McpServer
    from engine.tools.sandbox.bubblewrap import Bubblewrap

logger = logging.getLogger(__name__)

_UNUSABLE = "the schema "
"""What faults of a schema begin with, in place of faults of the parameters."""


class McpServers:
    """Starts servers when they are needed and calls their tools. Nothing is started before `open`.

    `records`: where other processes read what was listed.
    """

    name: str = BACK_END
    sandbox: SandboxLevel = "process"

    def __init__(
        self,
        servers: Mapping[str, McpServer],
        *,
        folder: Path,
        records: Path,
        limits: ToolLimits,
        secrets: Mapping[str, str],
        bubblewrap: Callable[[], Bubblewrap],
        backoff_seconds: tuple[float, float] = (1.0, 60.0),
        answer_seconds: float = 30.0,
        drain_seconds: float = 10.0,
    ) -> None:
        self._limits = limits
        self._bubblewrap = bubblewrap
        self._records = records
        self._drain_seconds = drain_seconds
        self._around = Surroundings(
            folder,
            self._limits_of,
            {},
            2 * limits.max_output_bytes + 65_536,
            backoff_seconds,
            answer_seconds,
        )
        self._connections: dict[str, Connection] = {}
        self._tasks: dict[Connection, asyncio.Task[None]] = {}
        self._levels: dict[str, SandboxLevel] = {}
        self._group: asyncio.TaskGroup | None = None
        self._hosted, self._closing = asyncio.Event(), asyncio.Event()
        self.apply(servers, secrets)

    def views(self) -> tuple[ServerView, ...]:
        """What each declared server listed last, here or in another process (blocking)."""
        return views(self._records, {name: one.settings for name, one in self._connections.items()})

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the declared servers."""
        return tuple(sorted(self._connections))

    @asynccontextmanager
    async def open(self) -> AsyncIterator[McpServers]:
        """Servers may be started; all of them are gone when the context is left."""
        hosting = asyncio.create_task(self._host())
        try:
            await self._hosted.wait()
            yield self
        finally:
            self._closing.set()
            await hosting

    def apply(self, servers: Mapping[str, McpServer], secrets: Mapping[str, str]) -> bool:
        """These are declared from now on, with these secrets; whether that is any change.

        Calls that are under way end first on a server that has changed, in its secrets too, or is gone.
        """
        before = dict(self._connections)
        old, self._around = self._around, replace(self._around, secrets=secrets)
        for name, one in before.items():
            given = [secrets_of(one.settings, known) for known in (old.secrets, secrets)]
            if servers.get(name) != one.settings or given[0] != given[1]:
                self._retire(self._connections.pop(name))
        for name, settings in servers.items():
            if name not in self._connections:
                self._connections[name] = Connection(name, settings, self._around, self._told)
        return before != self._connections

    async def find(self, tool: str, _code: PackCode | None = None) -> RegisteredTool | None:
        """Its tool of that name; the server is started for it. Raises ToolFailure."""
        connection = self._connections.get(server_of(tool))
        if connection is None:
            return None
        await self._ready(connection)
        return self.known(tool)

    def known(self, tool: str) -> RegisteredTool | None:
        """What is known of a tool now. Before its server has listed anything it may do whatever its may."""
        connection = self._connections.get(server_of(tool))
        if connection is None:
            return None
        listed = connection.listing.tools.get(tool)
        if listed is not None:
            return self._registered(connection, listed)
        return None

    def spec(self, tool: str) -> ToolSpec | None:
        """The spec of a tool of a declared server, the closed one where nothing is known of it."""
        found = self.known(tool)
        if found is not None:
            return found.spec
        connection = self._connections.get(server_of(tool))
        return closed_spec(tool, connection.settings) if connection is not None else None

    def digest(self, tool: str) -> str | None:
        """Of what its server said of a tool."""
        connection = self._connections.get(server_of(tool))
        listed = connection.listing.tools.get(tool) if connection is not None else None
        return listed.digest if listed is not None else None

    async def get_ready(self, tools: Iterable[str]) -> None:
        """Start the servers of these tools; one that cannot be started says so when it is called."""
        wanted = {server_of(tool) for tool in tools}.intersection(self._connections)
        async with asyncio.TaskGroup() as starting:  # side by side: each takes its time
            for name in sorted(wanted):
                starting.create_task(self._tried(self._connections[name]))

    async def ask_all(self) -> None:
        """Start every declared server and have it list its tools."""
        await self.get_ready(f"{name}." for name in self.names)

    async def _tried(self, connection: Connection) -> None:
        with suppress(ToolFailure):
            await self._ready(connection)

    async def _ready(self, connection: Connection) -> None:
        if self._group is None or self._closing.is_set():
            raise permission_denied(f"no MCP server can be started here, now: {connection.name}")
        if connection not in self._tasks:
            self._tasks[connection] = self._group.create_task(connection.serve())
        await load_checks()
        await connection.ready()

    async def _host(self) -> None:
        async with asyncio.TaskGroup() as group:
            self._group = group
            self._hosted.set()
            await self._closing.wait()
            for task in self._tasks.values():
                task.cancel()

    def _retire(self, connection: Connection) -> None:
        task = self._tasks.pop(connection, None)
        if task is not None and self._group is not None:
            logger.info(
                "the MCP server %s gets no new calls: it is declared otherwise, or no more; %d end first",
                connection.name,
                connection.calls,
            )
            self._group.create_task(self._drain(connection, task))

    async def _drain(self, connection: Connection, task: asyncio.Task[None]) -> None:
        closing = asyncio.create_task(self._closing.wait())
        drained = asyncio.create_task(connection.drained(self._drain_seconds))
        try:
            await asyncio.wait((closing, drained), return_when=asyncio.FIRST_COMPLETED)
        finally:
            closing.cancel()
            drained.cancel()
            task.cancel()
        await asyncio.wait((task,))
        logger.info("the MCP server %s has ended, as it was declared before", connection.name)

    async def _told(self, connection: Connection) -> None:
        if self._connections.get(connection.name) is not connection:
            return
        try:
            await asyncio.to_thread(keep, self._records, record_of(connection))
        except OSError as error:
            logger.warning("what %s listed could not be kept: %s", connection.name, error.strerror)

    async def _limits_of(self, name: str, settings: McpServer) -> ToolLimits:
        """Limits of a server's process, with the sandbox that isolates it. Raises ToolFailure."""
        what = f"the MCP server {name}"
        program = await isolating(self._limits, settings.sandbox, what, self._bubblewrap)
        self._levels[name] = "process" if program is None else "isolated"
        if program is None:
            return self._limits
        own = self._around.folder / name
        sandbox = SandboxSpec(
            program,
            reads=(*self._limits.sandbox_reads, *settings.reads),
            writes=(*settings.writes, own),
            folder="write",
            hidden=self._limits.hidden_roots,
            denied=self._limits.denied_roots,
            network=settings.network,
        )
        return replace(self._limits, isolated_in=sandbox)

    def _registered(self, connection: Connection, listed: ListedTool) -> RegisteredTool:
        level = (
            "policy" if connection.settings.url is not None else self._levels.get(connection.name, "process")
        )
        return RegisteredTool(
            listed.spec,
            partial(self._call, connection, listed),
            partial(self._preview, connection, listed.spec.name),
            level=level,
            own_check=partial(_faults, listed.spec.parameters),
        )

    async def _call(
        self, connection: Connection, listed: ListedTool, params: dict[str, Any], context: ToolContext
    ) -> Any:
        name = listed.spec.name
        planned = context.previewed.base if context.previewed is not None else context.listed
        if planned is not None and planned != listed.digest:
            raise ToolFailure(
                StepErrorCode.CONTRACT_VIOLATION,
                f"{name} is not what it was when this was planned: its server lists it in another way now",
                recoverable=False,
                details={"server": connection.name, "reason": "tool_changed"},
            )
        return await connection.call(listed, params, context.output)

    async def _preview(
        self, connection: Connection, name: str, _params: dict[str, Any], _context: ToolContext
    ) -> Preview:
        """Which tool of which server would be called, as it lists it at this moment."""
        await connection.relist()
        listed = connection.listing.tools.get(name)
        if listed is None:
            raise ToolFailure(
                StepErrorCode.NOT_FOUND, f"the MCP server {connection.name} offers no {name} any more"
            )
        spec, trusted = listed.spec, "trusted" if connection.settings.trusted else "not trusted"
        lines = [
            f"server: {connection.name} ({trusted}), {connection.program}",
            f"tool: {sanitize(listed.remote_name)}",
            f"effects: {spec.effects.value}, risk: {spec.risk.value}",
            f"what it says of itself, which nobody has checked: {sanitize(spec.description, limit=400)}",
            f"listed as: {listed.digest}",
        ]
        summary = f"calls {sanitize(listed.remote_name)} of the MCP server {connection.name}"
        return Preview(kind="call", summary=summary, text="\n".join(lines), base=listed.digest)


def _faults(schema: Mapping[str, Any], params: Any) -> list[tuple[str, str]]:
    """What does not fit, by place. A schema that we cannot use is left to its server to check."""
    if not isinstance(params, dict):
        return [("", "the parameters are not an object")]
    return [
        ("".join(f"/{part}" for part in fault.field.split(".") if part), fault.message)
        for fault in payload_errors(schema, params)
        if not fault.message.startswith(_UNUSABLE)
    ]
