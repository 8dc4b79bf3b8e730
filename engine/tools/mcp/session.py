"""The SDK's session with a server, narrowed to what we ask of it: tools are listed and called."""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from engine.contracts.status import StepErrorCode
from engine.safe_text import sanitize
from engine.tools.failure import ToolFailure
from engine.tools.mcp.listing import MAX_TOOLS, Hints, RemoteTool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from mcp.client.session import ClientSession, IncomingMessage
    from mcp.shared.exceptions import MCPError
    from mcp_types import Tool

    from engine.tools.context import OutputSink

MAX_PAGES = 100
"""Pages of one listing; a server that has more is asked no further."""
MAX_PROGRESS = 1_000
"""Lines of progress of one call that are shown."""
_MAX_WORDS = 1_500
_MAX_LINE = 500
_INVALID_PARAMS = -32_602
_CLOSED = -32_000
_LOST_OVER_HTTP = frozenset({"Session terminated", "Server returned an error response"})
"""What the SDK says where the session is not known there any more, or no answer came."""


@asynccontextmanager
async def opened_session(
    incoming: Any, outgoing: Any, changed: Callable[[], None], ended: Callable[[], None]
) -> AsyncIterator[ClientSession]:
    """A session before its greeting.

    `changed` is called when it says that its tools changed, `ended` when nothing more can come.
    """
    from mcp.client.session import ClientSession  # noqa: PLC0415 - the SDK is an extra
    from mcp_types import Implementation, ToolListChangedNotification  # noqa: PLC0415 - likewise

    async def heard(message: IncomingMessage) -> None:
        if isinstance(message, ToolListChangedNotification):
            changed()

    whole = _Watched(incoming, ended)
    info = Implementation(name="vasini", version="1")
    async with ClientSession(whole, outgoing, message_handler=heard, client_info=info) as session:
        yield session


async def greeted(session: ClientSession) -> str:
    """What the server calls itself. Raises ToolFailure."""
    try:
        about = (await session.initialize()).server_info
    except Exception as error:
        raise failure_of(error, "its greeting") from error
    return sanitize(f"{about.name} {about.version}", limit=120)


class _Watched:
    """A stream of messages that tells when it has ended."""

    def __init__(self, stream: Any, ended: Callable[[], None]) -> None:
        self._stream = stream
        self._ended = ended

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __aiter__(self) -> _Watched:
        return self

    async def __anext__(self) -> Any:
        try:
            return await self._stream.__anext__()
        except StopAsyncIteration:
            self._ended()
            raise

    async def __aenter__(self) -> _Watched:
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *raised: Any) -> None:
        await self._stream.__aexit__(*raised)


async def ask_tools(session: ClientSession) -> list[RemoteTool]:
    """What the server offers, page by page, no more than can be used. Raises ToolFailure."""
    from mcp_types import (  # noqa: PLC0415 - see opened_session
        ListToolsRequest,
        ListToolsResult,
        PaginatedRequestParams,
    )

    found: list[RemoteTool] = []
    cursor: str | None = None
    for _ in range(MAX_PAGES):
        params = PaginatedRequestParams(cursor=cursor) if cursor is not None else None
        try:
            page = await session.send_request(ListToolsRequest(params=params), ListToolsResult)
        except Exception as error:
            raise failure_of(error, "its list of tools") from error
        found += map(_remote, page.tools)
        cursor = page.next_cursor
        if cursor is None or len(found) > MAX_TOOLS:
            break
    return found[: MAX_TOOLS + 1]


async def call_tool(
    session: ClientSession, name: str, arguments: dict[str, Any], output: OutputSink | None
) -> tuple[list[dict[str, Any]], Any, bool]:
    """Parts of the result, its structured value, and whether the tool says that it failed.

    Progress is written to `output`. Raises ToolFailure; a cancelled call is cancelled there, too.
    """
    from mcp_types import (  # noqa: PLC0415 - see opened_session
        CallToolRequest,
        CallToolRequestParams,
        CallToolResult,
    )

    request = CallToolRequest(params=CallToolRequestParams(name=name, arguments=arguments))
    progress = _Progress(output)
    try:
        result = await session.send_request(
            request, CallToolResult, progress_callback=progress if output is not None else None
        )
    except Exception as error:
        raise failure_of(error, "its answer") from error
    content = [part.model_dump(mode="json", by_alias=True, exclude_none=True) for part in result.content]
    return content, result.structured_content, bool(result.is_error)


def failure_of(error: Exception, what: str) -> ToolFailure:
    """What the session raised, as our failure. The server's words are bounded and harmless."""
    from mcp.shared.exceptions import MCPError  # noqa: PLC0415 - see opened_session

    if isinstance(error, ToolFailure):
        return error
    if isinstance(error, MCPError):
        return _refused(error, what)
    if isinstance(error, ValidationError):
        message = f"{what} is not what the protocol says"
        return ToolFailure(StepErrorCode.CONTRACT_VIOLATION, message, details={"reason": "not_the_protocol"})
    words = sanitize(str(error), limit=_MAX_WORDS)
    return ToolFailure(
        StepErrorCode.BACKEND_ERROR,
        f"{what} did not come: {type(error).__name__}: {words}",
        details={"reason": "server_ended"},
    )


def _refused(error: MCPError, what: str) -> ToolFailure:
    words = sanitize(error.error.message, limit=_MAX_WORDS)
    code = error.error.code
    if code == _INVALID_PARAMS:
        return ToolFailure(
            StepErrorCode.INVALID_INPUT, f"the server refused: {words}", details={"reason": "refused_there"}
        )
    if words.startswith("an answer has more than "):
        return ToolFailure(
            StepErrorCode.CONTRACT_VIOLATION, words, recoverable=False, details={"reason": "too_large"}
        )
    lost = code == _CLOSED or error.error.message in _LOST_OVER_HTTP
    reason = "server_ended" if lost else "refused_there"
    return ToolFailure(
        StepErrorCode.BACKEND_ERROR, f"the server said no to {what}: {words}", details={"reason": reason}
    )


class _Progress:
    """Writes progress as lines of the call; no more than anybody reads."""

    def __init__(self, output: OutputSink | None) -> None:
        self._output = output
        self._lines = 0

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None:
        self._lines += 1
        if self._output is None or self._lines > MAX_PROGRESS:
            return
        of = f"/{total:g}" if total is not None else ""
        words = sanitize(message or "", limit=_MAX_LINE)
        line = f"progress {progress:g}{of} {words}".rstrip()
        if self._lines == MAX_PROGRESS:
            line = f"progress is not shown any further after {MAX_PROGRESS} lines"
        self._output.write("out", f"{line}\n".encode("utf-8", "replace"))


def _remote(tool: Tool) -> RemoteTool:
    said = tool.annotations
    hints = Hints()
    if said is not None:
        hints = Hints(said.read_only_hint, said.destructive_hint, said.idempotent_hint, said.open_world_hint)
    schema: Mapping[str, Any] = tool.input_schema
    return RemoteTool(tool.name, tool.description or tool.title or "", schema, hints)


async def answers(session: ClientSession) -> None:
    """Return when the server has answered something."""
    from mcp.shared.exceptions import MCPError  # noqa: PLC0415 - see opened_session

    with suppress(MCPError):  # "no such method" is an answer, too
        await session.send_ping()
