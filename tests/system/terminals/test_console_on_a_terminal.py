"""The real console on a real pty: it comes, answers under load, and leaves nothing switched when it goes."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.patience import PATIENCE
from tests.screens.hostile import PAYLOADS
from tests.system.conftest import PROGRAM
from tests.system.terminals.terminal import Start, Terminal, as_a_shell_does, terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.system.conftest import Vasini

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[3]
ALLOWED = re.compile(
    rb"\x1b\[[0-9;]*m"  # colors
    rb"|\x1b\[[0-9;]*H"  # where the next text goes
    rb"|\x1b\[\?(?:25|7|1000|1003|1004|1006|1015|1016|1049|2004|2026|2048)[hl]"  # modes
    rb"|\x1b\[\?(?:2026|2048)\$p|\x1b\[6n|\x1b\[[<>]\d*u"  # questions, keyboard protocol
    rb"|\x1b\]22;default\x07"  # shape of the mouse pointer
    rb"|\x1b\]52;c;[A-Za-z0-9+/=]+\x07"  # the clipboard, on the operator's key only
)
RAW = re.compile(rb"[\x00-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\x8b-\x8f\xa8-\xae]|\xe2\x81[\xa6-\xa9]")
ECHO = """\
input: {type: object, properties: {text: {type: string}}, required: [text]}
steps:
  - id: ask
    type: human_approval
    title: "Say {{ payload.text }}"
    message: "{{ payload.text }}"
    gates: say
  - {id: say, type: tool, tool: text.report, params: {title: x, body: "{{ payload.text }}"}}
