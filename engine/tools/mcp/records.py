"""What servers last listed, for processes that start none: one small file for each, beside the journal."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

from pydantic import Field, ValidationError

from engine.contracts.model import Contract
from engine.contracts.tool import ToolSpec
from engine.safe_files.sharing import make_directory
from engine.safe_files.writing import write_atomically
from engine.values import digest_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from engine.tools.mcp.connection import Connection
    from engine.tools.mcp.settings import McpServer

_MAX_BYTES = 64 * 1024 * 1024


class ServerRecord(Contract):
    """A server as a process last saw it; `at` in seconds since 1970."""

    server: str
    settings: str = Field(description="Digest of the settings that it was started with.")
    state: Literal["ready", "failed"]
    error: str = ""
    program: str = Field(default="", description="What it calls itself.")
    at: float
    tools: tuple[ToolSpec, ...] = ()
    left_out: tuple[str, ...] = ()


class ServerView(Contract):
    """A declared server for people: `unasked` when nothing is known of it as it is declared now."""

    server: str
    state: Literal["unasked", "ready", "failed"]
    error: str = ""
    program: str = ""
    at: float | None = None
    trusted: bool
    tools: tuple[ToolSpec, ...] = ()
    left_out: tuple[str, ...] = ()


def record_of(connection: Connection) -> ServerRecord:
    """What is known of a server now."""
    return ServerRecord(
        server=connection.name,
        settings=_digest(connection.settings),
        state="failed" if connection.error else "ready",
        error=connection.error,
        program=connection.program,
        at=time.time(),
        tools=tuple(tool.spec for tool in connection.listing.tools.values()),
        left_out=connection.listing.left_out,
    )


def keep(folder: Path, record: ServerRecord) -> None:
    """Write it (blocking). Raises OSError."""
    make_directory(folder)
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        write_atomically(directory, f"{record.server}.json", [record.model_dump_json().encode()], fsync=False)
    finally:
        os.close(directory)


def views(folder: Path, servers: Mapping[str, McpServer]) -> tuple[ServerView, ...]:
    """Every declared server as it was last seen, by name (blocking)."""
    return tuple(_view(folder, name, servers[name]) for name in sorted(servers))


def _view(folder: Path, name: str, settings: McpServer) -> ServerView:
    record: ServerRecord | None = None
    with suppress(OSError, ValidationError):
        path = folder / f"{name}.json"
        if path.stat().st_size <= _MAX_BYTES:
            record = ServerRecord.model_validate_json(path.read_bytes())
    if record is None or record.server != name or record.settings != _digest(settings):
        return ServerView(server=name, state="unasked", trusted=settings.trusted)
    known = record.model_dump(exclude={"settings", "tools"})
    return ServerView.model_validate({**known, "tools": record.tools, "trusted": settings.trusted})


def _digest(settings: McpServer) -> str:
    return digest_of(settings.model_dump(mode="json"))
