"""Which words of its values a run is found by."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.journal.rules.rows.run_words import (
    LONGEST_WORD,
    MOST_CHARACTERS,
    MOST_WORDS,
    holds_words,
    run_words,
    wanted_words,
)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, ""),
        ("", ""),
        ("a.b_c\nd-D", " a b c d"),
        ({"Name": ["x", 7, 2.5, True, None]}, " name x 7 2 5"),
        ("Zürich ÅNGSTRÖM straße", " zurich angstrom strasse"),
        ("日本 x", " 日本 x"),
        ("q" * 100, f" {'q' * LONGEST_WORD}"),
    ],
)
def test_words_are_letters_and_digits_in_a_row_without_case_and_accents(value: object, words: str) -> None:
    assert run_words(None, value) == words


def test_a_text_of_marks_alone_holds_no_writer_up() -> None:
    """The writer would sort them, in the square of their number, while everybody waits."""
    assert run_words(None, "a" + "\u0315\u0316" * (MOST_CHARACTERS // 2 - 2) + " b") == " a b"


def test_each_value_has_so_many_words_and_none_takes_the_place_of_another() -> None:
    many = [f"in{number}" for number in range(5_000)]
    words = run_words("title", many, {"code": "timeout", "message": "too late"}, {"out": many[::-1]})
    found = words.split()
    assert found[:4] == ["title", "timeout", "too", "late"]
    assert "in999" in found
    assert "in1000" not in found
    assert "in4999" in found
    assert len(found) == 4 + 2 * MOST_WORDS
    assert run_words(None, ["x" * MOST_CHARACTERS, "behind"]) == f" {'x' * LONGEST_WORD}"


@given(st.text(), st.text())
def test_a_text_is_found_by_any_beginning_of_each_of_its_words(text: str, other: str) -> None:
    kept = run_words(None, [other, text])
    for word in wanted_words(text):
        for end in range(1, len(word) + 1):
            assert holds_words(kept, [word[:end]])


def test_a_text_without_words_finds_nothing() -> None:
    assert wanted_words(" -_. ") == []
    assert not holds_words(" a b", [])
