"""In how many ways a regular expression can take a text, so that no text makes a match last.

Python's matcher goes back and tries every way. Two repeats that can take the same characters, with nothing
between them that the first cannot take, part a text in as many ways as it has characters: `.*.*.*.*x` takes
the fifth power of its time. The ways are counted on what a pattern is made of, rather too many than too few.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from engine.safe_pattern import MAX_MATCHED, is_unbounded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_MOST_STEPS = 30_000_000.0
"""Of one match; a part of a second."""
_STEP_OF_A_GROUP = 8
"""What a step takes where groups are repeated, of one where single characters are."""
_FEWEST_CHARACTERS = 64
"""A pattern that cannot be matched against so many is of no use."""
_LONGEST = 16 * 1024 * 1024
_MOST_PARTS = 2_000
_ROUNDS_WRITTEN_OUT = 8
_PARSER: Any = importlib.import_module("re._parser")
_LOOPS = frozenset({"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"})
_ONE = frozenset({"LITERAL", "NOT_LITERAL", "ANY", "IN"})
_SAMPLE = frozenset(map(chr, (*range(128), 0xA0, 0xE9, 0x3A9, 0x663, 0x2028, 0x4E2D, 0x1F600)))
"""Characters by which two sets are compared, beside those that the pattern names."""
_CATEGORIES = {"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w"}

Set = frozenset[str]


class _TooMany(Exception):
    """The ways grow with each round, or cannot be counted."""


@dataclass(frozen=True, slots=True)
class _State:
    """What may still take characters here, with the ways up to it, and the ways up to here."""

    takers: tuple[tuple[Set, float], ...] = ()
    ways: float = 1.0

    def past(self, taken: Set) -> _State:
        """Behind one character of a set: who cannot take it is over."""
        return replace(self, takers=tuple(one for one in self.takers if one[0] & taken))

    def or_else(self, other: _State) -> _State:
        """Behind one of two ways."""
        together: dict[Set, float] = {}
        for taken, ways in (*self.takers, *other.takers):
            together[taken] = max(ways, together.get(taken, 0.0))
        return _State(tuple(together.items()), max(self.ways, other.ways))

    def times(self, ways: float) -> _State:
        """Where so many ways lead through the same text."""
        return _State(tuple((taken, own * ways) for taken, own in self.takers), self.ways * ways)


def is_costly(pattern: str) -> bool:
    """Whether a text of a few dozen characters can hold a match of the pattern up."""
    return _steps(pattern, _FEWEST_CHARACTERS) > _MOST_STEPS


@lru_cache(maxsize=512)
def most_characters(pattern: str) -> int:
    """How long a text may be that is matched against the pattern, which `re` takes.

    At most MAX_MATCHED where it has a repeat without end.
    """
    low, high = 0, MAX_MATCHED if is_unbounded(pattern) else _LONGEST
    if _steps(pattern, high) <= _MOST_STEPS:
        return high
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _steps(pattern, middle) <= _MOST_STEPS else (low, middle - 1)
    return low


def _steps(pattern: str, length: int) -> float:
    tree = list(_PARSER.parse(pattern))
    counter = _Counter(length, _SAMPLE | frozenset(_named(tree)))
    anchored = (
        bool(tree) and str(tree[0][0]) == "AT" and str(tree[0][1]) in {"AT_BEGINNING", "AT_BEGINNING_STRING"}
    )
    if tree and str(tree[-1][0]) in _LOOPS:  # a repeat at the end is content with its fewest rounds
        kind, (least, _, body) = tree[-1]
        tree[-1] = (kind, (least, least, body))
    start = _State() if anchored else _State(((counter.every, 1.0),))
    try:
        return length * counter.behind(tree, start).ways * counter.step
    except (_TooMany, RecursionError):
        return float("inf")


@dataclass(slots=True)
class _Counter:
    """Goes through a pattern for a text of so many characters."""

    length: int
    every: Set
    seen: int = field(default=0)
    step: int = field(default=1)

    def behind(self, parts: Iterable[Any], state: _State) -> _State:
        """What is behind these parts."""
        for kind, detail in parts:
            self.seen += 1
            if self.seen > _MOST_PARTS:
                raise _TooMany
            state = self._behind_part(str(kind), detail, state)
        return state

    def _behind_part(self, kind: str, detail: Any, state: _State) -> _State:
        if kind in _ONE:
            return state.past(self._set(kind, detail))
        if kind in _LOOPS:
            least, most, body = detail
            return self._loop(least, most, body, state)
        if kind == "BRANCH":
            return self._branch(detail[1], state)
        if kind in {"SUBPATTERN", "ATOMIC_GROUP"}:
            return self.behind(detail[-1] if kind == "SUBPATTERN" else detail, state)
        if kind in {"ASSERT", "ASSERT_NOT"}:
            return replace(state, ways=self.behind(detail[1], state).ways)
        if kind == "AT":
            return state
        raise _TooMany

    def _loop(self, least: int, most: Any, body: Any, state: _State) -> _State:
        most = self.length + least if most is _PARSER.MAXREPEAT else int(most)
        taken = self._taken(body)
        inside = list(body)
        if len(inside) == 1 and str(inside[0][0]) in _ONE:
            through = state.past(taken)
        else:
            self.step = _STEP_OF_A_GROUP
            through = self._rounds(inside, least, most, state)
        behind = through if least else through.or_else(state)
        if least == most:
            return behind
        rounds = float(min(most - least, self.length) + 1)
        first = self._first(body)  # who takes a round takes what it begins with
        found = max((ways for other, ways in state.takers if other & first), default=0.0)
        ways = max(behind.ways, found * rounds)
        if self._may_be_empty(body):  # a round that takes nothing, and none: two ways for nothing
            ways *= 2
        return replace(behind.or_else(_State(((taken, ways),))), ways=ways)

    def _rounds(self, body: Sequence[Any], least: int, most: int, state: _State) -> _State:
        """Behind the rounds of a group: few are written out, of many each has one way to take its text."""
        if most > _ROUNDS_WRITTEN_OUT:
            self._require_one_way(body)
            return self.behind(body, self.behind(body, state))
        for number in range(most):
            through = self.behind(body, state)
            state = through if number < least else through.or_else(state)
        return state

    def _require_one_way(self, body: Sequence[Any]) -> None:
        """Raises _TooMany. Of alternatives that begin alike one at the end is taken that no other can be."""
        *before, last = body
        kind, detail = last
        while str(kind) == "SUBPATTERN" and len(detail[-1]) == 1:
            kind, detail = detail[-1][0]
        apart = str(kind) == "BRANCH" and self._are_apart(detail[1])
        bodies = [[*before, *one] for one in detail[1]] if apart else [body]
        if any(self.behind(one, _State()).ways > 1 for one in bodies):
            raise _TooMany

    def _are_apart(self, alternatives: Sequence[Any]) -> bool:
        """Whether of each two one needs a character that the other never takes."""
        found = [(self._taken(one), list(self._needed(one))) for one in alternatives]
        return all(
            any(not need & other for need in needs) or any(not need & taken for need in needed)
            for number, (taken, needs) in enumerate(found)
            for other, needed in found[number + 1 :]
        )

    def _needed(self, parts: Any) -> Iterator[Set]:
        for kind, detail in parts:
            if str(kind) in _ONE:
                yield self._set(str(kind), detail)
            elif str(kind) in _LOOPS and detail[0] > 0:
                yield from self._needed(detail[2])

    def _may_be_empty(self, parts: Any) -> bool:
        return all(self._part_may_be_empty(str(kind), detail) for kind, detail in parts)

    def _part_may_be_empty(self, kind: str, detail: Any) -> bool:
        if kind in _LOOPS:
            return detail[0] == 0 or self._may_be_empty(detail[2])
        if kind == "BRANCH":
            return any(map(self._may_be_empty, detail[1]))
        if kind in {"SUBPATTERN", "ATOMIC_GROUP"}:
            return self._may_be_empty(detail[-1] if kind == "SUBPATTERN" else detail)
        return kind not in _ONE

    def _branch(self, alternatives: Sequence[Any], state: _State) -> _State:
        behind = [self.behind(one, state) for one in alternatives]
        together = behind[0]
        for other in behind[1:]:
            together = together.or_else(other)
        firsts = [self._first(one) for one in alternatives]
        alike = any(one & other for number, one in enumerate(firsts) for other in firsts[number + 1 :])
        return together.times(len(alternatives)) if alike else together

    def _first(self, parts: Any) -> Set:
        """What may come first; anything where nothing has to come."""
        found: Set = frozenset()
        for kind, detail in parts:
            name = str(kind)
            if name in _ONE:
                return found | self._set(name, detail)
            if name == "SUBPATTERN":
                return found | self._first(detail[-1])
            if name == "BRANCH":
                return found.union(*map(self._first, detail[1]))
            if name in _LOOPS:
                found |= self._first(detail[2])
                if detail[0] > 0:
                    return found
            elif name not in {"AT", "ASSERT", "ASSERT_NOT"}:
                break
        return self.every

    def _taken(self, parts: Any) -> Set:
        """All that is taken anywhere in the parts."""
        found: Set = frozenset()
        for kind, detail in parts:
            name = str(kind)
            if name in _ONE:
                found |= self._set(name, detail)
            elif name in _LOOPS:
                found |= self._taken(detail[2])
            elif name == "BRANCH":
                found = found.union(*map(self._taken, detail[1]))
            elif name in {"SUBPATTERN", "ATOMIC_GROUP"}:
                found |= self._taken(detail[-1] if name == "SUBPATTERN" else detail)
        return found

    def _set(self, kind: str, detail: Any) -> Set:
        if kind == "ANY":
            return self.every - {"\n"}
        if kind != "IN":
            one = frozenset({chr(detail)})
            return self.every - one if kind == "NOT_LITERAL" else one
        found = frozenset[str]().union(*(self._member(str(name), member) for name, member in detail))
        return self.every - found if str(detail[0][0]) == "NEGATE" else found

    def _member(self, kind: str, detail: Any) -> Set:
        if kind == "NEGATE":
            return frozenset()
        if kind == "CATEGORY":
            name = str(detail).removeprefix("CATEGORY_")
            inside = re.compile(_CATEGORIES[name.removeprefix("NOT_")]).fullmatch
            return frozenset(one for one in self.every if bool(inside(one)) != name.startswith("NOT_"))
        low, high = detail if kind == "RANGE" else (detail, detail)
        return frozenset(one for one in self.every if low <= ord(one) <= high)


def _named(parts: Any) -> Iterator[str]:
    """The characters that a pattern names, and the ends of its ranges."""
    for part in parts:
        if isinstance(part, int) and not isinstance(part, bool) and 0 <= part < 0x110000:
            yield chr(part)
        elif isinstance(part, list | tuple | _PARSER.SubPattern):
            yield from _named(part)
