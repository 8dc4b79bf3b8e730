"""What is typed into a form survives a kill and a lost line; long texts go through the operator's editor."""

from __future__ import annotations

import os
import signal
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.system.conftest import PROGRAM
from tests.system.terminals.terminal import Terminal, terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.system.conftest import Vasini

pytestmark = pytest.mark.system

FLOW = """\
steps:
  - id: ask
    type: user_input
    params:
      form_id: report
      title: Report
      schema:
        type: object
        required: [name]
        properties:
          note: {type: string, x-multiline: true}
          name: {type: string}
          people:
            type: array
            items: {type: object, properties: {mail: {type: string, format: email}}}
  - id: say
    type: tool
    tool: text.report
    params: {title: x, body: "{{ steps.ask.output['values'].name }}"}
"""


@pytest.fixture
def reporting(vasini: Vasini) -> Vasini:
    """A home with a run that waits for its form."""
    vasini.make_pack("acme", ask=FLOW)
    vasini.ok("run", "acme/ask", "--input", "{}")
    vasini.ok("worker", "--until-idle")
    return vasini


@contextmanager
def form(vasini: Vasini, **env: str) -> Iterator[Terminal]:
    """The console with the form open."""
    environment = {**vasini.environment, "TERM": "xterm-256color", **env}
    with terminal(
        [PROGRAM], env=environment, cwd=vasini.cwd, size=(80, 40), start=vasini.warm.on_terminal
    ) as screen:
        screen.shows("pending input")
        screen.press("3")
        screen.shows("Report · run")
        screen.press("enter")
        screen.shows("add an item")
        yield screen


def drafts(vasini: Vasini) -> str:
    """Everything that is kept of drafts."""
    with closing(sqlite3.connect(vasini.home / "data" / "journal.db")) as database:
        return "\n".join(row[0] for row in database.execute("SELECT draft FROM drafts"))


def test_a_half_filled_form_is_there_after_a_kill(reporting: Vasini) -> None:
    with form(reporting) as screen:
        screen.send(b"\tAda\t\r")  # in one piece, as a slow line brings it
        screen.shows("1 of 1")
        screen.press(*"ada@")
        screen.until(lambda: "ada@" in drafts(reporting), "the draft is kept")
        screen.process.send_signal(signal.SIGKILL)
        screen.process.wait(30)
    with form(reporting) as screen:
        screen.shows("restored")
        screen.shows("ada@")
        screen.press("f2")
        screen.shows("must be a valid email")
        screen.press(*"b.org", "f2")
        screen.shows("No form waits")
        screen.until(lambda: drafts(reporting) == "", "the draft is dropped")
    answers = reporting.ok("forms", "--status", "answered")["forms"]
    assert [answer["answered_by"] for answer in answers] != []


@pytest.mark.parametrize("how", ["hang-up", "terminate"])
def test_what_was_typed_last_is_kept_when_the_console_is_ended(reporting: Vasini, how: str) -> None:
    with form(reporting) as screen:
        screen.press("tab", *"Ada")
        screen.shows("Ada")
        screen.press(*"-L")
        screen.shows("Ada-L")
        if how == "hang-up":
            screen.hang_up()
        else:
            screen.process.terminate()
        screen.process.wait(30)
    assert "Ada-L" in drafts(reporting)


def an_editor(place: Path, script: str) -> str:
    place.mkdir(exist_ok=True)
    file = place / "my editor"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return f"'{file}' --wait"


def test_a_long_text_goes_through_the_editor_on_a_private_file(reporting: Vasini, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    script = (
        f'stat -c %a "$2" "$(dirname "$2")" > {tmp_path}/modes; cat "$2" > {tmp_path}/before\n'
        f'echo "EDITOR IS OPEN"; read line < /dev/tty; printf "%s\\nsecond\\033[31m line\\n" "$line" > "$2"'
    )
    with form(reporting, VISUAL=an_editor(tmp_path / "bin", script), TMPDIR=str(spool)) as screen:
        screen.press(*"draft", "\x07")
        screen.shows("EDITOR IS OPEN")
        assert "alternate screen" not in screen.left_on()
        screen.press(*"from the editor", "enter")
        screen.shows("second␛[31m line")
        screen.shows("from the editor")
        assert "alternate screen" in screen.left_on()
        screen.press("tab", *"Ada")
        screen.shows("Ada")
        assert list(spool.iterdir()) == []
    assert (tmp_path / "modes").read_text().split() == ["600", "700"]
    assert (tmp_path / "before").read_text() == "draft"


def test_an_editor_that_fails_leaves_the_text_as_it_was(reporting: Vasini, tmp_path: Path) -> None:
    script = 'echo "EDITOR IS OPEN"; exec sleep 60'
    with form(reporting, EDITOR=an_editor(tmp_path / "bin", script), VISUAL="") as screen:
        screen.press(*"draft", "\x07")
        screen.shows("EDITOR IS OPEN")
        screen.press("\x03")
        screen.shows("ended with status -2")
        screen.shows("draft")
        screen.press("\x07")
        screen.shows("EDITOR IS OPEN")
        os.kill(screen.process.pid, signal.SIGTERM)
        assert screen.ended() == 128 + signal.SIGTERM
        assert screen.left_on() == []
    with form(reporting, EDITOR="no-such-editor -w", VISUAL="") as screen:
        screen.press("\x07")
        screen.shows("There is no editor")
