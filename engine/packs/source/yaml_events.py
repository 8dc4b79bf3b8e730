"""The parser's events of one document, bounded before any value is built: depth, values, aliases."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

MAX_DEPTH = 50
MAX_ALIASES = 100
MAX_NODES = 100_000
_EVENT_SOURCE = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_EXPANDING = re.compile(r"[&*!]")
"""What tags, anchors and aliases begin with; most files hold none of it."""
_STARTS = frozenset({yaml.MappingStartEvent, yaml.SequenceStartEvent})
_ENDS = frozenset({yaml.MappingEndEvent, yaml.SequenceEndEvent})
_TOO_MANY = f"too many values (aliases expanded): at most {MAX_NODES:,} in a file"
_TOO_DEEP = f"nested too deeply: at most {MAX_DEPTH} levels"
_SECOND_DOCUMENT = "a file holds one document: remove the second `---`"


class ReadError(Exception):
    """Ends one reading; becomes a Problem where documents are read."""

    def __init__(self, message: str, mark: Any = None, *, found: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line: int = mark.line + 1 if mark is not None else 1
        self.column: int = mark.column + 1 if mark is not None else 1
        self.found = found


@dataclass(slots=True)
class _Extent:
    """What an anchored node expands to."""

    nodes: int
    height: int


def bounded_events(text: str) -> list[yaml.Event]:
    """All events of one document; raises `ReadError` at the first limit or forbidden construct."""
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
                raise ReadError(_TOO_MANY, event.start_mark)
            if depth >= MAX_DEPTH:
                raise ReadError(_TOO_DEEP, event.start_mark)
            depth += kind is not yaml.ScalarEvent
        elif kind in _ENDS:
            depth -= 1
        elif kind is yaml.DocumentStartEvent:
            documents += 1
            if documents > 1:
                raise ReadError(_SECOND_DOCUMENT, event.start_mark)
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
                raise ReadError(_SECOND_DOCUMENT, event.start_mark)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            self._node(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, extent = self._open.pop()
            self._close(anchor, extent)

    def _node(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.tag is not None:
            raise ReadError(f"tags are not allowed: remove `{event.tag[:80]}`", event.start_mark)
        self._add(1, 1, event.start_mark)
        anchor = event.anchor
        if anchor is not None:
            if anchor in self._anchors:
                raise ReadError(f"the anchor `&{anchor[:80]}` is defined twice", event.start_mark)
            self._anchors[anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            self._close(anchor, _Extent(1, 1))
        else:
            self._open.append((anchor, _Extent(1, 1)))

    def _alias(self, event: yaml.AliasEvent) -> None:
        name = event.anchor or ""
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            raise ReadError(f"too many aliases: at most {MAX_ALIASES} in a file", event.start_mark)
        if name not in self._anchors:
            raise ReadError(f"the alias `*{name[:80]}` has no anchor before it", event.start_mark)
        extent = self._anchors[name]
        if extent is None:
            raise ReadError(f"the alias `*{name[:80]}` stands inside its own anchor", event.start_mark)
        self._add(extent.nodes, extent.height, event.start_mark)
        self._grow(extent)

    def _add(self, nodes: int, height: int, mark: Any) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise ReadError(_TOO_MANY, mark)
        if len(self._open) + height > MAX_DEPTH:
            raise ReadError(_TOO_DEEP, mark)

    def _close(self, anchor: str | None, extent: _Extent) -> None:
        if anchor is not None:
            self._anchors[anchor] = extent
        self._grow(extent)

    def _grow(self, extent: _Extent) -> None:
        if self._open:
            parent = self._open[-1][1]
            parent.nodes += extent.nodes
            parent.height = max(parent.height, extent.height + 1)
