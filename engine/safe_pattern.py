"""Regular expressions that cannot be made to run for ever by the text they are matched against.

Python's matcher backtracks: a repeat inside a repeat, such as `(a+)+`, takes exponential time on the
right text. Patterns come from packs and settings and the text from outside, so such patterns are refused
when they are loaded. A repeat inside a repeat is fine when every round begins with a character that
nothing else in it can match, as in `[a-z]+(-[a-z]+)*`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

MAX_PATTERN = 500
"""Characters of a pattern."""
MAX_MATCHED = 5_000
"""Characters of a text that is matched against a pattern with a repeat without end."""

_TOKEN = re.compile(
    r"(?P<open>\((?:\?(?::|P<\w+>|=|!|<=|<!))?)|(?P<close>\))|(?P<bar>\|)"
    r"|(?P<repeat>[*+?][?+]?|\{\d*,?\d*\}[?+]?)|(?P<anchor>\^|\$|\\[bBAZ])"
    r"|(?P<atom>\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.)",
    re.DOTALL,
)
_NO_END = 1_000_000
_FEW = 4
_LITERAL = re.compile(r"\\[^\w\s]|[^\\.\[]", re.DOTALL)


@dataclass(slots=True)
class _Group:
    """One group: its atoms, the first of each alternative, and how its length can vary."""

    atoms: list[str] = field(default_factory=list)
    firsts: list[str] = field(default_factory=list)
    items: int = 0
    varies: bool = False
    repeats: bool = False
    first_varies: bool = False

    @property
    def alternatives(self) -> bool:
        """True when the group has a `|`."""
        return len(self.firsts) > 1


def pattern_problem(pattern: str) -> str | None:
    """Why a pattern of a schema cannot be used, or None."""
    if len(pattern) > MAX_PATTERN:
        return f"the pattern is longer than {MAX_PATTERN} characters"
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as fault:
        return f"the pattern is no regular expression: {fault}"
    if re.search(r"\\[1-9]|\(\?P=|\(\?\(|\(\?[a-zA-Z>]*[:)]", re.sub(r"\(\?:|\\\\", "", pattern)):
        return "the pattern uses back references, conditions or flags"
    if not repeats_are_safe(pattern):
        return (
            "the pattern repeats what itself repeats, which can take for ever; "
            "let every round begin with a character of its own, as in `a+(-a+)*`"
        )
    return None


def is_unbounded(pattern: str) -> bool:
    """True when the pattern has a repeat without end, so that matching may take more than linear time."""
    tokens = (token for token in _TOKEN.finditer(pattern) if token.lastgroup == "repeat")
    return any(_rounds(token[0]) >= _NO_END for token in tokens)


def repeats_are_safe(pattern: str) -> bool:
    """Whether no text makes it take exponential time."""
    stack = [_Group(firsts=[""])]
    closed: _Group | None = None
    for token in _TOKEN.finditer(pattern):
        kind, text = token.lastgroup, token[0]
        group = stack[-1]
        if kind == "repeat":
            if closed is not None and not _is_safe_round(closed, _rounds(text)):
                return False
            _note_repeat(group, text)
        elif kind == "open":
            stack.append(_Group(firsts=[""]))
        elif kind == "bar":
            group.firsts.append("")
            group.items = 0
        elif kind == "atom":
            group.firsts[-1] = group.firsts[-1] or text
            group.atoms.append(text)
            group.items += 1
        closed = _close(stack) if kind == "close" else None
    return True


def _rounds(repeat: str) -> int:
    """How often at most."""
    if repeat[0] != "{":
        return 1 if repeat[0] == "?" else _NO_END
    low, comma, high = repeat.rstrip("?+").strip("{}").partition(",")
    if high:
        return int(high)
    return _NO_END if comma else int(low or 0)


def _note_repeat(group: _Group, repeat: str) -> None:
    if repeat[0] == "{" and "," not in repeat:
        return
    group.varies = True
    group.repeats = group.repeats or _rounds(repeat) > _FEW
    group.first_varies = group.first_varies or group.items == 1


def _close(stack: list[_Group]) -> _Group:
    group = stack.pop()
    outer = stack[-1]
    if outer.items == 0:
        outer.firsts[-1] = "" if group.alternatives else group.firsts[0]
        outer.first_varies = outer.first_varies or group.first_varies
    outer.items += 1
    outer.atoms.extend(group.atoms)
    outer.varies = outer.varies or group.varies or group.alternatives
    outer.repeats = outer.repeats or group.repeats
    return group


def _is_safe_round(group: _Group, rounds: int) -> bool:
    """Whether a group may be repeated: each round has one length, or shows by its first character."""
    varies = group.varies or group.alternatives
    if not varies or rounds <= 1 or (rounds <= 2 * _FEW and not group.repeats):
        return True
    if group.first_varies or not all(_LITERAL.fullmatch(first) for first in group.firsts):
        return False
    letters = {first[-1] for first in group.firsts}
    if len(letters) < len(group.firsts):
        return False
    return not group.varies or all(
        sum(re.fullmatch(atom, letter, re.DOTALL) is not None for atom in group.atoms) == 1
        for letter in letters
    )
