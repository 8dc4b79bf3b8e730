"""A server made with the SDK, over its pipes and over HTTP; and answers over HTTP that are none."""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.masks import STRUCK_OUT
from engine.contracts.status import StepErrorCode
from tests.engine.models.loopback import Write, head, serving
from tests.engine.tools.mcp_client.conftest import bench, declared
from tests.engine.tools.mcp_client.test_calls import SUM, Lines, holds, refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SERVER = Path(__file__).with_name("sdk_server.py")


@asynccontextmanager
async def over_http(root: Path) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """Its address, and its process."""
    port_file = root / "port"
    process = await asyncio.create_subprocess_exec(sys.executable, str(SERVER), "http", str(port_file))
    try:
        await holds(lambda: port_file.exists() and port_file.read_text() != "")
        yield f"http://127.0.0.1:{port_file.read_text()}/mcp", process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_a_server_over_http_is_called_and_lost_and_found(root: Path) -> None:
    output = Lines()
    async with over_http(root) as (url, process):
        server = declared(command=(), url=url, headers={"X-Key": {"$secret": "key"}})
        async with bench(root, server, secrets={"key": "s3cr3t"}, max_output_bytes=50_000) as loop:
            done = await loop.call("loop.get_sum", SUM)
            assert done.data == {"text": "3", "structured": None}
            assert (done.meta.backend, done.meta.sandbox) == ("mcp", "policy")
            assert (await loop.call("loop.header")).data["text"] == STRUCK_OUT, (
                "it came there, and is not told"
            )
            await loop.call("loop.slow", {"seconds": 0}, output=output)
            assert output.written == b"progress 1/2 half\n"
            late = await loop.call("loop.slow", timeout=0.1)
            assert refused(late)[0] is StepErrorCode.TIMEOUT
            too_large = await loop.call("loop.huge", {"bytes": 1_000_000})
            assert too_large.error is not None
            assert (await loop.call("loop.get_sum", SUM)).ok
            process.kill()
            await process.wait()
            assert refused(await loop.call("loop.get_sum", SUM)) == (
                StepErrorCode.BACKEND_ERROR,
                "server_failed",
            )


async def test_servers_that_are_let_go_leave_no_task_behind(root: Path) -> None:
    async with over_http(root) as (url, _):
        before = asyncio.all_tasks()
        for server in (declared(), declared(command=(), url=url)):
            async with bench(root, server) as loop:
                assert (await loop.call("loop.get_sum", SUM)).ok
        assert asyncio.all_tasks() == before


NEWS = b'data: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}\n\n'
FLOODING: dict[str, Any] = {"tools": [{"name": "flood", "inputSchema": {"type": "object"}}]}
ABOUT: dict[str, Any] = {"capabilities": {"tools": {}}, "serverInfo": {"name": "flooding", "version": "1"}}


Calls = Callable[[dict[str, Any], asyncio.StreamWriter], Awaitable[None]]


