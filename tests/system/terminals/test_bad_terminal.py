"""The console where it cannot be opened: no terminal to draw on, or no journal to work with."""

from __future__ import annotations

import os
import pty
import sqlite3
import subprocess
import threading
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import pytest

from tests.system.conftest import PROGRAM, Outcome

if TYPE_CHECKING:
    from tests.system.conftest import Vasini

pytestmark = pytest.mark.system


def console(vasini: Vasini, term: str) -> Outcome:
    """`vasini` on a terminal of its own, until it ends by itself."""
    ours, theirs = pty.openpty()
    shown = bytearray()

    def read() -> None:
        with suppress(OSError):  # the end of a terminal that nobody holds any more
            while data := os.read(ours, 65_536):
                shown.extend(data)

    reading = threading.Thread(target=read)
    process = subprocess.Popen(
        [PROGRAM], env={**vasini.environment, "TERM": term}, cwd=vasini.cwd,
        stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    reading.start()
    try:
        status = process.wait(60)
    finally:
        process.kill()
        process.wait()
        reading.join()
        os.close(ours)
    return Outcome(status, b"", bytes(shown))


def test_without_a_terminal_the_console_says_so(vasini: Vasini) -> None:
    outcome = vasini.execute()
    assert outcome.status == 7
    assert outcome.stderr.startswith("vasini: terminal_unavailable: ")
    assert outcome.stderr.count("\n") == 1
    assert outcome.out == b""


@pytest.mark.parametrize("term", ["dumb", "unknown", ""])
def test_on_a_terminal_that_cannot_draw_the_console_says_so(vasini: Vasini, term: str) -> None:
    outcome = console(vasini, term)
    assert outcome.status == 7
    assert outcome.stderr.startswith("vasini: terminal_unavailable: ")
    assert b"\x1b" not in outcome.err


@pytest.mark.parametrize("code", ["journal_corrupt", "journal_newer"])
def test_on_a_journal_that_cannot_be_used_the_console_does_not_open(vasini: Vasini, code: str) -> None:
    file = vasini.home / "data" / "journal.db"
    file.parent.mkdir(parents=True)
    if code == "journal_newer":
        vasini.ok("runs")
        with closing(sqlite3.connect(file)) as database:
            database.execute("PRAGMA user_version = 999")
    else:
        file.write_bytes(b"not a database" * 1000)
    outcome = console(vasini, "xterm-256color")
    assert outcome.status == 7
    _, _, words = outcome.stderr.rpartition("\x1b[?1049l")  # back from the alternate screen
    assert f"vasini: {code}: " in words
    assert words.count("\n") == 1
