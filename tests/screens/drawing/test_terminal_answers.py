"""Answers of the terminal never arrive as keys, whole or in pieces; keys and pastes always do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual._xterm_parser import XTermParser

from vasini_tui.console.terminal.answers import AnswerFilter

if TYPE_CHECKING:
    from textual.message import Message

ANSWERS = {
    "version": "\x1bP>|xterm(390)\x1b\\",
    "tertiary attributes": "\x1bP!|00a0a0a0\x1b\\",
    "a color": "\x1b]4;1;rgb:aaaa/rrrr/MMMM\x07",
    "background": "\x1b]11;rgb:0000/0000/0000\x1b\\",
    "clipboard": "\x1b]52;c;YXByb3Zl\x1b\\",
    "title": "\x1b]lapprove all\x1b\\",
    "graphics": "\x1b_Gi=31;OK\x1b\\",
    "attributes": "\x1b[?64;1;2;6;22c",
    "secondary attributes": "\x1b[>41;390;0c",
    "status": "\x1b[0n",
    "window": "\x1b[4;600;800t",
    "keyboard flags": "\x1b[?1u",
}
KEYS = ("a", "\r", "\x1b[A", "\x1bOP", "\x1b[15~", "\x1b[1;5C", "\x1b[97;5u", "\x1b[<0;3;4M", "é")
KEPT = {
    "cursor": "\x1b[12;40R",
    "mode": "\x1b[?2026;2$y",
    "size": "\x1b[48;24;80;0;0t",
    "focus": "\x1b[I",
    "paste": "\x1b[200~Pnot an answer [?1;2c\x1b[201~",
}
PASTED = "\x1b[200~red \x1b[31mx\x1b[0m \x1bPnot an answer\x1b\\ \x1b[?1;2c pause all of them\x1b\x1b[201~"


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_an_answer_is_swallowed_wherever_it_is_split(answer: str) -> None:
    for place in range(len(answer) + 1):
        answers = AnswerFilter()
        assert answers.feed(f"j{answer[:place]}") + answers.feed(f"{answer[place:]}k") == "jk"
        assert answers.patience is None


@pytest.mark.parametrize("kept", [*KEYS, *KEPT.values()])
def test_keys_and_what_the_console_asked_for_pass(kept: str) -> None:
    for place in range(len(kept) + 1):
        answers = AnswerFilter()
        assert answers.feed(kept[:place]) + answers.feed(kept[place:]) + answers.let_go() == kept


@given(st.lists(st.sampled_from([*ANSWERS.values(), *KEYS, *KEPT.values()]), max_size=12), st.data())
def test_any_mixture_in_any_pieces_leaves_the_keys(parts: list[str], data: st.DataObject) -> None:
    text, answers, passed = "".join(parts), AnswerFilter(), ""
    while text:
        size = data.draw(st.integers(1, len(text)))
        passed += answers.feed(text[:size])
        text = text[size:]
    assert passed + answers.let_go() == "".join(part for part in parts if part not in ANSWERS.values())


def test_a_lone_escape_is_the_key_and_an_answer_without_end_is_dropped() -> None:
    answers = AnswerFilter()
    assert answers.feed("\x1b") == ""
    assert answers.let_go() == "\x1b"
    assert answers.feed("\x1bP>|approve") == ""
    assert answers.let_go() == ""
    assert answers.feed("a") == "a"


def test_what_is_pasted_never_becomes_keys_wherever_it_is_split() -> None:
    for place in range(len("\x1b[200~"), len(PASTED) + 1):
        answers, parser = AnswerFilter(), XTermParser()
        read: list[Message] = []
        for piece in (PASTED[:place], PASTED[place:]):
            if passed := answers.feed(piece):
                read += parser.feed(passed)
            if answers.patience is not None:
                read += parser.feed(answers.let_go())
        (paste,) = read
        assert isinstance(paste, events.Paste)
        assert paste.text == "red ␛[31mx␛[0m ␛Pnot an answer␛\\ ␛[?1;2c pause all of them␛"


def test_an_answer_behind_a_paste_whose_end_came_late_is_no_key() -> None:
    answers = AnswerFilter()
    begun = answers.feed("\x1b[200~abc\x1b[20")
    assert answers.patience is None
    assert begun + answers.let_go() + answers.feed("1~\x1bP>|x\x1b\\j") == "\x1b[200~abc\x1b[201~j"
