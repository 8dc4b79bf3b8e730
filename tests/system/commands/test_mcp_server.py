"""`vasini mcp` in a process of its own, and what becomes of its questions when somebody is killed."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import subprocess
import sys
import termios
import time
from contextlib import asynccontextmanager
from typing import IO, TYPE_CHECKING, Any

import psutil
import pytest

from tests.patience import PATIENCE
from tests.system.conftest import PROGRAM

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mcp import Client

    from tests.system.conftest import Vasini
    from tests.system.warm_command import WarmProcess

pytestmark = pytest.mark.system

HELLO = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "deaf", "version": "1"},
    },
}
CALL = {"tool_name": "Bash", "input": {"command": "make deploy"}}


@asynccontextmanager
async def worker(vasini: Vasini) -> AsyncIterator[WarmProcess]:
    """A worker that is killed when the context is left, if it is still there."""
    process = await asyncio.to_thread(vasini.start, "worker")
    try:
        yield process
    finally:
        process.kill()
        await asyncio.to_thread(process.communicate)


def client(vasini: Vasini) -> Client:
    from mcp import Client  # noqa: PLC0415 - slow to import, and every test worker reads this file
    from mcp.client.stdio import StdioServerParameters  # noqa: PLC0415 - likewise

    given = {name: value for name, value in vasini.environment.items() if name.startswith("VASINI_")}
    return Client(StdioServerParameters(command=str(PROGRAM), args=["mcp"], env=given), mode="legacy")


async def approvals(vasini: Vasini, count: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(PATIENCE):
        while True:
            listed = (await asyncio.to_thread(vasini.ok, "approvals"))["approvals"]
            if len(listed) == count:
                return list(listed)
            await asyncio.sleep(0.1)


async def ask(over: Client) -> dict[str, Any]:
    (content,) = (await over.call_tool("permission_prompt", CALL)).content
    assert content.type == "text"
    told_back: dict[str, Any] = json.loads(content.text)
    return told_back


def the_server() -> int:
    """The one process of `vasini mcp` below this one."""
    living = [child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]
    (found,) = (child.pid for child in living if child.cmdline()[-1] == "mcp")
    return int(found)


async def test_a_question_outlives_its_worker_and_not_its_server(vasini: Vasini) -> None:
    """The worker is killed while a person thinks: nothing is lost. The server is: nothing is allowed."""
    from mcp.shared.exceptions import MCPError  # noqa: PLC0415 - see client

    async with client(vasini) as over:
        asking = asyncio.create_task(ask(over))
        async with worker(vasini) as first:
            (shown,) = await approvals(vasini, 1)
            first.kill()
            await asyncio.to_thread(first.wait)
        await asyncio.to_thread(vasini.ok, "approve", shown["approval_id"])
        assert not asking.done(), "the answer comes with the run's end, which nobody works yet"
        async with worker(vasini):
            assert await asking == {"behavior": "allow", "updatedInput": CALL["input"]}
            asking = asyncio.create_task(ask(over))
            (shown,) = await approvals(vasini, 1)
            os.kill(the_server(), signal.SIGKILL)
            with pytest.raises(MCPError):
                await asking
            await approvals(vasini, 0)
    left = vasini.ok("approval", shown["approval_id"])
    assert left["status"] == "WITHDRAWN"
    refused = vasini("approve", shown["approval_id"], "--json")
    assert refused.error["code"] == "request_withdrawn"


def test_it_ends_with_its_client_and_says_where_it_belongs(vasini: Vasini) -> None:
    noise = vasini.execute("mcp", stdin=b"this is no message\n" + b"x" * 5_000_000 + b"\n")
    assert noise.status == 0
    nobody = vasini("mcp", "--json")
    assert nobody.status == 2
    assert "docs/mcp.md" in nobody.stderr


def test_a_line_that_is_no_message_is_answered_as_json_rpc_says(vasini: Vasini) -> None:
    lines = [b"hunter2 is no message", b"", b'["hunter2"]', b'{"jsonrpc": "2.0", "id": 3}', b"x" * 5_000_000]
    cut = {"_meta": {"said": "so \ud83d"}}  # within a character, which is no fault
    ping = json.dumps({"jsonrpc": "2.0", "id": 4, "method": "ping", "params": cut}).encode()
    with subprocess.Popen(
        [PROGRAM, "mcp"], env=vasini.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(b"\n".join([*lines, ping, b""]))
        server.stdin.flush()
        answers = [json.loads(server.stdout.readline())]
        while "result" not in answers[-1]:
            answers.append(json.loads(server.stdout.readline()))
        server.stdin.close()
        assert server.wait(PATIENCE) == 0
    *faults, pong = answers
    assert pong["id"] == 4
    assert [one["error"]["code"] for one in faults] == [-32700, -32600, -32600, -32700]
    assert {one["id"] for one in faults} == {None}
    assert "hunter2" not in json.dumps(answers)


def message(number: int, method: str, **params: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode() + b"\n"


def test_what_is_asked_right_before_the_end_of_input_is_answered(vasini: Vasini) -> None:
    said = [
        json.dumps(HELLO).encode() + b"\n",
        b'{"jsonrpc": "2.0", "method": "notifications/initialized"}\n',
        message(1, "tools/list"),
        message(2, "tools/call", name="report", arguments={"title": "Done", "text": "All of it."}),
        message(3, "tools/call", name="permission_prompt", arguments=CALL),
        b'{"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": [3]}}\n',
        message(4, "ping"),
    ]
    outcome = vasini.execute("mcp", stdin=b"".join(said))
    assert outcome.status == 0
    answers = {one["id"]: one["result"] for one in map(json.loads, outcome.stdout.splitlines())}
    assert answers.keys() == {0, 1, 2, 3, 4}
    (reported,) = answers[2]["content"]
    run_id = json.loads(reported["text"])["run_id"]
    assert vasini.ok("show", run_id)["run"]["flow"] == "report"
    (denied,) = answers[3]["content"]
    assert json.loads(denied["text"])["behavior"] == "deny"
    assert vasini.ok("approvals")["approvals"] == []


_MORE_THAN_A_PIPE_HOLDS = 60
"""Pings of 2 kB: 64 kB are what a pipe holds, and those on either side of the server hold all of them."""
_NEARLY_FULL = 32 * 1024


def _unread(pipe: IO[bytes]) -> int:
    return int.from_bytes(fcntl.ioctl(pipe.fileno(), termios.FIONREAD, bytes(4)), sys.byteorder)


@pytest.mark.parametrize("stopped", [True, False], ids=["by a signal", "at the end of its input"])
def test_a_client_that_reads_no_answers_does_not_keep_it_from_ending(
    vasini: Vasini, *, stopped: bool
) -> None:
    environment = vasini.environment | {"VASINI_ENGINE__DRAIN_SECONDS": "0.5"}
    with subprocess.Popen(
        [PROGRAM, "mcp"], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(json.dumps(HELLO).encode() + b"\n")
        server.stdin.flush()
        assert b"serverInfo" in server.stdout.readline()
        ping = json.dumps({"jsonrpc": "2.0", "id": "x" * 2_000, "method": "ping"}).encode() + b"\n"
        server.stdin.write(ping * _MORE_THAN_A_PIPE_HOLDS)
        server.stdin.flush()
        deadline = time.monotonic() + PATIENCE
        while _unread(server.stdout) < _NEARLY_FULL:  # of the answers that come now one is stuck
            assert time.monotonic() < deadline
            time.sleep(0.05)
        if stopped:
            server.terminate()
        else:
            server.stdin.close()
        assert server.wait(PATIENCE) == (128 + signal.SIGTERM if stopped else 0)


def test_it_ends_when_nobody_is_left_to_read_its_answers(vasini: Vasini) -> None:
    with subprocess.Popen(
        [PROGRAM, "mcp"], env=vasini.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as server:
        assert server.stdout is not None
        server.stdout.close()
        assert server.wait(PATIENCE) == 0
