"""How a server is reached: over the pipes of a process that is started for it, or over HTTP."""

from __future__ import annotations

import asyncio
import importlib
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.contracts.status import StepErrorCode
from engine.tools.failure import ToolFailure
from engine.tools.mcp.http import connected
from engine.tools.mcp.process import running
from engine.tools.mcp.settings import SecretReference

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path

    from engine.tools.context import ToolLimits
    from engine.tools.mcp.process import ServerProcess
    from engine.tools.mcp.settings import McpServer

_LAST_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What servers of this engine are given. `limits` makes those of one server, with what isolates it."""

    folder: Path
    limits: Callable[[str, McpServer], Awaitable[ToolLimits]]
    secrets: Mapping[str, str]
    message_bytes: int
    backoff_seconds: tuple[float, float] = (1.0, 60.0)
    """Before the third start in a row, and at the most; the second is made at once."""
    answer_seconds: float = 30.0
    """How long one may take to answer anything, after a call of it was given up."""


def secrets_of(settings: McpServer, secrets: Mapping[str, str]) -> dict[str, str]:
    """The secrets that a server is given, by name: nothing that it says repeats them."""
    given = (*settings.env.values(), *settings.headers.values())
    names = {value.secret for value in given if isinstance(value, SecretReference)}
    return {name: secrets[name] for name in names if secrets.get(name)}


def load_sdk() -> None:
    """Import the SDK beside the loop: it is slow. Raises ToolFailure without the extra."""
    try:
        for name in ("mcp.client.session", "mcp.client.streamable_http"):
            importlib.import_module(name)
    except ImportError as error:
        message = "tools of MCP servers need the extra `mcp`: pip install 'vasini-tui[mcp]'"
        raise ToolFailure(StepErrorCode.BACKEND_ERROR, message, recoverable=False) from error


@asynccontextmanager
async def opened_transport(
    name: str, settings: McpServer, around: Surroundings, broken: Callable[[str], None]
) -> AsyncIterator[tuple[ServerProcess | None, Any, Any]]:
    """The server's process, if it is one of ours, and the streams to and from it; `broken` is told why
    these end where the server has broken the rules. Raises ToolFailure when it cannot be started."""
    if settings.url is not None:
        async with connected(settings, around.secrets, around.message_bytes, broken) as (incoming, outgoing):
            yield None, incoming, outgoing
        return
    limits = await around.limits(name, settings)
    folder = around.folder / name
    async with running(settings, folder, limits, around.secrets, around.message_bytes, broken) as (
        process,
        incoming,
        outgoing,
    ):
        yield process, incoming, outgoing


async def last_words(process: ServerProcess | None) -> None:
    """Its pipe may be closed before its process is gone, which has more to say."""
    if process is not None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_SECONDS):
                await process.over.wait()
