"""`vasini --demo`: everything it makes is in one temporary folder, and that is gone afterwards."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.system.conftest import PROGRAM
from tests.system.terminals.terminal import Start, Terminal, as_a_shell_does, terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.system.conftest import Vasini

pytestmark = pytest.mark.system


@dataclass(frozen=True)
class Demo:
    """A demonstration on a terminal; `place` is where its folder is made."""

    terminal: Terminal
    place: Path

    @property
    def folders(self) -> list[Path]:
        return list(self.place.iterdir())


@contextmanager
def demo(vasini: Vasini, tmp_path: Path, *, start: Start = as_a_shell_does) -> Iterator[Demo]:
    place = tmp_path / "temporary"
    place.mkdir()
    env = {**vasini.environment, "TERM": "xterm-256color", "TMPDIR": str(place)}
    with terminal([PROGRAM, "--demo"], env=env, cwd=vasini.cwd, start=start) as opened:
        yield Demo(opened, place)


def contents(place: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in sorted(place.rglob("*"))}


def test_the_demo_lives_and_leaves_the_workspace_of_the_operator_alone(
    vasini: Vasini, tmp_path: Path
) -> None:
    vasini.ok("run", "hello/hello", "--set", "name=Ada")
    before = contents(vasini.home), contents(vasini.cwd)
    with demo(vasini, tmp_path, start=vasini.warm.on_terminal) as opened:
        screen = opened.terminal
        screen.shows("vasini  DEMO")
        screen.until(lambda: "/secret-scan" in screen.text and "/incident" in screen.text, "packs run")
        assert [folder.name for folder in opened.folders if folder.name.startswith("vasini-demo-")]
        screen.press("2")
        screen.shows("What exactly will happen")
        screen.press("1", "q")
        screen.shows("Leave")
        screen.press("q")
        assert screen.ended() == 0
        assert screen.left_on() == []
        assert opened.folders == []
    assert (contents(vasini.home), contents(vasini.cwd)) == before


def test_a_closed_terminal_leaves_nothing_behind(vasini: Vasini, tmp_path: Path) -> None:
    with demo(vasini, tmp_path) as opened:
        opened.terminal.shows("pending")
        opened.terminal.hang_up()
        assert opened.terminal.process.wait(30) == 128 + signal.SIGHUP
        assert opened.folders == []


def test_a_signal_while_it_is_made_leaves_nothing_behind(vasini: Vasini, tmp_path: Path) -> None:
    with demo(vasini, tmp_path) as opened:
        opened.terminal.until(lambda: opened.folders, "the folder is there")
        for number in (signal.SIGTERM, signal.SIGHUP):
            os.kill(opened.terminal.process.pid, number)
        assert opened.terminal.ended() in (128 + signal.SIGTERM, 128 + signal.SIGHUP)
        assert opened.folders == []
        assert opened.terminal.left_on() == []
