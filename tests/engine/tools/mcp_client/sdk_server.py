"""A server made with the SDK: `python sdk_server.py` over its pipes, with `http FILE` on a free port."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mcp_types as wire
import uvicorn
from mcp.server import Server
from mcp.server.stdio import stdio_server

if TYPE_CHECKING:
    from mcp.server.context import ServerRequestContext

NUMBERS = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
    "required": ["a", "b"],
}
ANYTHING: dict[str, Any] = {"type": "object"}


async def list_tools(_context: Any, _params: wire.PaginatedRequestParams | None) -> wire.ListToolsResult:
    names = ("slow", "huge", "header")
    return wire.ListToolsResult(
        tools=[
            wire.Tool(name="get-sum", input_schema=NUMBERS),
            *(wire.Tool(name=name, input_schema=ANYTHING) for name in names),
        ]
    )


async def call_tool(
    context: ServerRequestContext[Any], params: wire.CallToolRequestParams
) -> wire.CallToolResult:
    given = params.arguments or {}
    match params.name:
        case "get-sum":
            words = str(given["a"] + given["b"])
        case "huge":
            words = "x" * given["bytes"]
        case "header":
            words = str(context.request.headers.get("x-key")) if context.request is not None else ""
        case _:
            await context.session.report_progress(1, 2, "half")
            await asyncio.sleep(given.get("seconds", 3600))
            words = "slept"
    return wire.CallToolResult(content=[wire.TextContent(text=words)])


def server() -> Server[Any]:
    return Server("sdk", version="1.0", on_list_tools=list_tools, on_call_tool=call_tool)


async def over_pipes() -> None:
    made = server()
    async with stdio_server() as (incoming, outgoing):
        await made.run(incoming, outgoing, made.create_initialization_options())


async def over_http(port_file: Path) -> None:
    """Serve until killed; the port stands in the file."""
    settings = uvicorn.Config(server().streamable_http_app(), host="127.0.0.1", port=0, log_level="error")
    made = uvicorn.Server(settings)
    serving = asyncio.create_task(made.serve())
    while not made.started:  # noqa: ASYNC110 - it offers nothing to wait for
        await asyncio.sleep(0.01)
    port = made.servers[0].sockets[0].getsockname()[1]
    await asyncio.to_thread(port_file.write_text, str(port))
    await serving


if __name__ == "__main__":
    asyncio.run(over_http(Path(sys.argv[2])) if len(sys.argv) > 1 else over_pipes())