"""


@contextmanager
def console(
    vasini: Vasini, *, size: tuple[int, int] = (80, 24), start: Start | None = None
) -> Iterator[Terminal]:
    # What a shell may export; it must not keep the console from following the size of its terminal.
    env = {**vasini.environment, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}
    warm = start or vasini.warm.on_terminal
    with terminal([PROGRAM], env=env, cwd=vasini.cwd, size=size, start=warm) as opened:
        yield opened


def start_runs(vasini: Vasini, count: int) -> None:
    for number in range(count):
        vasini.ok("run", "hello/hello", "--set", f"name=N{number}")


def test_it_paints_and_takes_keys_and_a_new_size(vasini: Vasini) -> None:
    start_runs(vasini, 2)
    with console(vasini, start=as_a_shell_does) as screen:
        screen.shows("pending input")
        screen.press("3")
        screen.shows("How should N0 be greeted?")
        screen.press("?")
        screen.shows("Keys of this screen")
        screen.press("escape")
        screen.resize(132, 43)
        screen.shows("How should N1 be greeted?")
        screen.until(lambda: len(screen.lines) == 43 and "Help" in screen.lines[-1], "keys on the last line")
        screen.resize(50, 12)
        screen.shows("terminal is too small")
        screen.resize(80, 24)
        screen.shows("How should N1 be greeted?")
        screen.press("q")
        screen.shows("Leave the console?")
        screen.press("q")
        assert screen.ended() == 0
        assert screen.left_on() == []


def test_no_key_is_lost_while_runs_come_in(vasini: Vasini) -> None:
    start_runs(vasini, 1)
    with console(vasini) as screen:
        screen.shows("pending input")
        screen.press("/")
        screen.shows("status:")
        other = vasini.start("run", "hello/hello", "--set", "name=Later")
        for sign in "hello pending":
            screen.press(sign)
        other.communicate(timeout=PATIENCE)
        screen.shows("hello pending")
        screen.press("escape")
        screen.until(lambda: screen.text.count("hello/hello") == 2, "both runs are listed")


@pytest.mark.parametrize("stop", [None, signal.SIGTSTP, signal.SIGSTOP])
def test_stopped_and_continued_it_draws_everything_again_and_reads_each_key_once(
    vasini: Vasini, stop: signal.Signals | None
) -> None:
    start_runs(vasini, 1)
    with console(vasini) as screen:
        screen.shows("pending input")
        for _ in range(2):
            if stop is not None:
                os.kill(screen.process.pid, stop)
                screen.until(lambda: is_stopped(screen.process.pid), "the console is stopped")
            drawn = screen.raw.count(b"pending input")
            os.kill(screen.process.pid, signal.SIGCONT)
            screen.until(partial(has_drawn, screen, drawn + 1), "it draws again")
        screen.press("3")
        screen.shows("How should N0 be greeted?")
        screen.press("q")
        screen.shows("Leave the console?")
        screen.press("q")
        assert screen.ended() == 0
        assert screen.left_on() == []


def has_drawn(screen: Terminal, times: int) -> bool:
    return screen.raw.count(b"pending input") >= times


def is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_the_terminal_is_as_before(vasini: Vasini, number: signal.Signals) -> None:
    with console(vasini) as screen:
        screen.shows("No runs yet")
        assert "alternate screen" in screen.left_on()
        os.kill(screen.process.pid, number)
        assert screen.ended() == 128 + number
        assert screen.left_on() == []


def test_a_defect_ends_it_and_the_terminal_is_as_before(vasini: Vasini) -> None:
    argv = [sys.executable, "-m", "tests.system.terminals.crashing_console"]
    env = {**vasini.environment, "TERM": "xterm-256color"}
    with terminal(argv, env=env, cwd=ROOT) as screen:
        screen.shows("Runs")
        assert screen.ended() == 7
        assert screen.left_on() == []
        assert "Traceback" not in screen.text


def test_when_the_terminal_is_gone_it_ends(vasini: Vasini) -> None:
    with console(vasini, start=as_a_shell_does) as screen:
        screen.shows("No runs yet")
        screen.hang_up()
        assert screen.process.wait(30) == 128 + signal.SIGHUP


def test_a_terminal_that_stands_still_holds_up_neither_runs_nor_the_end(vasini: Vasini) -> None:
    with console(vasini) as screen:
        screen.shows("No runs yet")
        screen.stand_still()
        screen.press(*"1231231212312312123123121231231212312312")  # more than the kernel keeps for it
        vasini.ok("run", "hello/hello", "--set", "name=Ada")
        screen.until(
            lambda: vasini.ok("runs")["runs"][0]["status"] == "PENDING_USER_INPUT", "the run was worked"
        )
        screen.process.terminate()
        assert screen.process.wait(30) == 128 + signal.SIGTERM


def test_a_terminal_that_answers_no_question_is_drawn_on(vasini: Vasini) -> None:
    env = {**vasini.environment, "TERM": "linux"}
    with terminal([PROGRAM], env=env, cwd=vasini.cwd, answers=False, start=vasini.warm.on_terminal) as screen:
        screen.shows("No runs yet")
        screen.press("2")
        screen.shows("No approval waits")
        screen.process.terminate()
        assert screen.ended() == 128 + signal.SIGTERM
        assert screen.left_on() == []


def test_text_from_outside_writes_nothing_of_its_own_to_the_terminal(vasini: Vasini) -> None:
    vasini.make_pack("echo", echo=ECHO)
    texts = [" ".join(text[:5_000] for text in PAYLOADS[start::5]) for start in range(5)]
    for text in texts:
        vasini.ok("run", "echo/echo", "--input", json.dumps({"text": text}))
    vasini.ok("worker", "--until-idle")
    with console(vasini, size=(120, 50)) as screen:
        screen.until(lambda: screen.text.count("pending human") == len(texts), "all runs wait")
        screen.press("enter")
        screen.shows("Timeline")
        for _pane in range(4):
            screen.press("tab", "enter", "escape")
        screen.press("2")
        screen.shows("What exactly will happen")
        for _approval in texts:
            screen.press("down")
        screen.press("up", "y")  # copies an id, the one thing that writes more than text
        screen.shows("Copied ")
        screen.press("q", "q")
        assert screen.ended() == 0
        assert screen.left_on() == []
        written = ALLOWED.sub(b"", screen.raw).replace(b"\r\n", b"")
        assert not [written[max(0, raw.start() - 40) : raw.end() + 40] for raw in RAW.finditer(written)]
