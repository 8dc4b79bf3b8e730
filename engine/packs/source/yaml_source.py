"""Safe reading of YAML and JSON with positions: bounded, JSON's value types only.

Limits are counted on parser events before any value is built (yaml_events). Plain scalars follow JSON's
grammar: `no`, dates, `0x1f` and `12:30` stay text. Every fault is a `Problem`, never an exception.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import yaml

from engine.contracts.packs.pack import Problem
from engine.packs.source.source_text import FORBIDDEN_CHARACTER
from engine.packs.source.yaml_events import ReadError, bounded_events

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_NUMBER_CHARACTERS = 400
REMEMBERED = 128
"""Documents of small files that are kept by their text, for the next pack or engine that reads the same."""
SMALL = 16_384
"""Characters."""

SourcePath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class SourceLocation:
    """Where a value stands: file, line and column (from 1), and its path inside that file."""

    file: str
    line: int
    column: int
    path: SourcePath


class Document(Protocol):
    """A value with the place of each part of it; the parts may come from several files."""

    @property
    def value(self) -> Any:
        """JSON's types only; shared with other documents, so never changed."""

    def place(self, path: SourcePath) -> SourceLocation:
        """Where the key or list item at `path` stands, else its nearest ancestor."""

    def written_at(self, path: SourcePath) -> str | None:
        """The decimal number at `path` as its author wrote it."""


_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)\Z")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?\Z")
_CONSTANTS: Mapping[str, bool | None] = {"true": True, "false": False, "null": None, "~": None, "": None}
_JSON_ESCAPE = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|\\.")


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """A read document: its value, and where in the text each part of it stands."""

    file: str
    value: Any
    positions: Mapping[SourcePath, tuple[int, int]]
    written: Mapping[SourcePath, str] = field(default_factory=dict)
    """Decimal numbers as the author wrote them: `1.10` is not `1.1` where text is wanted."""

    def place(self, path: SourcePath) -> SourceLocation:
        """See Document."""
        line, column = self.position(path)
        return SourceLocation(self.file, line, column, path)

    def written_at(self, path: SourcePath) -> str | None:
        """See Document."""
        return self.written.get(path)

    def position(self, path: SourcePath) -> tuple[int, int]:
        """Line and column (from 1) of the key or list item at `path`, else of its nearest ancestor."""
        for length in range(len(path), -1, -1):
            place = self.positions.get(path[:length])
            if place is not None:
                return place
        return (1, 1)


def parse_document(text: str, file: str) -> SourceDocument | Problem:
    """Read one YAML (or, by the suffix `.json`, JSON) document, or say where it is broken.

    The same text may be answered with the same document, which nobody changes.
    """
    return _remembered(text, file) if len(text) <= SMALL else _parsed(text, file)


def _parsed(text: str, file: str) -> SourceDocument | Problem:
    if file.endswith(".json"):
        text = _JSON_ESCAPE.sub(_joined_surrogates, text)
    try:
        events = bounded_events(text)
        return _Builder(events).document(file)
    except ReadError as fault:
        return Problem(
            file=file, line=fault.line, column=fault.column, message=fault.message, found=fault.found
        )
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        return Problem(file=file, line=line, column=column, message=_syntax_message(error))
    except yaml.YAMLError as error:
        return Problem(file=file, line=1, column=1, message=f"not valid YAML: {str(error)[:200]}")


_remembered = lru_cache(REMEMBERED)(_parsed)


def _joined_surrogates(match: re.Match[str]) -> str:
    """JSON writes characters beyond U+FFFF as two escapes, YAML as one."""
    if match.group(1) is None:
        return match.group()
    high, low = int(match.group(1), 16), int(match.group(2), 16)
    return f"\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08x}"


def _start(event: yaml.Event) -> tuple[int, int]:
    mark: Any = event.start_mark
    return mark.line + 1, mark.column + 1


def _syntax_message(error: yaml.MarkedYAMLError) -> str:
    words = str(error.problem or "broken syntax")
    if "cannot start any token" in words or "\\t" in words:
        words += " (indent with spaces, not tabs; quote text that starts with a special character)"
    elif "mapping values are not allowed" in words:
        words += " (quote text that holds `: `)"
    context = f" {error.context}" if error.context else ""
    return f"not valid YAML: {words}{context}"


class _Builder:
    """Builds values and positions from events that were already counted."""

    def __init__(self, events: list[yaml.Event]) -> None:
        self._events: Iterator[yaml.Event] = iter(events)
        self._anchors: dict[str, Any] = {}
        self._positions: dict[SourcePath, tuple[int, int]] = {}
        self._written: dict[SourcePath, str] = {}

    def document(self, file: str) -> SourceDocument:
        value = None
        for event in self._events:
            if isinstance(event, yaml.NodeEvent):
                self._positions[()] = _start(event)
                value = self._value(event, ())
        return SourceDocument(file, value, self._positions, self._written)

    def _value(self, event: yaml.Event, path: SourcePath) -> Any:
        value: Any
        if isinstance(event, yaml.AliasEvent):
            return self._anchors[event.anchor or ""]
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event, path)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._sequence(path)
        else:
            value = self._mapping(path)
        anchor = getattr(event, "anchor", None)
        if anchor is not None:
            self._anchors[anchor] = value
        return value

    def _scalar(self, event: yaml.ScalarEvent, path: SourcePath) -> Any:
        text: str = event.value
        if event.style:  # quoted or block: always text (plain is None or "", by parser)
            return _clean(text, event)
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if not _NUMBER.match(text):
            return _clean(text, event)
        if len(text) > MAX_NUMBER_CHARACTERS:
            raise ReadError("the number is too long", event.start_mark, found=text[:40] + "…")
        if _INTEGER.match(text):
            return int(text)
        number = float(text)
        if not math.isfinite(number):
            raise ReadError("the number is too large", event.start_mark, found=text)
        self._written[path] = text
        return number

    def _sequence(self, path: SourcePath) -> list[Any]:
        items: list[Any] = []
        for event in self._events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            place = (*path, len(items))
            self._positions[place] = _start(event)
            items.append(self._value(event, place))
        return items

    def _mapping(self, path: SourcePath) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self._key(event)
            place = (*path, key)
            if key in mapping:
                line = self._positions[place][0]
                raise ReadError(
                    f"the key `{key[:80]}` is here twice (first on line {line})", event.start_mark
                )
            self._positions[place] = _start(event)
            mapping[key] = self._value(next(self._events), place)
        return mapping

    def _key(self, event: yaml.Event) -> str:
        """Keys are text as written, as in JSON: `1` and `true` are the keys "1" and "true"."""
        key = self._anchors[event.anchor or ""] if isinstance(event, yaml.AliasEvent) else None
        if isinstance(event, yaml.ScalarEvent):
            if not event.style and event.value == "<<":
                raise ReadError("merge keys (`<<`) are not supported: write the fields out", event.start_mark)
            key = _clean(event.value, event)
            if event.anchor is not None:
                self._anchors[event.anchor] = key
        if not isinstance(key, str) or (not key and not getattr(event, "style", None)):
            raise ReadError("a key must be text", event.start_mark)
        return key


def _clean(text: str, event: yaml.ScalarEvent) -> str:
    """Escapes such as `"\\e"` may not bring back what the file itself may not hold."""
    bad = FORBIDDEN_CHARACTER.search(text)
    if bad:
        found = f"U+{ord(bad.group()):04X}"
        raise ReadError(f"control character {found} is not allowed in text", event.start_mark, found=found)
    return text
