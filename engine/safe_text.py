"""The one sanitizer: text from outside becomes text that cannot act on a terminal or deceive a reader.

What is invisible or acts (controls, escapes, direction marks, zero-width characters, tags, lone
surrogates, noncharacters, private-use characters) shows as a placeholder, and so does what terminals draw
in more cells than are counted for it. A run of placeholders is one, with its number. Screens and the
command line show `SafeText` only, and only `sanitize` makes it.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import groupby

MAX_MARKS = 8
"""Combining marks that one character may carry."""

# Letters of the Latin alphabets, and signs that stand before what models and tools wrote: nothing to look at.
_HARMLESS = " -~¡-¬®-ſ│┆→←✗…"
_PLAIN_LINE = re.compile(f"[{_HARMLESS}]*")
_PLAIN_LINES = re.compile(f"[{_HARMLESS}\n]*")
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Letters, marks and symbols that draw nothing: fillers, joiners, the blank Braille cell, Mongolian selectors.
_BLANK = frozenset(
    map(chr, (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x2800, 0x3164, 0xFFA0))
)
# Drawn wider than counted: regional indicators, skin tones (not every terminal joins them with what is
# before), and a sign that was a mark in older Unicode.
_WIDER = frozenset(map(chr, (*range(0x1F1E6, 0x1F200), *range(0x1F3FB, 0x1F400), 0x1171E)))
_SELECTORS = frozenset(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
_EMOJI_STYLE = "\ufe0f"
_NO_BASE = "◌"
_SIGN = "⟨"
_UNSPACED = re.compile(rf"[^\w\s\x00-\x7f]{{{MAX_MARKS + 1},}}")
_VOICED = str.maketrans("\uff9e\uff9f", "\u3099\u309a")
"""Letters that become marks when a text is normalized."""
_RUN = 3
"""So many placeholders in a row become one."""
_NOTE_ROOM = 40


class SafeText(str):
    """Text that went through `sanitize`."""

    __slots__ = ()


def sanitize(text: object, *, multiline: bool = False, limit: int = 10_000) -> SafeText:
    """`text` as harmless text of at most `limit` characters, with a note of how many were cut.

    A line feed stays only with `multiline` (else `⏎`); a tab becomes four spaces, or `→` in one line.
    Never raises, and changes nothing the second time.
    """
    raw = text if isinstance(text, str) else _text_of(text)
    plain = _PLAIN_LINES if multiline else _PLAIN_LINE
    if len(raw) <= limit and plain.fullmatch(raw) is not None:
        return SafeText(raw)
    pieces = _pieces(raw[: limit + 1].replace("\r\n", "\n"), multiline=multiline)
    if len(raw) <= limit and sum(map(len, pieces)) <= limit:
        return SafeText("".join(pieces))
    return _cut(pieces, len(raw), limit)


def is_unicode(text: str) -> bool:
    """Whether a text holds no half of a surrogate pair, which nothing can store."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def has_hidden(text: object) -> bool:
    """True when `text` holds something invisible or active; tabs and line ends are neither."""
    raw = text if isinstance(text, str) else _text_of(text)
    if _PLAIN_LINES.fullmatch(raw) is not None:
        return False
    visible = raw.replace("\r\n", "\n").replace("\t", " ")
    return "".join(_pieces(visible, multiline=True)) != visible


def with_few_marks(text: str) -> str:
    """`text` without the marks past what one character may carry, for who normalizes it: marks are sorted
    then, in the square of their number."""
    return _UNSPACED.sub(_fewer_marks, text.translate(_VOICED) if not text.isascii() else text)


def _fewer_marks(found: re.Match[str]) -> str:
    kept: list[str] = []
    marks = 0
    for character in found[0]:
        marks = marks + 1 if unicodedata.category(character).startswith("M") else 0
        if marks <= MAX_MARKS:
            kept.append(character)
    return "".join(kept)


def _text_of(value: object) -> str:
    for read in (str, repr):
        try:
            return read(value)
        except Exception:  # noqa: BLE001, S112 - an object from outside may fail in any way; show its type
            continue
    return f"<{type(value).__name__}>"


def _pieces(text: str, *, multiline: bool) -> list[str]:
    """What each character is shown as; marks past the limit become one note where they end."""
    pieces: list[str] = []
    marks = 0
    previous = ""
    for character in text:
        if character == "\n":
            shown = "\n" if multiline else "⏎"
        elif character == "\t":
            shown = "    " if multiline else "→"
        elif character == _EMOJI_STYLE and previous and unicodedata.category(previous) == "So":
            shown = character
        else:
            shown = _shown(character)
        if shown == character and _is_mark(character):
            marks += 1
            if previous in ("", "\n") and marks == 1:
                shown = _NO_BASE + character
            elif marks > MAX_MARKS:
                shown = "⟨marks⟩" if marks == MAX_MARKS + 1 else ""
        else:
            marks = 0
            previous = character
        pieces.append(shown)
    _join_runs(pieces)
    return pieces


def _join_runs(pieces: list[str]) -> None:
    """So that nobody pushes a text out of sight by what cannot be seen: a run of placeholders is one sign."""
    start = 0
    for kind, members in groupby(pieces, lambda piece: piece.startswith(_SIGN) and len(piece) > 1):
        run = list(members)
        if kind and len(run) >= _RUN:
            code = run[0][1:-1]
            words = f"{len(run)}×{code}" if len(set(run)) == 1 else f"{len(run)} hidden, first {code}"
            pieces[start : start + len(run)] = [f"{_SIGN}{words}⟩", *[""] * (len(run) - 1)]
        start += len(run)


@lru_cache(maxsize=8192)
def _shown(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    odd = character in _BLANK or character in _SELECTORS or character in _WIDER
    if odd or unicodedata.category(character) in _HIDDEN:
        return f"{_SIGN}U+{code:04X}⟩"
    return character


@lru_cache(maxsize=8192)
def _is_mark(character: str) -> bool:
    return unicodedata.category(character) in ("Mn", "Me")


def _cut(pieces: list[str], length: int, limit: int) -> SafeText:
    room = limit - _NOTE_ROOM
    if room <= 0:
        return SafeText("…"[:limit])
    used = size = 0
    for piece in pieces:
        if size + len(piece) > room:
            break
        size += len(piece)
        used += 1
    return SafeText(f"{''.join(pieces[:used])}… (+{length - used} characters)")
