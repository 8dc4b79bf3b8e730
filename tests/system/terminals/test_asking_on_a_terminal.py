"""`vasini ask` on a real pty, left while its model speaks: once lets the answer end, twice leaves at once."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from tests.patience import PATIENCE
from tests.system.conftest import PROGRAM
from tests.system.terminals.terminal import Terminal, as_a_shell_does, terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.system.conftest import Vasini

pytestmark = pytest.mark.system

CTRL_C = "\x03"
TALK = """\
input: {type: object, properties: {message: {type: string}}, required: [message]}
steps:
  - {id: talk, type: agent, mode: conversation, instructions: Talk., prompt: "{{ payload.message }}"}
"""
SETTINGS = """\
models:
  default: slow
  named: {{slow: {{provider: openai, model: m, base_url: "http://127.0.0.1:{port}/v1", api_key: ""}}}}
engine: {{drain_seconds: 60}}
"""


class SlowModel(ThreadingHTTPServer):
    """A server that begins each answer, and ends it when the test says so."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.may_end = threading.Event()
        self.asked = 0


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"
    server: SlowModel

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.server.asked += 1
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        self._send({"content": "There are beans.\n"})
        if self.server.may_end.wait(PATIENCE):
            self._send({"content": "And peas."}, "stop")
            self.wfile.write(b"data: [DONE]\n\n")

    def _send(self, delta: dict[str, Any], finish: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        self.wfile.write(f"data: {json.dumps({'id': '1', 'model': 'm', 'choices': [choice]})}\n\n".encode())
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Tests are silent."""


@contextmanager
def asking(vasini: Vasini) -> Iterator[tuple[Terminal, SlowModel]]:
    """The command while its model speaks."""
    with SlowModel() as model:
        threading.Thread(target=model.serve_forever, daemon=True).start()
        try:
            vasini.home.mkdir(exist_ok=True)
            (vasini.home / "config.yaml").write_text(SETTINGS.format(port=model.server_port))
            vasini.make_pack("kitchen", talk=TALK)
            argv: list[Path | str] = [PROGRAM, "ask", "kitchen", "What is there?"]
            env = {**vasini.environment, "TERM": "xterm-256color"}
            with terminal(argv, env=env, cwd=vasini.cwd, size=(220, 30), start=as_a_shell_does) as screen:
                screen.shows("│ There are beans.")
                yield screen, model
        finally:
            model.may_end.set()
            model.shutdown()


def test_once_says_what_becomes_of_the_answer_which_then_ends(vasini: Vasini) -> None:
    with asking(vasini) as (screen, model):
        screen.press(CTRL_C)
        screen.shows("stopping: what run_")
        screen.shows("may end, in 60 seconds at the most. Once more")
        model.may_end.set()
        assert screen.ended() == 130
        assert "And peas." in screen.text
        assert "is left as it is, the answer is whole." in screen.text
        assert "go on: vasini ask run_" in screen.text
        assert "Traceback" not in screen.text
        assert model.asked == 1
    (run,) = vasini.ok("runs")["runs"]
    (turn,) = vasini.ok("conversation", run["run_id"])["turns"]
    assert (turn["status"], turn["text"]) == ("COMPLETED", "There are beans.\nAnd peas.")


def test_once_more_leaves_at_once_and_whoever_goes_on_asks_the_model_anew(vasini: Vasini) -> None:
    with asking(vasini) as (screen, model):
        screen.press(CTRL_C)
        screen.shows("Once more")
        screen.press(CTRL_C)
        assert screen.ended() == 130
        assert not model.may_end.is_set()
        assert "Traceback" not in screen.text
        assert screen.left_on() == []
        (run,) = vasini.ok("runs")["runs"]
        assert run["status"] == "RUNNING"
        model.may_end.set()
        vasini.ok("ask", run["run_id"], "And now?")
        assert model.asked == 3
        told = vasini.ok("conversation", run["run_id"])["turns"]
        assert [turn["text"] for turn in told] == ["There are beans.\nAnd peas."] * 2
