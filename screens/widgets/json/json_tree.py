"""A JSON value as lines of a folding tree, and the words for its parts. Pure."""

from __future__ import annotations

import json
import re
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len

from screens.widgets.numbers import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Path = tuple[str | int, ...]
"""Keys and indexes from the top; the first is the name of the value."""

FIRST_LINES = 120
"""Lines that are open at first, at most, unless there are more values than that."""

SHOWN_CHARACTERS = 300
"""Of a text in one line; the rest is one key away."""

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Node:
    """One line. `children` is None for what does not fold."""

    path: Path
    value: Any
    children: int | None
    open: bool

    @property
    def depth(self) -> int:
        """How far in it stands."""
        return len(self.path) - 1


@dataclass(slots=True)
class JsonTree:
    """Named values, and which parts of them are open. Only open parts cost anything."""

    values: Mapping[str, Any]
    opened: set[Path] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._open_first()

    def lines(self) -> list[Node]:
        """The visible lines, top to bottom."""
        found: list[Node] = []
        waiting: list[tuple[Path, Any]] = [
            ((name,), self.values[name]) for name in reversed(list(self.values))
        ]
        while waiting:
            path, value = waiting.pop()
            parts = _parts(value)
            is_open = parts is not None and path in self.opened
            found.append(Node(path, value, None if parts is None else len(parts), is_open))
            if parts is not None and is_open:
                waiting.extend(((*path, key), item) for key, item in reversed(parts))
        return found

    def find(self, words: str, by: int, at: Path, *, here: bool) -> Path | None:
        """The next value whose name or text has these words, folded or not, or the one before; around the
        ends. `here`: the one at the path `at` comes first.
        """
        wanted = words.casefold()
        before: list[Path] = []
        own: list[Path] = []
        after: list[Path] = []
        side = before
        for path, value in self._every():
            is_at = path == at
            if is_at:
                side = after
            if _has(path[-1], value, wanted):
                (own if is_at else side).append(path)
        others = after + before if by > 0 else [*reversed(before), *reversed(after)]
        return next(iter(own + others if here else others + own), None)

    def replaced(self, values: Mapping[str, Any]) -> JsonTree:
        """Other values with the same parts open; values that were not there open as at first."""
        fresh = JsonTree(values)
        known = set(self.values)
        fresh.opened = {path for path in fresh.opened if path[0] not in known} | self.opened
        return fresh

    def _every(self) -> Iterator[tuple[Path, Any]]:
        """All values, folded or not, in the order of the lines."""
        waiting: list[tuple[Path, Any]] = [
            ((name,), self.values[name]) for name in reversed(list(self.values))
        ]
        while waiting:
            path, value = waiting.pop()
            yield path, value
            parts = _parts(value)
            if parts:
                waiting.extend(((*path, key), item) for key, item in reversed(parts))

    def _open_first(self) -> None:
        """Level by level, as long as it stays short; a value of its own always opens."""
        lines = len(self.values)
        waiting: deque[tuple[Path, Any]] = deque(((name,), value) for name, value in self.values.items())
        while waiting:
            path, value = waiting.popleft()
            parts = _parts(value)
            if not parts or (lines + len(parts) > FIRST_LINES and len(path) > 1):
                continue
            self.opened.add(path)
            lines += len(parts)
            waiting.extend(((*path, key), item) for key, item in parts)


def format_path(path: Path) -> str:
    """The path as people write it: `output.items[3].name`; odd keys in brackets and quotes."""
    words = str(path[0])
    for part in path[1:]:
        named = isinstance(part, str) and format_key(part) == part
        words += f".{part}" if named else f"[{json.dumps(part, ensure_ascii=False)}]"
    return words


def format_key(key: str) -> str:
    """A key as it is when it is a plain word, else in quotes: no key can look like several."""
    return key if _PLAIN_KEY.fullmatch(key) else json.dumps(key, ensure_ascii=False)


def format_value(node: Node) -> str:
    """What stands beside the name: the value in one line, cut with a note, or how much is inside."""
    match node.value:
        case dict() as items:
            return "{}" if not items else f"{{{counted(len(items), 'key')}}}"
        case list() | tuple() as items:
            return "[]" if not items else f"[{counted(len(items), 'item')}]"
        case str() as text:
            cut = len(text) - SHOWN_CHARACTERS
            note = f" … {cut:,} more characters, Enter shows all" if cut > 0 else ""
            return json.dumps(text[:SHOWN_CHARACTERS], ensure_ascii=False) + note
        case value:
            return json.dumps(value, ensure_ascii=False, default=str)


def value_text(value: Any) -> str:
    """The value as it is copied and read: a text as it is, anything else as indented JSON."""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False, default=str)


def is_long(value: Any, width: int) -> bool:
    """Whether a text takes more than one line of so many cells."""
    return isinstance(value, str) and ("\n" in value or cell_len(value) + len('""') > width)


def _has(name: str | int, value: Any, wanted: str) -> bool:
    """Whether a name, or a value that does not fold, has these words."""
    if isinstance(name, str) and wanted in name.casefold():
        return True
    if isinstance(value, dict | list | tuple):
        return False
    return wanted in (value if isinstance(value, str) else json.dumps(value, default=str)).casefold()


def _parts(value: Any) -> list[tuple[str | int, Any]] | None:
    match value:
        case dict():
            return [(str(key), item) for key, item in value.items()]
        case list() | tuple():
            return list(enumerate(value))
        case _:
            return None
