from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from wcwidth import wcswidth

from engine.safe_text import _PLAIN_LINE, MAX_MARKS, SafeText, has_hidden, sanitize, with_few_marks

ANY_TEXT = st.text(alphabet=st.characters(codec=None, exclude_categories=[]), max_size=200)
HOSTILE = {
    "csi": "\x1b[2J\x1b[1;1H",
    "osc0": "\x1b]0;title\x07",
    "osc8": "\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "osc52": "\x1b]52;c;cm0gLXJmIC8=\x07",
    "c1": "\x9b2J\x9d0;x\x9c",
    "bel": "\x07",
    "delete": "\x7f",
    "nul": "a\x00b",
    "bidi": "\u202egnp.exe\u202c \u2066x\u2069 \u200f\u061c",
    "zero width": "a\u200bb\u200cc\u200dd\u2060e\ufeff",
    "separators": "a\u2028b\u2029c\x85d",
    "tags": "x\U000e0041\U000e0042\U000e007f",
    "annotation": "\ufff9a\ufffab\ufffb",
    "surrogate": "a\ud800b\udfff",
    "noncharacter": "\ufffe\uffff\U0010ffff\ufdd0",
    "selectors": "a\ufe00\U000e0101",
    "fillers": "\u3164\u115f\u2800\u034f",
    "carriage return": "safe\rrm -rf /",
    "backspace": "rm -rf /\b\b\b\b\b\b\b\bls",
}

_FIRST_OF_FEW = 0x20000
"""From here on whole planes are unassigned: of those characters one in `_OF_THE_REST` is looked at."""
_OF_THE_REST = 16


def unsafe(text: str, *, multiline: bool) -> list[str]:
    allowed = "\n" if multiline else ""
    bad = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    return [c for c in text if unicodedata.category(c) in bad and c not in allowed]


@pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("multiline", [True, False])
def test_hostile_text_becomes_visible_and_is_reported(payload: str, multiline: bool) -> None:
    safe = sanitize(payload, multiline=multiline)
    assert isinstance(safe, SafeText)
    assert unsafe(safe, multiline=multiline) == []
    assert has_hidden(payload)
    assert not has_hidden(safe)


def test_what_is_taken_as_plain_is_what_is_shown_as_it_is() -> None:
    plain = [c for c in map(chr, range(sys.maxunicode + 1)) if _PLAIN_LINE.fullmatch(c)]
    assert len(plain) > 300
    for character in plain:
        assert unsafe(character, multiline=False) == []
        assert unicodedata.category(character)[0] in "LNPSZ"
        assert cell_len(character) == 1
        around = f"\u0634{character}"  # has it looked at character by character
        assert sanitize(around) == around


@given(ANY_TEXT, st.booleans(), st.sampled_from([0, 1, 30, 45, 60, 10_000]))
def test_output_is_harmless_bounded_and_stable(text: str, multiline: bool, limit: int) -> None:
    safe = sanitize(text, multiline=multiline, limit=limit)
    assert unsafe(safe, multiline=multiline) == []
    assert len(safe) <= limit
    assert sanitize(safe, multiline=multiline, limit=limit) == safe


@given(st.text(alphabet="e\u0301\u20dd\n\ufe0f❤", max_size=60), st.booleans())
def test_floods_of_marks_are_bounded_and_stable(text: str, multiline: bool) -> None:
    safe = sanitize(text, multiline=multiline)
    run = longest = 0
    for character in safe:
        run = run + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        longest = max(longest, run)
    assert longest <= 8 + 1  # and an emoji's own style
    assert sanitize(safe, multiline=multiline) == safe


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126)))
def test_plain_text_is_unchanged(text: str) -> None:
    assert sanitize(text) == text
    assert not has_hidden(text)


def test_controls_show_as_their_pictures() -> None:
    assert sanitize("\x1b[31m\x07\x00\x7f\u202e") == "␛[31m␇␀␡⟨U+202E⟩"


def test_line_feeds_and_tabs_follow_the_kind_of_place() -> None:
    assert sanitize("a\tb\r\nc\nd") == "a→b⏎c⏎d"
    assert sanitize("a\tb\r\nc\nd", multiline=True) == "a    b\nc\nd"
    assert not has_hidden("a\tb\r\nc\nd")


def test_ordinary_writing_and_emoji_stay() -> None:
    for text in ("Grüße, żółw, 日本語, עברית, हिन्दी", "⚠\ufe0f ✅ 🚀", "e\u0301"):
        assert sanitize(text) == text
        assert not has_hidden(text)


