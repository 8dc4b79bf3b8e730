"""A published agent against a scripted model: `python -m tests.system.published.published_agent PATH`.

PATH is that of Gemini's command line, which is started as an agent in a home of its own; its model is a
server of this process, which wants one file written. Approved the file is made, rejected it is not.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from engine.acp.settings import AgentSettings
from engine.tools.context import ToolLimits
from tests.engine.runtime.embedded_home import BOB, Home, rest, start, until

MEMORY = 6 * 1024**3
"""Bytes that such a program may reserve."""


def _model(target: Path) -> ThreadingHTTPServer:
    class Model(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers.get("content-length", 0)))
            wanted = {"name": "write_file", "args": {"file_path": str(target), "content": "x\n"}}
            part = {"text": "Finished."} if b"functionResponse" in asked else {"functionCall": wanted}
            content = {"role": "model", "parts": [part]}
            answer = json.dumps({"candidates": [{"content": content, "finishReason": "STOP", "index": 0}]})
            told = f"data: {answer}\r\n\r\n".encode()
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("content-length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

    return ThreadingHTTPServer(("127.0.0.1", 0), Model)


async def _decided(program: str, folder: Path, *, approve: bool) -> bool:
    """Whether the file was made."""
    work, own = folder / "work", folder / "own"
    work.mkdir(parents=True)
    (own / ".gemini").mkdir(parents=True)
    auth = {"security": {"auth": {"selectedType": "gemini-api-key"}}}
    (own / ".gemini" / "settings.json").write_text(json.dumps(auth))
    server = _model(work / "made.txt")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    env = {"HOME": str(own), "GEMINI_API_KEY": "none", "GOOGLE_GEMINI_BASE_URL": url}
    args = ["--experimental-acp", "-m", "gemini-2.5-flash"]
    agent = {"command": program, "args": args, "cwd": str(work), "env": env}
    settings = AgentSettings.model_validate({"acp": {"gemini": agent}})
    home = Home(folder)
    step = {
        "id": "work",
        "type": "agent",
        "agent": "acp:gemini",
        "instructions": "Be brief.",
        "prompt": "Go.",
    }
    home.flow("ask", step)
    try:
        async with home.working(agents=settings, limits=ToolLimits(memory_bytes=MEMORY)) as engine:
            run_id = await start(engine, "ask")
            await rest(engine, run_id)
            card = (await engine.requests.approvals(run_id=run_id)).items[0]
            if approve:
                await engine.requests.approve(card.approval_id, actor=BOB, digest=card.digest)
            else:
                await engine.requests.reject(card.approval_id, actor=BOB, digest=card.digest, comment="no")

            async def ended() -> bool:
                return (await engine.runs.summary(run_id)).finished_at is not None

            await until(ended)
    finally:
        server.shutdown()
        server.server_close()
    return (work / "made.txt").exists()


def main(program: str) -> int:
    """Both ways, one after the other."""
    with TemporaryDirectory() as folder:
        made = asyncio.run(_decided(program, Path(folder) / "yes", approve=True))
        left = not asyncio.run(_decided(program, Path(folder) / "no", approve=False))
    sys.stdout.write(f"approved: {'made' if made else 'NOT MADE'}\nrejected: {'left' if left else 'MADE'}\n")
    return 0 if made and left else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
