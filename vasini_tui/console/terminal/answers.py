"""Answers of the terminal are not keys: they are taken out of what it sends before keys are read.

A terminal may answer questions that another program asked, or that text made it answer: its version
(DCS), its colors, title and clipboard (OSC), what it is (CSI ... c), graphics (APC). Textual would hand
on what it does not know letter by letter, and a letter can be a command.
"""

from __future__ import annotations

import re

ESCAPE = "\x1b"
QUIET_SECONDS = 1.0
"""An answer whose end does not come within this time of its last part is given up, and what came of it."""

_KEY_SECONDS = 0.05
"""How long it is looked whether more follows what may be a key."""

_STRINGS = frozenset("P]_^X")
"""What opens a string after ESC: DCS, OSC, APC, PM, SOS. It goes on to ST, or to BEL."""

_REPORT = re.compile(r"\x1b\[(?:[?>=][0-9;:]*[cnuS]|[0-9;]*[cn]|(?!48;)[0-9;]*t)")
"""Device attributes, statuses, keyboard flags, graphics, window reports; not the size Textual asks for."""

_BEGUN = re.compile(r"\x1b(?:\[(?:[?>=][0-9;:]*|[0-9;]*))?")
"""What may become one of these."""

_PASTE_BEGINS, _PASTE_ENDS = "\x1b[200~", "\x1b[201~"

_SHOWN_ESCAPE = "␛"
"""What fields show of an Esc. In what is pasted Textual would take it, and what follows, for keys."""


class AnswerFilter:
    """Text goes in as it is read, text without answers comes out. What may yet become an answer is held."""

    def __init__(self) -> None:
        self._held = ""
        self._inside = False
        self._pasting = False

    @property
    def patience(self) -> float | None:
        """Seconds after which `let_go` has to be called when nothing follows; None when nothing is held, or
        what is held is part of a paste: that goes on to its end."""
        if self._pasting:
            return None
        if self._inside or self._held[2:3] in tuple("?>="):
            return QUIET_SECONDS
        return _KEY_SECONDS if self._held else None

    def feed(self, text: str) -> str:
        """What of it are keys, or pasted."""
        self._held, text = "", self._held + text
        passed: list[str] = []
        while text:
            if self._inside:
                text = self._skip(text)
            elif self._pasting:
                text = self._take_pasted(text, passed)
            else:
                text = self._take(text, passed)
        return "".join(passed)

    def let_go(self) -> str:
        """Nothing followed: a lone Esc is the key; the beginning of an answer is dropped."""
        if self._pasting:
            return ""
        key = self._held if self.patience == _KEY_SECONDS else ""
        self._held, self._inside = "", False
        return key

    def _skip(self, text: str) -> str:
        """Go on inside a string; what comes behind its end."""
        for place, character in enumerate(text):
            if character in "\x07\x9c\x18\x1a":
                self._inside = False
                return text[place + 1 :]
            if character == ESCAPE:
                if place + 1 == len(text):
                    self._held = ESCAPE
                    return ""
                # An Esc that ends no string cancels it, and begins something else.
                self._inside = False
                return text[place + 2 :] if text[place + 1] == "\\" else text[place:]
        return ""

    def _take(self, text: str, passed: list[str]) -> str:
        """Pass keys up to the next Esc, then look at what it begins."""
        keys, escape, rest = text.partition(ESCAPE)
        passed.append(keys)
        if not escape:
            return ""
        text = escape + rest
        if text[1:2] in _STRINGS and len(text) > 1:
            self._inside = True
            return text[2:]
        if report := _REPORT.match(text):
            return text[report.end() :]
        if _BEGUN.fullmatch(text):
            self._held = text
            return ""
        if text.startswith(_PASTE_BEGINS):
            self._pasting = True
            passed.append(_PASTE_BEGINS)
            return text[len(_PASTE_BEGINS) :]
        passed.append(ESCAPE)
        return text[1:]

    def _take_pasted(self, text: str, passed: list[str]) -> str:
        """What is pasted is text, whatever it looks like, up to the mark of its end."""
        pasted, end, rest = text.partition(_PASTE_ENDS)
        if end:
            self._pasting = False
        else:
            kept = next((size for size in range(5, 0, -1) if text.endswith(_PASTE_ENDS[:size])), 0)
            pasted, self._held = text[: len(text) - kept], text[len(text) - kept :]
        passed += [pasted.replace(ESCAPE, _SHOWN_ESCAPE), end]
        return rest
