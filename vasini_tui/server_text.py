"""The state of an MCP server in words, for every command that tells it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.tools.mcp.records import ServerView


def server_line(server: ServerView) -> str:
    """One line: what it is, what it listed and when, or why it could not be used."""
    trusted = ", trusted" if server.trusted else ""
    if server.state == "unasked" or server.at is None:
        return f"MCP server {server.server}{trusted}: never asked with these settings (`vasini tools --ask`)"
    when = datetime.fromtimestamp(server.at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    if server.state == "failed":
        return f"MCP server {server.server}{trusted}: failed on {when}: {server.error}"
    program = f" ({server.program})" if server.program else ""
    left_out = f"; left out: {'; '.join(server.left_out)}" if server.left_out else ""
    return (
        f"MCP server {server.server}{program}{trusted}: {len(server.tools)} tools, listed on {when}{left_out}"
    )
