"""Tables of commands: whole where there is room, and readable on a terminal that is narrower."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from vasini_tui.text_table import TextTable

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
