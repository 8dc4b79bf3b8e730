"""Tables of commands: whole where there is room, and readable on a terminal that is narrower."""

from __future__ import annotations

import fcntl
import os
import struct
import termios
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len

from vasini_tui.output import Output
from vasini_tui.text_table import TextTable

if TYPE_CHECKING:
    from collections.abc import Callable

ID = "run_01m8m21fn8d7r0sb1mh60h050b"
WHY = "invalid_input: the payload does not fit log-triage/incident: log is required"


def table(heads: str, *rows: tuple[object, ...]) -> TextTable:
    made = TextTable(heads.split())
    for row in rows:
        made.add(row)
    return made


def test_where_there_is_room_every_column_stands_in_its_place() -> None:
    runs = table("RUN STEP WHY", (ID, None, WHY), (ID, "ask", None))
    assert list(runs.lines()) == [f"{'RUN':30}  STEP  WHY", f"{ID}  -     {WHY}", f"{ID}  ask   -"]
    assert list(runs.lines(200)) == list(runs.lines())


def test_columns_without_a_value_give_way_first() -> None:
    assert list(table("RUN NOTES FLOW", (ID, (), "hello")).lines(40)) == [f"{'RUN':30}  FLOW", f"{ID}  hello"]


def test_a_long_last_column_is_wrapped_between_words_in_its_place() -> None:
    assert list(
        table("TOOL DOES", ("files.write", "Write a text file: all of it or nothing.")).lines(40)
    ) == [
        "TOOL         DOES",
        "files.write  Write a text file: all of",
        "             it or nothing.",
    ]


def test_what_does_not_fit_stands_below_its_row_with_its_name() -> None:
    runs = table(
        "RUN STATUS STEP WHY BY", (ID, "FAILED", None, WHY, "root"), (ID, "QUEUED", "ask", None, None)
    )
    assert list(runs.lines(48)) == [
        f"{'RUN':30}  STATUS  STEP",
        f"{ID}  FAILED  -",
        "    why: invalid_input: the payload does not fit",
        "    log-triage/incident: log is required · by:",
        "    root",
        f"{ID}  QUEUED  ask",
    ]


@pytest.mark.parametrize("text", ["x" * 100, "東京 " * 30, "東" * 50, "a b", ""])
@pytest.mark.parametrize("columns", [21, 40, 80])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_lost(text: str, columns: int) -> None:
    lines = list(table("A B C", ("one", text, text), ("two", "-", "last")).lines(columns))
    assert max(map(cell_len, lines)) <= columns
    whole = "".join("".join(lines).split())
    assert whole.count("x") == 2 * text.count("x")
    assert whole.count("東") == 2 * text.count("東")


def test_an_id_that_is_wider_than_the_terminal_is_not_cut() -> None:
    assert list(table("RUN BY", (ID, "ana")).lines(25)) == ["RUN", ID, "    by: ana"]


def on_a_terminal(columns: int, write: Callable[[Output], None]) -> list[str]:
    """What stands on a terminal afterwards."""
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    shown = b""
    with os.fdopen(slave, "w") as terminal:
        write(Output(as_json=False, stdout=terminal, stderr=terminal))
    with os.fdopen(master, "rb", buffering=0) as screen, suppress(OSError):  # its end
        while piece := screen.read(65_536):
            shown += piece
    return shown.decode().replace("\r", "").splitlines()


def test_a_terminal_gets_a_table_that_fits_it() -> None:
    row = (ID, "FAILED", WHY)
    shown = on_a_terminal(50, lambda out: out.table(("RUN", "STATUS", "WHY"), [row]))
    assert shown[:2] == [f"{'RUN':30}  STATUS", f"{ID}  FAILED"]
    assert shown[2].startswith("    why: invalid_input: the payload")


def test_a_long_value_goes_on_in_its_place_and_a_path_stays_whole_to_be_copied() -> None:
    path = "/srv/" + "x" * 60
    pairs = (("error", WHY), ("by", "root"), ("folder", path))
    assert on_a_terminal(60, lambda out: out.pairs(pairs)) == [
        "error   invalid_input: the payload does not fit",
        "        log-triage/incident: log is required",
        "by      root",
        f"folder  {path}",
    ]


def test_what_a_model_wrote_is_broken_at_spaces_and_its_code_at_the_edge() -> None:
    said = ["│ The engine writes every event", "│ ```", "│ let x = fetch(everything)", "│ ```"]
    assert on_a_terminal(24, lambda out: out.fenced(said)) == [
        "│ The engine writes ",
        "┆ every event",
        "│ ```",
        "│ let x = fetch(everythi",
        "┆ ng)",
        "│ ```",
    ]
