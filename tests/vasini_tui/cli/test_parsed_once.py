from __future__ import annotations

import pytest
from textual.css.errors import StylesheetError

from vasini_tui.console.parsed_once import ParsedOnce

RED, BLUE = {"tone": "red"}, {"tone": "blue"}


def a_sheet(css: str = "Label { color: $tone; }", tone: dict[str, str] = RED) -> ParsedOnce:
    sheet = ParsedOnce(variables=tone)
    sheet.add_source(css, ("here", ""))
    return sheet


def test_a_text_is_parsed_once_for_the_same_variables() -> None:
    first, second = a_sheet(), a_sheet()
    assert first.rules[0] is second.rules[0]
    first.reparse()
    assert first.rules[0] is second.rules[0]


def test_each_set_of_variables_has_its_own_rules() -> None:
    sheet, other = a_sheet(), a_sheet(tone=BLUE)
    red = sheet.rules[0]
    assert other.rules[0].css != red.css
    sheet.set_variables(BLUE)
    sheet.reparse()
    assert sheet.rules[0] is other.rules[0]
    sheet.set_variables(RED)
    sheet.reparse()
    assert sheet.rules[0] is red


def test_a_faulty_text_leaves_the_rules_in_force() -> None:
    sheet = a_sheet()
    before = sheet.rules
    sheet.add_source("Label { colour: red; }", ("there", ""))
    with pytest.raises(StylesheetError):
        sheet.reparse()
    assert sheet._rules == before
