"""JSON that a program cut within a character is read, however it comes; what else it says stays as it is."""

from __future__ import annotations

import json
from random import Random

import pytest
from pydantic_core import from_json

from engine.foreign_json import WholeCharacters, read_foreign

CUT = {
    "a": "so \ud83d",
    "b": "\ude00 so \U0001f600 \ud83d\ud83d\ude00",
    "\ud83d": "C:\\ud83d \\\ud83d\\",
    "c": ["é", 1],
}
WHOLE = {
    "a": "so \ufffd",
    "b": "\ufffd so \U0001f600 \ufffd\U0001f600",
    "\ufffd": "C:\\ud83d \\\ufffd\\",
    "c": ["é", 1],
}


def test_half_a_character_is_told_as_none() -> None:
    assert read_foreign(json.dumps(CUT).encode(), from_json) == WHOLE
    assert read_foreign(json.dumps(WHOLE, ensure_ascii=False).encode(), from_json) == WHOLE


NO_JSON = [b"", b"{", b'{"a": "\\ud83d', b"[" * 100_000, b'"\\ud83d" ' + b"[" * 100_000]


@pytest.mark.parametrize("data", NO_JSON, ids=range(len(NO_JSON)))
def test_what_is_no_json_is_none_with_half_a_character_either(data: bytes) -> None:
    with pytest.raises(ValueError, match="at line"):
        read_foreign(data, from_json)


def test_pieces_say_the_same_and_no_end_of_a_message_is_kept_back() -> None:
    data, chance = json.dumps(CUT).encode(), Random(7)
    for _ in range(300):
        characters, came, start = WholeCharacters(), b"", 0
        while start < len(data):
            size = chance.choice([1, 2, 3, 5, 8, 30])
            came += characters.feed(data[start : start + size])
            start += size
        assert from_json(came) == WHOLE, "before the end is told"
        assert characters.end() == b""


def test_what_ends_within_an_escape_comes_with_the_end() -> None:
    characters = WholeCharacters()
    assert characters.feed(b'"so \\ud83d') == b'"so '
    assert characters.end() == b"\\ufffd"
    assert characters.feed(b"so \\") + characters.end() == b"so \\"