def test_a_run_of_hidden_characters_is_one_sign_with_their_number() -> None:
    assert sanitize("pa" + "\u200b" * 30 + "th") == "pa⟨30×U+200B⟩th"
    assert sanitize("a\u200b\u200c\u200db") == "a⟨3 hidden, first U+200B⟩b"
    assert sanitize("a\u200b\u200bb") == "a⟨U+200B⟩⟨U+200B⟩b"
    assert sanitize("a\u200b\u200b\u200bb\u200d\u200d\u200d\u200dc") == "a⟨3×U+200B⟩b⟨4×U+200D⟩c"
    for safe in ("pa⟨30×U+200B⟩th", "⟨⟨⟨⟨"):
        assert sanitize(safe) == safe
    assert sanitize("\t\t\t", multiline=True) == " " * 12


def test_every_character_is_drawn_in_as_many_cells_as_are_counted() -> None:
    """As terminals draw it, by the tables of wcwidth; Rich, which counts for Textual, has its own."""
    unknown: list[int] = []
    known: list[int] = []
    for code in range(sys.maxunicode + 1):
        if unicodedata.category(chr(code)) not in ("Cn", "Co", "Cs"):
            known.append(code)
        elif code < _FIRST_OF_FEW or code % _OF_THE_REST == 0 or code & 0xFFFE == 0xFFFE:
            unknown.append(code)
    # Those that no table knows are signs of plain letters; many of them are sanitized at a time.
    told = sanitize("x".join(map(chr, unknown)), limit=100_000_000)
    assert told == "x".join(f"⟨U+{code:04X}⟩" for code in unknown)
    shown = ((code, str(sanitize(chr(code)))) for code in known)
    assert [hex(code) for code, text in shown if cell_len(text) != wcswidth(text)] == []


@pytest.mark.parametrize("text", ["\U0001f1e9\U0001f1ea", "\U0001f44d\U0001f3fd", "\U0001f3fd"])
def test_flags_and_skin_tones_that_not_every_terminal_joins_are_signs(text: str) -> None:
    assert sanitize(text) != text
    assert cell_len(sanitize(text)) == wcswidth(sanitize(text))


def test_a_mark_without_a_base_gets_one() -> None:
    assert sanitize("\u0301x") == "◌\u0301x"
    assert sanitize("\u0301\u0301x") == "◌\u0301\u0301x"


def test_marks_past_what_one_character_may_carry_are_one_note() -> None:
    carried = "e" + "\u0301" * MAX_MARKS
    assert sanitize(f"{carried}x") == f"{carried}x"
    for many in (MAX_MARKS + 1, 30):
        assert sanitize("e" + "\u0301" * many + "x") == f"{carried}⟨marks⟩x"
    assert with_few_marks("◌" + "\u0301" * 30) == "◌" + "\u0301" * MAX_MARKS


def test_the_style_of_an_emoji_stands_behind_one_only() -> None:
    assert sanitize("❤\ufe0f") == "❤\ufe0f"
    assert sanitize("a\ufe0f") == "a⟨U+FE0F⟩"
    assert sanitize("\ufe00") == "⟨U+FE00⟩"


def test_long_text_says_how_much_was_cut() -> None:
    safe = sanitize("x" * 20_000)
    assert len(safe) <= 10_000
    assert safe.endswith("characters)")
    shown = safe.count("x")
    assert f"(+{20_000 - shown} characters)" in safe
    assert sanitize("x" * 200, limit=100) == "x" * 60 + "… (+140 characters)"
    assert sanitize("\u200b" * 500, limit=100) == "⟨101×U+200B⟩… (+399 characters)"


def test_any_object_can_be_shown() -> None:
    class FakeBroken:
        def __str__(self) -> str:
            raise RuntimeError("no")

        def __repr__(self) -> str:
            raise ValueError("no")

    class FakeSilent:
        def __str__(self) -> str:
            raise RuntimeError("no")

        def __repr__(self) -> str:
            return "silent\x1b"

    assert sanitize(FakeBroken()) == "<FakeBroken>"
    assert sanitize(FakeSilent()) == "silent␛"
    assert sanitize(None) == "None"
    assert sanitize(3.5) == "3.5"


@given(ANY_TEXT.map(lambda text: text[:MAX_MARKS]))
def test_a_text_with_few_marks_is_told_the_same(text: str) -> None:
    few = with_few_marks(text)
    assert unicodedata.normalize("NFKD", few) == unicodedata.normalize("NFKD", text)


@pytest.mark.parametrize("mark", ["\u0301", "\u0f73", "\uff9e", "\u0315\u0316", "\uff9f\u0315"])
def test_a_character_carries_so_many_marks_and_the_text_behind_them_stays(mark: str) -> None:
    assert len(with_few_marks(f"a{mark * 50}b")) == MAX_MARKS + 2
    assert with_few_marks(f"a{mark * 50}!b c").endswith("!b c")
