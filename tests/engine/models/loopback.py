"""A server on the loopback that answers with the very bytes it is given, and remembers who asked what."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

Write = Callable[[bytes], Awaitable[None]]
Answer = Callable[[Write], Awaitable[None]]


@dataclass
class Asked:
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Loopback:
    port: int = 0
    asked: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[Loopback]:
    """Answer every connection with `answer`, then close it."""
    loopback = Loopback()
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)

        async def write(data: bytes) -> None:
            writer.write(data)
            await writer.drain()

        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                loopback.asked.append(await _request(reader))
                await answer(write)
        finally:
            tasks.discard(task)
            writer.close()
            with suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    loopback.port = server.sockets[0].getsockname()[1]
    try:
        yield loopback
    finally:
        server.close()
        waiting = list(tasks)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await server.wait_closed()


async def _request(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(head[0].split(" ")[1], headers, json.loads(body))


def head(status: int = 200, content_type: str = "text/event-stream", **more: str) -> bytes:
    """The beginning of an answer whose body ends with the connection."""
    lines = [f"HTTP/1.1 {status} X", f"content-type: {content_type}", "connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in more.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def sse(*events: Any) -> bytes:
    """Server-sent events; a text is sent as it is."""
    return "".join(
        f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n" for event in events
    ).encode()


def lines(*values: Any) -> bytes:
    return "".join(json.dumps(value) + "\n" for value in values).encode()


def answering(*parts: bytes) -> Answer:
    """Write the parts one after the other, so that each may arrive alone."""

    async def answer(write: Write) -> None:
        for part in parts:
            await write(part)
            await asyncio.sleep(0)

    return answer


def hanging(*parts: bytes) -> Answer:
    """Write the parts, then nothing more."""

    async def answer(write: Write) -> None:
        for part in parts:
            await write(part)
        await asyncio.Event().wait()

    return answer


def dripping(first: bytes, drops: Iterable[bytes]) -> Answer:
    """Write the beginning, then a drop again and again."""

    async def answer(write: Write) -> None:
        await write(first)
        for drop in drops:
            await write(drop)
            await asyncio.sleep(0.01)

    return answer
