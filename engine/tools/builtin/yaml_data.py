"""YAML as data: the JSON types and nothing else, so a date stays the text it is and no tag makes an object.

Plain scalars become null, booleans and numbers only in the forms JSON has (and YAML's spellings of
null and booleans); `yes`, `0o17`, `12:30`, `.nan` and `2024-01-31` are text. Built on the event stream,
which needs no stack: nesting and aliases from outside are bounded here.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from engine.tools.failure import ToolFailure, invalid_input

if TYPE_CHECKING:
    from engine.threads import StopFlag

_MAX_DEPTH = 100
_MAX_NODES = 2_000_000
"""Of what is written out, aliases as what they name; 16 characters of a text count as one."""
_TAG = "tag:yaml.org,2002:"
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_MERGE = "<<"


@dataclass(slots=True)
class _Node:
    """A collection being read. `size` counts what it is once its aliases are written out."""

    value: dict[str, Any] | list[Any]
    anchor: str | None
    size: int = 1
    key: str | None = None
    merged: dict[str, Any] = field(default_factory=dict)


def parse_yaml(text: str, path: str, stop: StopFlag) -> Any:
    """The one document of `text`. Raises ToolFailure(invalid_input) naming the line."""
    try:
        return _Reader(path).read(yaml.parse(text, Loader=yaml.CSafeLoader), stop)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise _unreadable(path, line, str(error.problem or error.context)) from error
    except yaml.YAMLError as error:
        raise _unreadable(path, 1, str(error)) from error


class _Reader:
    """Builds the value from events."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._open: list[_Node] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._result: Any = None
        self._documents = 0
        self._line = 1

    def read(self, events: Any, stop: StopFlag) -> Any:
        """The value of the only document."""
        for event in events:
            stop.check()
            self._line = event.start_mark.line + 1
            if isinstance(event, yaml.DocumentStartEvent):
                self._documents += 1
                if self._documents > 1:
                    raise self._fault("a second document starts; one is read")
            elif isinstance(event, yaml.ScalarEvent):
                self._scalar(event)
            elif isinstance(event, yaml.AliasEvent):
                self._alias(event.anchor)
            elif isinstance(event, yaml.CollectionStartEvent):
                self._start(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._end()
        return self._result

    def _start(self, event: yaml.CollectionStartEvent) -> None:
        mapping = isinstance(event, yaml.MappingStartEvent)
        if event.tag not in (None, "!", _TAG + ("map" if mapping else "seq")):
            raise self._fault(f"the tag {event.tag} is not a JSON type")
        if len(self._open) >= _MAX_DEPTH:
            raise self._fault(f"it is nested deeper than {_MAX_DEPTH} levels")
        self._require_key_before_collection()
        self._open.append(_Node({} if mapping else [], event.anchor))

    def _end(self) -> None:
        node = self._open.pop()
        if isinstance(node.value, dict):
            for key, value in node.merged.items():  # what the mapping says itself wins over what it merges
                node.value.setdefault(key, value)
        self._add(node.value, node.size, node.anchor)

    def _alias(self, anchor: str | None) -> None:
        if anchor is None or anchor not in self._anchors:  # not known, or still open: it would hold itself
            raise self._fault(f"the alias *{anchor} names nothing that is complete")
        value, size = self._anchors[anchor]
        self._add(value, size, None)

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        node = self._open[-1] if self._open else None
        if node is not None and isinstance(node.value, dict) and node.key is None:
            self._take_key(node, event)
            return
        value = self._value(event)
        self._add(value, _size(value), event.anchor)

    def _take_key(self, node: _Node, event: yaml.ScalarEvent) -> None:
        value = self._value(event)
        if not isinstance(value, str):
            raise self._fault(f"the key {event.value!r} is not text; put it in quotes")
        assert isinstance(node.value, dict)
        if value in node.value:
            raise self._fault(f"the key {value!r} appears twice")
        if event.anchor:
            self._anchors[event.anchor] = (value, _size(value))
        node.key = value
        node.size += _size(value)

    def _add(self, value: Any, size: int, anchor: str | None) -> None:
        if anchor:
            self._anchors[anchor] = (value, size)
        if not self._open:
            self._result = value
            return
        node = self._open[-1]
        node.size += size
        if node.size > _MAX_NODES:
            raise self._fault(f"with its aliases written out it holds more than {_MAX_NODES} values")
        if isinstance(node.value, list):
            node.value.append(value)
        elif node.key is None:
            raise self._fault("a key is not text")
        elif node.key == _MERGE:
            self._merge(node, value)
        else:
            node.value[node.key] = value
        node.key = None

    def _merge(self, node: _Node, value: Any) -> None:
        for source in value if isinstance(value, list) else [value]:
            if not isinstance(source, dict):
                raise self._fault("`<<` merges mappings only")
            for key, item in source.items():
                node.merged.setdefault(key, item)

    def _require_key_before_collection(self) -> None:
        if self._open and isinstance(self._open[-1].value, dict) and self._open[-1].key is None:
            raise self._fault("a key is a list or a mapping; JSON keys are text")

    def _value(self, event: yaml.ScalarEvent) -> Any:
        text = event.value
        if event.tag not in (None, "!"):
            return self._tagged(event.tag, text)
        if event.tag == "!" or not event.implicit[0]:  # quoted
            return text
        return _plain(text)

    def _tagged(self, tag: str, text: str) -> Any:
        if tag == _TAG + "str":
            return text
        value = _plain(text)
        kinds: dict[str, tuple[type, ...]] = {
            "null": (type(None),),
            "bool": (bool,),
            "int": (int,),
            "float": (int, float),
        }
        wanted = kinds.get(tag.removeprefix(_TAG))
        if (
            wanted is None
            or not isinstance(value, wanted)
            or (isinstance(value, bool) and tag != _TAG + "bool")
        ):
            raise self._fault(f"the tag {tag} on {text!r} is not a JSON type")
        return value

    def _fault(self, what: str) -> ToolFailure:
        return _unreadable(self._path, self._line, what)


def _size(value: Any) -> int:
    """What a scalar counts as."""
    return 1 + len(value) // 16 if isinstance(value, str) else 1


def _plain(text: str) -> Any:
    if text in _NULL:
        return None
    if text in _BOOLEAN:
        return _BOOLEAN[text]
    number = _NUMBER.fullmatch(text)
    if number is None:
        return text
    if number[1] is None and number[2] is None:
        return int(text) if len(text) < 4000 else text  # Python refuses to read longer ones
    value = float(text)
    return value if math.isfinite(value) else text


def _unreadable(path: str, line: int, what: str) -> ToolFailure:
    return invalid_input(f"{path}:{line}: not YAML data: {what}", {"path": path, "line": line})
