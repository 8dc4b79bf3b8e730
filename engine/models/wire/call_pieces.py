"""Calls that come in pieces, of servers that number them as they like."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json, to_json

from engine.models.conversation import CallArguments, CallStarted
from engine.models.wire.wire_format import index_of, object_of, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine.models.conversation import Delta
    from engine.models.wire.wire_format import WireNames

_LOOKED_AT = 64 * 1024
"""Characters of arguments that are looked at for whether they are whole, and how often at the most: a server
that repeats itself takes no time with it."""
_LOOKS = 32


@dataclass(slots=True)
class _Call:
    place: int
    id: str = ""
    name: str = ""
    extra: Any = None
    arguments: list[str] = field(default_factory=list)
    size: int = 0
    looks: int = 0

    def is_another(self, call_id: str, name: str) -> bool:
        """Whether a piece with that id and name begins a call of its own, though it has the same number.

        Only one that names a tool does: some servers give every piece another id.
        """
        if not name or not self.name:
            return False
        return call_id != self.id if call_id and self.id else self._is_whole()

    def _is_whole(self) -> bool:
        if not self.arguments or not self.arguments[-1].rstrip().endswith("}"):
            return False
        if self.size > _LOOKED_AT or self.looks >= _LOOKS:
            return False
        self.looks += 1
        try:
            return isinstance(from_json("".join(self.arguments)), dict)
        except ValueError:
            return False


class CallPieces:
    """Puts the calls of one answer together. Numbers may be missing, or be the same for all of them."""

    def __init__(self, names: WireNames) -> None:
        self._names = names
        self._calls: list[_Call] = []
        self._at: dict[int | None, _Call] = {}

    def __bool__(self) -> bool:
        return bool(self._calls)

    def read(self, piece: Mapping[str, Any]) -> Iterator[Delta]:
        """What a piece says. Raises ModelFailure for one that no answer has."""
        function = object_of(piece.get("function"))
        call_id, name = text_of(piece.get("id")), text_of(function.get("name"))
        call = self._call_at(piece.get("index"), call_id, name)
        call.extra = piece.get("extra_content") or call.extra
        call.id = call.id or call_id
        if name and not call.name:
            yield from self._named(call, name)
        given = function.get("arguments")
        text = to_json(given).decode() if isinstance(given, dict) else text_of(given)
        if text:
            call.arguments.append(text)
            call.size += len(text)
            if call.name:
                yield CallArguments(call.place, text)

    def end(self) -> Iterator[Delta]:
        """Calls that name no tool; whoever made them is told so."""
        for call in self._calls:
            if not call.name:
                yield from self._named(call, "")

    @property
    def extras(self) -> dict[str, Any]:
        """What stands beside calls for their server alone, by their places."""
        return {str(call.place): call.extra for call in self._calls if isinstance(call.extra, dict)}

    @property
    def ids(self) -> list[str]:
        """What their server calls them, by their places."""
        return [call.id for call in self._calls]

    def _call_at(self, number: Any, call_id: str, name: str) -> _Call:
        if number is not None:
            index_of(number, 0)
        call = self._at.get(number)
        if call is None or call.is_another(call_id, name):
            call = _Call(index_of(None, len(self._calls)))
            self._calls.append(call)
            self._at[number] = call
        return call

    def _named(self, call: _Call, name: str) -> Iterator[Delta]:
        call.name = name
        yield CallStarted(call.place, call.id or f"call_{call.place}", self._names.own(name))
        if call.arguments:
            yield CallArguments(call.place, "".join(call.arguments))
