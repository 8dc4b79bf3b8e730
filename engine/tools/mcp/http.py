"""A server that is reached over streamable HTTP; whole answers are bounded as lines are."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from engine.foreign_json import WholeCharacters
from engine.tools.mcp.lines import TOO_MANY, Rate
from engine.tools.mcp.process import reference
from engine.tools.secret_references import resolve_references

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    import httpx2

    from engine.tools.mcp.settings import McpServer

_CONNECT_SECONDS = 30.0


@asynccontextmanager
async def connected(
    settings: McpServer, secrets: Mapping[str, str], message_bytes: int, broken: Callable[[str], None]
) -> AsyncIterator[tuple[Any, Any]]:
    """Streams of messages from and to the server; `broken` is told why it is listened to no more.

    Raises ToolFailure for a secret that is not there.
    """
    import httpx2  # noqa: PLC0415 - comes with the SDK, which is an extra
    from mcp.client.streamable_http import streamable_http_client  # noqa: PLC0415 - likewise

    headers = resolve_references(
        {name: reference(value) for name, value in settings.headers.items()}, secrets.get, set()
    )
    # how long a call may take is the business of its step
    times = httpx2.Timeout(_CONNECT_SECONDS, read=None)
    network = _bounded_network(message_bytes)
    client = httpx2.AsyncClient(headers=headers, transport=network, timeout=times, trust_env=False)
    assert settings.url is not None
    async with (
        client,
        streamable_http_client(settings.url, http_client=client, max_sse_event_size=message_bytes) as (
            incoming,
            outgoing,
        ),
    ):
        yield _Kept(incoming, broken), outgoing


class _Kept:
    """A stream of messages that ends when too many come."""

    def __init__(self, stream: Any, broken: Callable[[str], None]) -> None:
        self._stream = stream
        self._broken = broken
        self._rate = Rate()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __aiter__(self) -> _Kept:
        return self

    async def __anext__(self) -> Any:
        message = await self._stream.__anext__()
        if not self._rate.is_kept():
            self._broken(TOO_MANY)
            raise StopAsyncIteration
        return message

    async def __aenter__(self) -> _Kept:
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *raised: Any) -> None:
        await self._stream.__aexit__(*raised)


def _bounded_network(message_bytes: int) -> httpx2.AsyncHTTPTransport:
    """The network; streams of events are bounded event by event (by the SDK), and nothing is unpacked: a few
    bytes could become any number of them. What is cut within a character is told as `read_foreign` does."""
    import httpx2  # noqa: PLC0415 - see above

    class Bounded(httpx2.AsyncByteStream):
        """A body that ends with an error when it is too long (None: that is seen to elsewhere), or packed."""

        def __init__(self, body: httpx2.AsyncByteStream, packed: str, limit: int | None) -> None:
            self._body = body
            self._packed = packed
            self._limit = limit

        async def __aiter__(self) -> AsyncIterator[bytes]:
            if self._packed:
                raise httpx2.StreamError(
                    f"the answer is packed ({self._packed}), asked for was one that is not"
                )
            size, characters = 0, WholeCharacters()
            async for piece in self._body:
                size += len(piece)
                if self._limit is not None and size > self._limit:
                    raise httpx2.StreamError(f"an answer has more than {self._limit} bytes")
                yield characters.feed(piece)
            yield characters.end()

        async def aclose(self) -> None:
            await self._body.aclose()

    class Network(httpx2.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            request.headers["accept-encoding"] = "identity"
            response = await super().handle_async_request(request)
            kind = response.headers.get("content-type", "").lower()
            packed = (
                response.headers.get("content-encoding", "").strip().lower().removeprefix("identity")[:100]
            )
            whole = packed or not kind.startswith("text/event-stream")
            if isinstance(response.stream, httpx2.AsyncByteStream):
                response.stream = Bounded(response.stream, packed, message_bytes if whole else None)
            return response

    return Network()
