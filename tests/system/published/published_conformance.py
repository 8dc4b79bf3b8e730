"""The published conformance scenarios of MCP: `make published-conformance`. No part of the tests.

They are fetched by npm. Those of clients are played against our client, those of servers against
`vasini mcp`, for which a bridge here speaks HTTP, as these scenarios want it. Ends with a line for each, and
with status 1 when one does not hold.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import uuid
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.tools.context import ToolLimits
from engine.tools.mcp.connection import Connection
from engine.tools.mcp.settings import McpServer
from engine.tools.mcp.transport import Surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
FETCHED = ROOT / ".published"
MODULES = FETCHED / "node_modules"
PACKAGES = ("@modelcontextprotocol/conformance@0.1", "node@22")
CLIENT = ("initialize", "tools_call", "sse-retry")
SERVER = ("server-initialize", "ping", "tools-list")
"""What has to hold. The other scenarios try what is not offered (docs/mcp.md)."""
SECONDS = 120
ANSWERS = 30.0


def fetch() -> None:
    """The scenarios and the program that they run in, by the ordinary client."""
    FETCHED.mkdir(exist_ok=True)
    npm = shutil.which("npm") or sys.exit("npm is not there")
    command = [npm, "install", "--prefix", str(FETCHED), "--no-audit", "--no-fund", "--silent", *PACKAGES]
    subprocess.run(command, check=True)


def play(side: str, scenario: str, *args: str) -> tuple[bool, str]:
    """Whether a scenario holds, and the last words about it."""
    program = [
        str(MODULES / ".bin" / "node"),
        str(MODULES / "@modelcontextprotocol/conformance/dist/index.js"),
    ]
    with tempfile.TemporaryDirectory() as folder:
        ended = subprocess.run(
            [*program, side, "--scenario", scenario, *args, "-o", folder],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        checks = [one for file in Path(folder).rglob("checks.json") for one in json.loads(file.read_text())]
    failed = [str(one.get("errorMessage") or one["id"]) for one in checks if one["status"] == "FAILURE"]
    good = ended.returncode == 0 and not failed and any(one["status"] == "SUCCESS" for one in checks)
    return good, "; ".join(failed)[:200] or ("" if good else ended.stderr.strip()[-200:])


class Served:
    """One `vasini mcp`, spoken with line by line."""

    def __init__(self, home: Path) -> None:
        program = str(Path(sys.executable).parent / "vasini")
        env = {**os.environ, "VASINI_HOME": str(home)}
        pipe = subprocess.PIPE
        self._process = subprocess.Popen([program, "mcp"], stdin=pipe, stdout=pipe, env=env)
        self._answers: dict[Any, Any] = {}
        self._news = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            message = json.loads(line)
            if "id" in message and "method" not in message:
                with self._news:
                    self._answers[message["id"]] = message
                    self._news.notify_all()

    def pass_on(self, message: Any) -> Any:
        """The answer to a request; None for what has none."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()
        if "id" not in message or "method" not in message:
            return None
        with self._news:
            self._news.wait_for(lambda: message["id"] in self._answers, timeout=ANSWERS)
            return self._answers.pop(message["id"], None)

    def end(self) -> None:
        """Go away, as a client does."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(ANSWERS)


@contextmanager
def bridged(home: Path) -> Iterator[str]:
    """The address of a bridge: each session there is a `vasini mcp` of its own."""
    sessions: dict[str, Served] = {}

    class Bridge(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))))
            name = self.headers.get("mcp-session-id") or ""
            if message.get("method") == "initialize":
                name = uuid.uuid4().hex
                sessions[name] = Served(home)
            answer = sessions[name].pass_on(message)
            told = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(202 if answer is None else 200)
            self.send_header("content-type", "application/json")
            self.send_header("mcp-session-id", name)
            self.send_header("content-length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def do_GET(self) -> None:
            self.send_response(405)
            self.send_header("content-length", "0")
            self.end_headers()

        def do_DELETE(self) -> None:
            self.do_GET()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Bridge)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/mcp"
    finally:
        server.shutdown()
        server.server_close()
        for served in sessions.values():
            served.end()


async def as_client(url: str) -> int:
    """What our client does with a server: greet it, list its tools, call each of them."""

    async def limits(_name: str, _server: McpServer) -> ToolLimits:
        return ToolLimits()

    async def told(_connection: Connection) -> None:
        return None

    around = Surroundings(Path.cwd(), limits, {}, 1_000_000)
    connection = Connection("there", McpServer(url=url), around, told)
    serving = asyncio.create_task(connection.serve())
    try:
        await connection.ready()
        for tool in connection.listing.tools.values():
            given = dict.fromkeys(tool.spec.parameters.get("properties", {}), 2)
            await connection.call(tool, given, None)
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
    return 0


def main() -> int:
    """All of them; the status to end with."""
    fetch()
    good = True
    client = f"{sys.executable} -m tests.system.published.published_conformance"
    played = [("client", one, ("--command", client)) for one in CLIENT]
    with tempfile.TemporaryDirectory(prefix="conformance-") as home, bridged(Path(home)) as url:
        played += [("server", one, ("--url", url)) for one in SERVER]
        for side, scenario, args in played:
            holds, words = play(side, scenario, *args)
            sys.stdout.write(f"{side} {scenario}: {'ok' if holds else f'FAILED {words}'}\n")
            good = good and holds
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(as_client(sys.argv[1])) if len(sys.argv) > 1 else main())
