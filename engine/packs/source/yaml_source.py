"""Safe reading of YAML and JSON with positions: bounded, JSON's value types only (design: packs, Errors).

Limits are counted on parser events before any value is built. Plain scalars follow JSON's grammar:
`no`, dates, `0x1f` and `12:30` stay text. Every fault is a `Problem`, never an exception.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import yaml

from engine.contracts.packs.pack import Problem
from engine.packs.source.source_text import FORBIDDEN_CHARACTER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_DEPTH = 50
MAX_ALIASES = 100
MAX_NODES = 100_000
MAX_NUMBER_CHARACTERS = 400

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


_EVENT_SOURCE = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_EXPANDING = re.compile(r"[&*!]")
"""What tags, anchors and aliases begin with; most files hold none of it."""
_STARTS = frozenset({yaml.MappingStartEvent, yaml.SequenceStartEvent})
_ENDS = frozenset({yaml.MappingEndEvent, yaml.SequenceEndEvent})
_TOO_MANY = f"too many values (aliases expanded): at most {MAX_NODES:,} in a file"
_TOO_DEEP = f"nested too deeply: at most {MAX_DEPTH} levels"
_SECOND_DOCUMENT = "a file holds one document: remove the second `---`"
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


class _ReadError(Exception):
    """Ends one reading; becomes a Problem at the edge of this module."""

    def __init__(self, message: str, mark: Any = None, *, found: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line: int = mark.line + 1 if mark is not None else 1
        self.column: int = mark.column + 1 if mark is not None else 1
        self.found = found


def parse_document(text: str, file: str) -> SourceDocument | Problem:
    """Read one YAML (or, by the suffix `.json`, JSON) document, or say where it is broken."""
    if file.endswith(".json"):
        text = _JSON_ESCAPE.sub(_joined_surrogates, text)
    try:
        events = _bounded_events(text)
        return _Builder(events).document(file)
    except _ReadError as fault:
        return Problem(
            file=file, line=fault.line, column=fault.column, message=fault.message, found=fault.found
        )
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        return Problem(file=file, line=line, column=column, message=_syntax_message(error))
    except yaml.YAMLError as error:
        return Problem(file=file, line=1, column=1, message=f"not valid YAML: {str(error)[:200]}")


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


@dataclass(slots=True)
class _Extent:
    """What an anchored node expands to."""

    nodes: int
    height: int


def _bounded_events(text: str) -> list[yaml.Event]:
    """All events of one document; raises `_ReadError` at the first limit or forbidden construct."""
    parser = _EVENT_SOURCE(text)
    try:
        if _EXPANDING.search(text) is None:
            return _plain_events(parser)
        return _Counter(parser).run()
    finally:
        parser.dispose()


def _plain_events(parser: Any) -> list[yaml.Event]:
    """The events of a text without tags, anchors and aliases, whose nodes are simply counted."""
    events: list[yaml.Event] = []
    depth = nodes = documents = 0
    while (event := parser.get_event()) is not None:
        kind = type(event)
        if kind is yaml.ScalarEvent or kind in _STARTS:
            nodes += 1
            if nodes > MAX_NODES:
                raise _ReadError(_TOO_MANY, event.start_mark)
            if depth >= MAX_DEPTH:
                raise _ReadError(_TOO_DEEP, event.start_mark)
            depth += kind is not yaml.ScalarEvent
        elif kind in _ENDS:
            depth -= 1
        elif kind is yaml.DocumentStartEvent:
            documents += 1
            if documents > 1:
                raise _ReadError(_SECOND_DOCUMENT, event.start_mark)
        elif kind is yaml.StreamStartEvent or kind is yaml.StreamEndEvent:
            continue
        events.append(event)
    return events


class _Counter:
    """Counts depth, nodes and what aliases would expand to, without building anything."""

    def __init__(self, parser: Any) -> None:
        self._parser = parser
        self._events: list[yaml.Event] = []
        self._open: list[tuple[str | None, _Extent]] = []
        self._anchors: dict[str, _Extent | None] = {}
        self._nodes = 0
        self._aliases = 0
        self._documents = 0

    def run(self) -> list[yaml.Event]:
        while self._parser.check_event():
            event = self._parser.get_event()
            self._count(event)
            if not isinstance(event, yaml.StreamStartEvent | yaml.StreamEndEvent):
                self._events.append(event)
        return self._events

    def _count(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise _ReadError(_SECOND_DOCUMENT, event.start_mark)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            self._node(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, extent = self._open.pop()
            self._close(anchor, extent)

    def _node(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.tag is not None:
            raise _ReadError(f"tags are not allowed: remove `{event.tag[:80]}`", event.start_mark)
        self._add(1, 1, event.start_mark)
        anchor = event.anchor
        if anchor is not None:
            if anchor in self._anchors:
                raise _ReadError(f"the anchor `&{anchor[:80]}` is defined twice", event.start_mark)
            self._anchors[anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            self._close(anchor, _Extent(1, 1))
        else:
            self._open.append((anchor, _Extent(1, 1)))

    def _alias(self, event: yaml.AliasEvent) -> None:
        name = event.anchor or ""
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            raise _ReadError(f"too many aliases: at most {MAX_ALIASES} in a file", event.start_mark)
        if name not in self._anchors:
            raise _ReadError(f"the alias `*{name[:80]}` has no anchor before it", event.start_mark)
        extent = self._anchors[name]
        if extent is None:
            raise _ReadError(f"the alias `*{name[:80]}` stands inside its own anchor", event.start_mark)
        self._add(extent.nodes, extent.height, event.start_mark)
        self._grow(extent)

    def _add(self, nodes: int, height: int, mark: Any) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise _ReadError(_TOO_MANY, mark)
        if len(self._open) + height > MAX_DEPTH:
            raise _ReadError(_TOO_DEEP, mark)

    def _close(self, anchor: str | None, extent: _Extent) -> None:
        if anchor is not None:
            self._anchors[anchor] = extent
        self._grow(extent)

    def _grow(self, extent: _Extent) -> None:
        if self._open:
            parent = self._open[-1][1]
            parent.nodes += extent.nodes
            parent.height = max(parent.height, extent.height + 1)


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
            raise _ReadError("the number is too long", event.start_mark, found=text[:40] + "…")
        if _INTEGER.match(text):
            return int(text)
        number = float(text)
        if not math.isfinite(number):
            raise _ReadError("the number is too large", event.start_mark, found=text)
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
                raise _ReadError(
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
                raise _ReadError(
                    "merge keys (`<<`) are not supported: write the fields out", event.start_mark
                )
            key = _clean(event.value, event)
            if event.anchor is not None:
                self._anchors[event.anchor] = key
        if not isinstance(key, str) or (not key and not getattr(event, "style", None)):
            raise _ReadError("a key must be text", event.start_mark)
        return key


def _clean(text: str, event: yaml.ScalarEvent) -> str:
    """Escapes such as `"\\e"` may not bring back what the file itself may not hold."""
    bad = FORBIDDEN_CHARACTER.search(text)
    if bad:
        found = f"U+{ord(bad.group()):04X}"
        raise _ReadError(f"control character {found} is not allowed in text", event.start_mark, found=found)
    return text
