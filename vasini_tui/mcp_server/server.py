"""The Model Context Protocol around a desk: one connection over the process's own pipes."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from engine.foreign_json import whole_characters
from engine.safe_text import sanitize
from vasini_tui.exit_codes import UsageError
from vasini_tui.mcp_server.last_words import LastWords
from vasini_tui.mcp_server.tools import TOOLS, as_text
from vasini_tui.version import program_version

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mcp.server import Server
    from mcp.server.context import ServerRequestContext
    from mcp.shared.message import SessionMessage
    from mcp_types import CallToolRequestParams, CallToolResult, ListToolsResult, PaginatedRequestParams

    from vasini_tui.mcp_server.desk import Desk

MAX_LINE = 4 * 1024 * 1024
"""Bytes of one message from the client; a longer one is no message."""
_NO_MESSAGE = "\n"
_INSTRUCTIONS = (
    "People decide here. Ask before you act with request_approval, ask what you do not know with ask_person. "
    "A question that you cancel is withdrawn."
)


async def serve(desk: Desk, patience: float) -> None:
    """Serve the client at the other end of stdin and stdout until it is gone.

    When it says no more, what it had asked is answered first, for `patience` seconds at the most.

    Raises UsageError without the extra, or where stdin or stdout is no pipe.
    """
    try:
        from mcp.server.stdio import stdio_server  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        raise UsageError("vasini mcp needs the extra `mcp`: pip install 'vasini-tui[mcp]'") from error
    server = make_server(desk)
    reader, stdin = await _stdin()
    lines: Any = _Lines(reader)
    async with _stdout(stdin) as wire:
        answers: Any = wire
        async with stdio_server(stdin=lines, stdout=answers) as (incoming, outgoing):
            last_words = LastWords(desk, patience, give_up=wire.give_up)
            await _run(server, incoming, outgoing, last_words)


async def _run(server: Server[Any], incoming: Any, outgoing: Any, last_words: LastWords) -> None:
    """Run the server on the streams of the SDK, which drops what it cannot read: that is answered here."""
    from anyio import create_memory_object_stream  # noqa: PLC0415 - the SDK's, like all of this

    passing, passed = create_memory_object_stream[Any](0)
    answering, answers = create_memory_object_stream[Any](0)
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(_pass_messages(incoming, passing, outgoing, last_words))
        group.create_task(_pass_answers(answers, outgoing, last_words))
        await server.run(passed, answering, server.create_initialization_options())
        reading.cancel()


async def _pass_messages(incoming: Any, passing: Any, outgoing: Any, last_words: LastWords) -> None:
    """Messages go on to the server; each line that is none gets the error of JSON-RPC."""
    from anyio import BrokenResourceError, ClosedResourceError  # noqa: PLC0415 - see above

    async with passing:
        with suppress(BrokenResourceError, ClosedResourceError):  # nobody is left to be told
            async for message in incoming:
                if isinstance(message, Exception):
                    await outgoing.send(_fault(message))
                else:
                    last_words.heard(message.message)
                    await passing.send(message)
        await last_words.said()  # the server gives up what is under way when it hears no more


async def _pass_answers(answers: Any, outgoing: Any, last_words: LastWords) -> None:
    from anyio import BrokenResourceError, ClosedResourceError  # noqa: PLC0415 - see above

    async with answers, outgoing:
        with suppress(BrokenResourceError, ClosedResourceError):  # nobody is left to be told
            async for message in answers:
                await outgoing.send(message)
                last_words.answered(message.message)
    last_words.nobody_listens()


def _fault(unread: Exception) -> SessionMessage:
    """What is told of a line that is no message; nothing of the line itself."""
    import mcp_types as wire  # noqa: PLC0415 - an extra, and slow to import
    from mcp.shared.message import SessionMessage  # noqa: PLC0415 - likewise

    kinds = {one["type"] for one in unread.errors()} if isinstance(unread, ValidationError) else set()
    error = (
        wire.ErrorData(
            code=wire.PARSE_ERROR, message=f"Parse error: a line is no JSON, or longer than {MAX_LINE} bytes"
        )
        if "json_invalid" in kinds
        else wire.ErrorData(code=wire.INVALID_REQUEST, message="Invalid Request: no message of JSON-RPC 2.0")
    )
    return SessionMessage(wire.JSONRPCError(jsonrpc="2.0", id=None, error=error))


def make_server(desk: Desk) -> Server[Any]:
    """A server whose tools ask at `desk`."""
    import mcp_types as wire  # noqa: PLC0415 - an extra, and slow to import
    from mcp.server import Server  # noqa: PLC0415 - likewise

    offered = {tool.name: tool for tool in TOOLS}

    async def list_tools(
        _context: ServerRequestContext[Any], _params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        return wire.ListToolsResult(
            tools=[
                wire.Tool(
                    name=tool.name,
                    description=tool.description,
                    input_schema=tool.parameters,
                    annotations=wire.ToolAnnotations(read_only_hint=tool.reads_only, destructive_hint=False),
                )
                for tool in TOOLS
            ]
        )

    async def call_tool(context: ServerRequestContext[Any], params: CallToolRequestParams) -> CallToolResult:
        tool = offered.get(params.name)
        if tool is None:
            known = ", ".join(offered)
            words = f"there is no tool {sanitize(params.name, limit=100)}; there are {known}"
            return wire.CallToolResult(content=[wire.TextContent(text=words)], is_error=True)
        progress = 0

        async def tell(words: str) -> None:
            nonlocal progress
            progress += 1
            await context.session.report_progress(progress, None, words)

        client = context.session.client_params
        info = client.client_info if client is not None else None
        name = f"{info.name} {info.version}" if info is not None else ""
        told_back, failed = await tool.call(desk, name, params.arguments or {}, tell)
        return wire.CallToolResult(content=[wire.TextContent(text=as_text(told_back))], is_error=failed)

    return Server(
        "vasini",
        version=program_version(),
        instructions=_INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


class _Lines:
    """The lines of a reader; what is too long to be a message is one that cannot be read. Half a character,
    as clients cut it from a text, is none: whoever asks would wait for an answer to what was no message."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    async def __aiter__(self) -> AsyncIterator[str]:
        too_long = False
        while True:
            try:
                line = await self._reader.readuntil()
            except asyncio.LimitOverrunError as overrun:
                too_long = True  # what is left of it is no line of its own
                await self._reader.readexactly(overrun.consumed)
                continue
            except asyncio.IncompleteReadError as end:
                line = end.partial
            if too_long:
                yield _NO_MESSAGE
            elif line.strip():
                yield whole_characters(line).decode("utf-8", "replace")
            elif not line:
                return
            too_long = False


