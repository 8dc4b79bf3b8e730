"""Texts line by line, and what they have in common at their ends where that would take too long."""

from __future__ import annotations

from difflib import Match, SequenceMatcher
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_COMPARED = 20_000
"""Lines compared one with another; of longer texts all between the first and last change is changed."""
MOST_STEPS = 5_000_000
"""Of one comparison, about a second: lines that are there many times take the cube of their number."""


class _TooManySteps(Exception):
    pass


class _Counted(SequenceMatcher[str]):
    """Counts how often it compares."""

    def __init__(self, old: Sequence[str], new: Sequence[str], most: int, *, autojunk: bool) -> None:
        super().__init__(None, old, new, autojunk)
        places: Mapping[str, Sequence[int]] = vars(self)["b2j"]  # documented, but not in the stubs
        self._steps = [1 + len(places.get(line, ())) for line in old]
        self._left = most

    def find_longest_match(
        self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None
    ) -> Match:
        self._left -= sum(self._steps[alo:ahi])
        if self._left < 0:
            raise _TooManySteps
        return super().find_longest_match(alo, ahi, blo, bhi)


def compared(
    old: Sequence[str], new: Sequence[str], most: int = MOST_STEPS, *, autojunk: bool = True
) -> SequenceMatcher[str] | None:
    """How lines became others; None where to find that out would take too long: more than `most` steps."""
    if len(old) + len(new) > MAX_COMPARED:
        return None
    matcher = _Counted(old, new, most, autojunk=autojunk)
    try:
        matcher.get_matching_blocks()  # which it keeps
    except _TooManySteps:
        return None
    return matcher


def common_ends(old: Sequence[str], new: Sequence[str]) -> tuple[int, int]:
    """How many lines are the same at the beginning, and how many of the others at the end."""
    shorter = min(len(old), len(new))
    head = next((i for i in range(shorter) if old[i] != new[i]), shorter)
    tail = next((i for i in range(shorter - head) if old[-1 - i] != new[-1 - i]), shorter - head)
    return head, tail