async def floods(_asked: dict[str, Any], writer: asyncio.StreamWriter) -> None:
    """Answers a call with news without end."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
    while True:
        writer.write(NEWS * 200)
        await writer.drain()


async def serves(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, calls: Calls) -> None:
    """A server over HTTP with one tool, whose calls are answered byte by byte."""
    with suppress(ConnectionError, asyncio.IncompleteReadError):
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            assert "accept-encoding: identity" in head
            _, _, size = head.partition("content-length: ")
            asked = json.loads(await reader.readexactly(int(size.split()[0]))) if size else {}
            if asked.get("method") == "tools/call":
                await calls(asked, writer)
                continue
            status, result = 200, FLOODING
            if asked.get("method") == "initialize":
                result = {**ABOUT, "protocolVersion": asked["params"]["protocolVersion"]}
            elif "id" not in asked:
                status, result = (202 if asked else 405), {}
            data = json.dumps({"jsonrpc": "2.0", "id": asked.get("id"), "result": result}).encode()
            data = data if status == 200 else b""
            kind = f"content-type: application/json\r\ncontent-length: {len(data)}"
            writer.write(f"HTTP/1.1 {status} X\r\n{kind}\r\n\r\n".encode() + data)
    writer.close()


async def test_one_that_sends_without_end_over_http_is_ended(root: Path) -> None:
    server = await asyncio.start_server(partial(serves, calls=floods), "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp"
    async with server, bench(root, declared(command=(), url=url)) as loop:
        flooded = await loop.call("loop.flood")
        assert refused(flooded) == (StepErrorCode.BACKEND_ERROR, "server_failed")
        assert flooded.error is not None
        assert "more than 500 messages a second" in flooded.error.message


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
async def test_an_answer_over_http_that_is_packed_is_not_unpacked(root: Path, kind: str) -> None:
    async def packs(asked: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        result = {"content": [{"type": "text", "text": "x" * 40_000}]}
        told = json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result})
        data = gzip.compress((told if kind == "application/json" else f"data: {told}\n\n").encode())
        sizes = f"content-encoding: gzip\r\ncontent-length: {len(data)}"
        writer.write(f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\n{sizes}\r\n\r\n".encode() + data)

    server = await asyncio.start_server(partial(serves, calls=packs), "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp"
    async with server, bench(root, declared(command=(), url=url)) as loop:
        packed = await loop.call("loop.flood", timeout=5)
        assert refused(packed)[0] is StepErrorCode.BACKEND_ERROR


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
async def test_an_answer_over_http_that_is_cut_within_a_character_is_an_answer(root: Path, kind: str) -> None:
    async def cuts(asked: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        result = {"content": [{"type": "text", "text": "so \ud83d, so \U0001f600"}]}
        told = json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result})
        data = (told if kind == "application/json" else f"data: {told}\n\n").encode()
        writer.write(f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n".encode())
        for place in range(0, len(data), 5):  # and so within an escape
            writer.write(data[place : place + 5])
            await writer.drain()
            await asyncio.sleep(0)
        writer.close()

    server = await asyncio.start_server(partial(serves, calls=cuts), "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp"
    async with server, bench(root, declared(command=(), url=url)) as loop:
        answered = await loop.call("loop.flood", timeout=5)
        assert answered.error is None, answered.error
        assert answered.data["text"] == "so \ufffd, so \U0001f600"


async def test_a_server_of_the_sdk_is_called_over_its_pipes(root: Path) -> None:
    async with bench(root, declared(command=(sys.executable, str(SERVER)))) as loop:
        assert (await loop.call("loop.get_sum", SUM)).data["text"] == "3"
        late = await loop.call("loop.slow", timeout=0.1)
        assert refused(late)[0] is StepErrorCode.TIMEOUT
        assert (await loop.call("loop.get_sum", SUM)).ok


async def test_what_is_no_server_says_so(root: Path) -> None:
    async def page(write: Write) -> None:
        await write(head(200, "text/html") + b"<h1>Welcome</h1>")

    async def endless(write: Write) -> None:
        await write(head(200, "application/json"))
        while True:
            await write(b" " * 65_536)

    async def elsewhere(write: Write) -> None:
        await write(b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/mcp\r\nContent-Length: 0\r\n\r\n")

    async def failing(write: Write) -> None:
        await write(head(500, "text/plain") + json.dumps({"error": "s3cr3t \x1b[31m"}).encode())

    for answer in (page, endless, elsewhere, failing):
        async with serving(answer) as there:
            server = declared(command=(), url=f"{there.url}/mcp")
            async with bench(root, server, max_output_bytes=50_000) as loop:
                result = await loop.call("loop.get_sum", SUM)
                assert refused(result) == (StepErrorCode.BACKEND_ERROR, "server_failed"), answer
                assert result.error is not None
                assert "s3cr3t" not in result.error.message


async def test_where_servers_are_closed_none_is_started(root: Path) -> None:
    async with bench(root, declared()) as loop:
        pass
    refused = await loop.call("loop.get_sum", {"a": 1, "b": 2})
    assert refused.error is not None
    assert refused.error.code is StepErrorCode.PERMISSION_DENIED
    assert refused.error.message == "no MCP server can be started here, now: loop"
    assert not loop.folder.exists()
