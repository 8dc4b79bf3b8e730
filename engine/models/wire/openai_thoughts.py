"""What models of compatible servers think, as far as their servers want it back with the next question."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.models.conversation import Carried, ThoughtDelta
from engine.models.wire.wire_format import object_of, objects

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from engine.models.conversation import Delta, Message
    from engine.models.wire.call_pieces import CallPieces

_PIECES = ("text", "summary", "data")
"""Fields of a detail that come piece by piece."""
_SIGNED = frozenset({"extra_content", "reasoning_details"})


class OpenAiThoughts:
    """Of one answer. DeepSeek and Kimi want `reasoning_content` back, an empty one too, OpenRouter
    `reasoning_details`, Gemini what its calls are signed with; `reasoning` nobody wants, and Groq refuses it.
    """

    def __init__(self) -> None:
        self._texts: list[str] | None = None
        self._details: dict[int | str, dict[str, Any]] = {}
        self._pieces: dict[int | str, dict[str, list[str]]] = {}

    def read(self, delta: Mapping[str, Any]) -> Iterator[Delta]:
        """What a delta says of them. Raises ModelFailure for what no answer has."""
        text = delta.get("reasoning_content")
        if isinstance(text, str):
            self._texts = self._texts or []
            self._texts.append(text)
        else:
            text = delta.get("reasoning")
        details = objects(delta.get("reasoning_details"))
        for detail in details:
            self._add(detail)
        if text and isinstance(text, str):
            yield ThoughtDelta(text)
        elif details:
            yield ThoughtDelta("")

    def _add(self, piece: dict[str, Any]) -> None:
        """A signature is that of the whole text, which comes in pieces of one number."""
        number = piece.get("index")
        if not isinstance(number, int):
            number = f"#{len(self._details)}"
        if number not in self._pieces:
            self._details[number], self._pieces[number] = {}, {}
        self._details[number] |= {name: value for name, value in piece.items() if value is not None}
        for name in _PIECES:
            if isinstance(piece.get(name), str):
                self._pieces[number].setdefault(name, []).append(piece[name])

    def carried(self, calls: CallPieces) -> Iterator[Delta]:
        """What is to be told again, if anything is."""
        data: dict[str, Any] = {}
        if self._texts is not None:
            data["reasoning_content"] = "".join(self._texts)
        if extras := calls.extras:
            data["extra_content"] = extras
        if self._details:
            data["reasoning_details"] = [
                detail | {name: "".join(texts) for name, texts in pieces.items()}
                for detail, pieces in zip(self._details.values(), self._pieces.values(), strict=True)
            ]
            data["ids"] = calls.ids
        if data:
            yield Carried(data, signed=_SIGNED)


def are_wanted(messages: Sequence[Message]) -> bool:
    """Whether the server is one that wants thoughts back: then it wants some with every answer, also with one
    of another model."""
    return any(one.carried is not None and "reasoning_content" in one.carried.data for one in messages)


def told_again(message: Message, calls: Sequence[dict[str, Any]], *, wanted: bool) -> dict[str, Any]:
    """Fields of an answer that its server wants back; what belongs to calls is put beside these, or names
    them as they are called now."""
    if message.carried is None:
        return {"reasoning_content": ""} if wanted else {}
    data = message.carried.data
    for place, extra in object_of(data.get("extra_content")).items():
        calls[int(place)]["extra_content"] = extra
    told: dict[str, Any] = {"reasoning_content": data.get("reasoning_content", "")} if wanted else {}
    if "reasoning_details" in data:
        named_now = zip(data["ids"], (call["id"] for call in calls), strict=False)
        now = {before: after for before, after in named_now if before}
        told["reasoning_details"] = [
            {**one, "id": now[named]} if isinstance(named := one.get("id"), str) and named in now else one
            for one in objects(data["reasoning_details"])
        ]
    return told
