"""What a wire format is: how a request is written, and how frames of an answer become deltas."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from hashlib import sha256
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic_core import from_json

from engine.foreign_json import read_foreign
from engine.models.failure import malformed
from engine.models.wire.frames import EventFrames
from engine.models.wire.told_tools import schema_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from engine.models.conversation import Delta, ModelRequest, ToolOffer
    from engine.models.wire.frames import Frames
    from engine.models.wire.server_errors import Hide

_WIRE_DOT = "__"
_WIRE_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NO_WIRE_NAME = re.compile(r"[^A-Za-z0-9_-]")
_BEFORE_DIGEST = 55
MAX_WORDS = 1_024
"""Characters of a tool's description that OpenAI takes; one more, and it refuses the question."""
MAX_CALLS = 128
"""Calls of one answer."""
MAX_TOKENS = 100_000_000
"""Of input or output of one call; what a server tells above that is no count."""


class Reader(ABC):
    """Reads the frames of one answer. `ended` when it is whole, `may_end` when nothing has to follow."""

    def __init__(self, names: WireNames, hide: Hide) -> None:
        self._names = names
        self._hide = hide
        self.ended = False
        self.may_end = False

    @abstractmethod
    def read(self, frame: bytes) -> Iterator[Delta]:
        """What the frame says. Raises ModelFailure for an error in it, or when it cannot be read."""


class WireFormat(ABC):
    """One way of asking models over HTTP."""

    path: ClassVar[str]
    content_type: ClassVar[str] = "text/event-stream"

    @abstractmethod
    def headers(self, key: str) -> dict[str, str]:
        """Headers with the key; without it when it is empty."""

    @abstractmethod
    def body(self, model: str, request: ModelRequest, names: WireNames) -> dict[str, Any]:
        """The request as JSON."""

    @abstractmethod
    def reader(self, names: WireNames) -> Reader:
        """A reader for one answer."""

    def frames(self) -> Frames:
        """How the answer is cut."""
        return EventFrames()


def functions_of(tools: Sequence[ToolOffer], names: WireNames) -> list[dict[str, Any]]:
    """Tools as most formats offer them: each a function with a schema of its parameters."""
    return [
        {
            "type": "function",
            "function": {
                "name": names.wire(tool.name),
                "description": _short(tool.description),
                "parameters": schema_of(tool),
            },
        }
        for tool in tools
    ]


def _short(description: str) -> str:
    return description if len(description) <= MAX_WORDS else f"{description[: MAX_WORDS - 1]}…"


def wire_name(name: str) -> str:
    """`files.read` as `files__read`; what servers refuse, such as a name that a model made up, with `_` for
    what they do not take and its digest at the end."""
    wire = name.replace(".", _WIRE_DOT)
    return wire if _WIRE_NAME.fullmatch(wire) else _with_digest(name)


def _with_digest(name: str) -> str:
    wire = _NO_WIRE_NAME.sub("_", name.replace(".", _WIRE_DOT))
    return f"{wire[:_BEFORE_DIGEST]}_{sha256(name.encode(errors='replace')).hexdigest()[:8]}"


class WireNames:
    """Names of tools as servers take them: letters, digits, `_` and `-`, 64 at the most, no two the same."""

    def __init__(self, tools: Sequence[ToolOffer]) -> None:
        self._own: dict[str, str] = {}
        self._wire: dict[str, str] = {}
        for tool in tools:
            wire = wire_name(tool.name)
            wire = wire if wire not in self._own else _with_digest(tool.name)
            self._own[wire], self._wire[tool.name] = tool.name, wire

    def wire(self, name: str) -> str:
        """The name under which a tool is offered, or was called."""
        return self._wire.get(name) or wire_name(name)

    def own(self, wire: str) -> str:
        """The tool that was offered under that name; another name as it is."""
        return self._own.get(wire, wire)


def arguments_of(text: str) -> dict[str, Any]:
    """Arguments of a call as the object that servers want back; what was none is shown as it was."""
    try:
        value = from_json(text, allow_inf_nan=False) if text else {}
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {"not_an_object": text}


def json_frame(frame: bytes) -> dict[str, Any]:
    """The object that a frame holds. Raises ModelFailure (`malformed`)."""
    try:
        value = read_foreign(frame, from_json)
    except ValueError:
        raise malformed("the server sent an event that is no JSON") from None
    if not isinstance(value, dict):
        raise malformed("the server sent an event that is no object")
    return value


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; nothing for what is none. Raises ModelFailure for another kind of element."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise malformed("the server sent an event of another shape than its format has")
    return value


def text_of(value: Any) -> str:
    """A text; empty for null. Raises ModelFailure for anything else."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise malformed("the server sent a value where its format has a text")
    return value


def name_of(value: Any) -> str | None:
    """What an answer calls itself or its model; None for what is no name: nothing hangs on it."""
    return value if isinstance(value, str) and value else None


def object_of(value: Any) -> Mapping[str, Any]:
    """An object; empty for null. Raises ModelFailure for anything else."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise malformed("the server sent a value where its format has an object")
    return value


def count_of(value: Any) -> int:
    """A number of tokens; 0 for what is none, at most `MAX_TOKENS`: sums of them must fit the journal."""
    if not isinstance(value, int) or isinstance(value, bool):
        return 0
    return max(0, min(value, MAX_TOKENS))


def index_of(value: Any, default: int) -> int:
    """The place of a call. Raises ModelFailure for one that no answer has."""
    index = default if value is None else value
    if not isinstance(index, int) or not 0 <= index < MAX_CALLS:
        raise malformed(f"an answer has at most {MAX_CALLS} tool calls")
    return index
