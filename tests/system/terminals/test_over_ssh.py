"""The console through ssh on loopback: who acts, and what a lost line costs (docs/terminals.md)."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.system.conftest import PROGRAM
from tests.system.terminals.slow_line import slow_line
from tests.system.terminals.terminal import Terminal, terminal
from vasini_tui.identity import login_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.system.conftest import Vasini
    from tests.system.terminals.ssh_server import SshServer

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    from tests.system.terminals.ssh_server import ssh_server  # noqa: PLC0415 - slow to import, and all workers read this

    with ssh_server(tmp_path_factory.mktemp("sshd")) as started:
        yield started


@contextmanager
def session(
    vasini: Vasini,
    server: SshServer,
    term: str = "xterm-256color",
    *arguments: str,
    port: int | None = None,
    program: str = "warm",
) -> Iterator[Terminal]:
    remote = " ".join([program, *arguments])
    argv = server.command(remote, port=port)
    env = {**vasini.environment, "TERM": term}
    with terminal(argv, env=env, cwd=vasini.cwd) as opened:
        yield opened


def workers(vasini: Vasini) -> list[dict[str, Any]]:
    found = vasini.ok("doctor")["journal"]["workers"]
    assert isinstance(found, list)
    return found


def console_pid(vasini: Vasini) -> int:
    """The console on this home, found as the worker it is."""
    alive = [worker for worker in workers(vasini) if worker["alive"]]
    assert len(alive) == 1, alive
    return int(alive[0]["pid"])


@pytest.mark.parametrize("term", ["xterm", "screen", "linux"])
def test_keys_and_sizes_and_the_end(vasini: Vasini, server: SshServer, term: str) -> None:
    vasini.ok("run", "hello/hello", "--set", "name=Ada")
    program = f"exec {PROGRAM}" if term == "xterm" else "warm"
    with session(vasini, server, term, program=program) as screen:
        screen.shows("pending input")
        screen.press("down", "3")
        screen.shows("How should Ada be greeted?")
        screen.resize(100, 30)
        screen.until(lambda: "Help" in screen.lines[29], "the keys are on the new last line")
        screen.press("q", "q")
        assert screen.ended() == 0
        assert screen.left_on() == []


def test_who_acts_is_the_login_and_nobody_else(vasini: Vasini, server: SshServer) -> None:
    with session(vasini, server, "xterm", "--as", "somebody") as screen:
        assert screen.ended() == 2
        assert f"you act as {login_name()}" in " ".join(screen.text.split())
    vasini.ok("run", "hello/hello", "--set", "name=Ada")
    with session(vasini, server) as screen:
        screen.shows(f"tenant default · {login_name()}")
        screen.press("3")
        screen.shows("How should Ada be greeted?")
        screen.press("enter")
        screen.shows("How formal the greeting is")
        screen.press("f2")
        screen.until(lambda: vasini.ok("approvals")["approvals"], "the form was answered")
    events = vasini("events", vasini.ok("runs")["runs"][0]["run_id"], "--json").lines
    assert [event["actor"] for event in events if event["kind"] == "user_input_received"] == [login_name()]


@pytest.mark.parametrize("lost", ["client killed", "terminal closed", "session ended"])
def test_a_lost_line_ends_the_console_and_no_run(vasini: Vasini, server: SshServer, lost: str) -> None:
    with session(vasini, server) as screen:
        screen.shows("No runs yet")
        pid = console_pid(vasini)
        match lost:
            case "client killed":
                screen.process.send_signal(signal.SIGKILL)
            case "terminal closed":
                screen.hang_up()
            case _:
                os.kill(pid, signal.SIGHUP)
                assert screen.ended() == 128 + signal.SIGHUP
                assert screen.left_on() == []
        screen.until(lambda: not workers(vasini), "the console has given up its runs")
    assert vasini.ok("run", "hello/hello", "--set", "name=Ada", "--wait")["status"] == "PENDING_USER_INPUT"


def test_a_slow_line_is_a_frame_behind_and_not_minutes(vasini: Vasini, server: SshServer) -> None:
    for number in range(3):
        vasini.ok("run", "hello/hello", "--set", f"name=N{number}")
    with slow_line(server.port, 4_800) as port, session(vasini, server, port=port) as screen:
        screen.shows("pending input")
        for _ in range(50):
            screen.press("2", "3", "1", "j")  # much more than the line carries in the time given
        screen.press("?")
        screen.shows("Keys of this screen", seconds=60)