class _Wire(asyncio.StreamReaderProtocol):
    """Stdout; where nobody reads it any more nothing more is read from stdin."""

    def __init__(self, stdin: asyncio.ReadTransport) -> None:
        super().__init__(asyncio.StreamReader())
        self._stdin = stdin

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stdin.close()


class _Answers:
    """Where answers are written; a client that does not read them holds up nothing else, and no end."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    def give_up(self) -> None:
        """Write nothing more, not even what waits to be read."""
        if not self._writer.transport.is_closing():
            self._writer.transport.abort()

    async def write(self, text: str) -> None:
        self._writer.write(text.encode())

    async def flush(self) -> None:
        try:
            await self._writer.drain()
        except ConnectionError:
            from anyio import ClosedResourceError  # noqa: PLC0415 - the SDK's, like all of this

            raise ClosedResourceError from None


@asynccontextmanager
async def _stdout(stdin: asyncio.ReadTransport) -> AsyncIterator[_Answers]:
    """Stdout for answers alone: what anybody prints meanwhile goes to stderr."""
    loop = asyncio.get_running_loop()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        transport, protocol = await loop.connect_write_pipe(
            lambda: _Wire(stdin), os.fdopen(os.dup(kept), "wb", buffering=0)
        )
        transport.set_write_buffer_limits(high=0)  # an answer is written when it was taken
        try:
            yield _Answers(asyncio.StreamWriter(transport, protocol, None, loop))
        finally:
            if not transport.is_closing():
                transport.abort()
    finally:
        os.set_blocking(kept, True)
        os.dup2(kept, 1)
        os.close(kept)


async def _stdin() -> tuple[asyncio.StreamReader, asyncio.ReadTransport]:
    """Stdin as a stream that can be given up at any moment. Raises UsageError."""
    for stream in (sys.stdin, sys.stdout):
        mode = os.fstat(stream.fileno()).st_mode
        if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):  # of files and devices the system tells no news
            raise UsageError(
                "vasini mcp speaks with an agent over pipes; its settings start it (docs/mcp.md)"
            )
    reader = asyncio.StreamReader(limit=MAX_LINE)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    return reader, transport
