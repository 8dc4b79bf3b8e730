"""What an agent does and asks for, put together from its updates. Pure; nothing of it is trusted.

A request for permission may name a call by its id only, whose arguments came earlier: what a person is
shown, and an approval is bound to, is the call as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from pydantic_core import to_json

MOST_CALLS = 2_000
MOST_SHOWN = 128 * 1024
"""Bytes of a call that a person can be asked about."""
MOST_TEXT = 1_000_000
"""Characters of what an agent says that are kept."""
MOST_OPTIONS = 20
_FIELDS: dict[str, type] = {"title": str, "kind": str, "rawInput": object, "content": list, "locations": list}
CALL_KINDS = frozenset(
    {"read", "edit", "delete", "move", "search", "execute", "think", "fetch", "switch_mode", "other"}
)
"""What agents say of a call: policies name `acp.<agent>.<kind>`."""
_OVER = frozenset({"completed", "failed"})


@dataclass(frozen=True, slots=True)
class Option:
    """One of the answers that an agent takes."""

    option_id: str
    name: str
    kind: str


@dataclass(slots=True)
class SeenCall:
    """A call as it is known by now."""

    call_id: str
    told: dict[str, Any] = field(default_factory=dict)
    status: str = "pending"
    output: Any = None

    @property
    def kind(self) -> str:
        """One of the protocol's kinds."""
        kind = self.told.get("kind")
        return kind if kind in CALL_KINDS else "other"

    @property
    def is_over(self) -> bool:
        """Whether the agent says that it is."""
        return self.status in _OVER

    def shown(self, allowing: Option | None, always: list[str]) -> dict[str, Any]:
        """What a person is shown: all of it, which answer allows it, which others there would be."""
        return {
            "title": str(self.told.get("title") or ""),
            "kind": self.kind,
            "arguments": self.told.get("rawInput"),
            "content": [one for one in self.told.get("content") or [] if one],
            "locations": self.told.get("locations") or [],
            "answer": allowing.name if allowing else None,
            "never_chosen": always,
        }

    @property
    def has_arguments(self) -> bool:
        """Whether anything was seen of what it would do: arguments, or the change to a file."""
        content = self.told.get("content") or []
        return bool(self.told.get("rawInput")) or any(
            isinstance(one, dict) and one.get("type") == "diff" and isinstance(one.get("newText"), str)
            for one in content
        )


def options_of(given: Any) -> list[Option]:
    """Those that it could be answered with. Where an id stands for two answers nobody knows which one it
    would be taken for, so neither could be chosen."""
    found: list[Option] = []
    for one in given[:MOST_OPTIONS] if isinstance(given, list) else ():
        if not isinstance(one, dict):
            continue
        option_id, name, kind = one.get("optionId"), one.get("name"), one.get("kind")
        if isinstance(option_id, str) and len(option_id) <= 200 and isinstance(kind, str):
            found.append(Option(option_id, str(name)[:200], kind))
    ids = [one.option_id for one in found]
    return [one if ids.count(one.option_id) == 1 else replace(one, kind="") for one in found]


def first_of_kind(options: list[Option], kind: str) -> Option | None:
    """The first option of a kind, None where there is none."""
    return next((one for one in options if one.kind == kind), None)


class Transcript:
    """All that an agent said and did for one prompt."""

    def __init__(self) -> None:
        self.calls: dict[str, SeenCall] = {}
        self._said: list[str] = []
        self._length = 0

    def take_said(self) -> str:
        """What it said since this was called last."""
        text, self._said, self._length = "".join(self._said), [], 0
        return text.strip()

    def hear(self, update: dict[str, Any]) -> str:
        """Take in one update; the lines that are shown of it."""
        match update.get("sessionUpdate"):
            case "agent_message_chunk":
                text = _text(update.get("content"))
                if self._length < MOST_TEXT:
                    self._said.append(text[: MOST_TEXT - self._length])
                    self._length += len(text)
                return text
            case "agent_thought_chunk":
                return _text(update.get("content"))
            case "tool_call" | "tool_call_update":
                return self._hear_call(update)
            case "plan":
                return _plan(update.get("entries"))
            case _:
                return ""

    def updated_call(self, update: dict[str, Any]) -> SeenCall | None:
        """The call that an update is about, after it; None for one too many."""
        call_id = _call_id(update)
        call = self.calls.get(call_id)
        if call is None:
            if len(self.calls) >= MOST_CALLS:
                return None
            call = self.calls[call_id] = SeenCall(call_id)
        for name, kind in _FIELDS.items():
            value = update.get(name)
            if value is not None and isinstance(value, kind):
                call.told[name] = value
        status = update.get("status")
        if isinstance(status, str):
            call.status = status[:40]
        if update.get("rawOutput") is not None:
            call.output = update["rawOutput"]
        return call

    def _hear_call(self, update: dict[str, Any]) -> str:
        before = self.calls.get(_call_id(update))
        status = before.status if before is not None else None
        call = self.updated_call(update)
        if call is None:
            return ""
        if before is None:
            return f"\n→ {call.kind}: {str(call.told.get('title') or call.call_id)[:500]}\n"
        return (
            f"\n  {call.status}: {str(call.told.get('title') or '')[:200]}\n" if call.status != status else ""
        )


def _call_id(update: dict[str, Any]) -> str:
    return str(update.get("toolCallId"))[:200]


def result_of(call: SeenCall) -> dict[str, Any]:
    """What a call brought, as the agent tells it."""
    texts = [_text(one.get("content")) for one in call.told.get("content") or [] if isinstance(one, dict)]
    title = str(call.told.get("title") or "")[:500]
    told: dict[str, Any] = {
        "title": title,
        "status": call.status,
        "text": "\n".join(filter(None, texts))[:32_000],
    }
    if call.output is not None and len(to_json(call.output)) <= MOST_SHOWN:
        told["output"] = call.output
    return told


def _text(content: Any) -> str:
    if not isinstance(content, dict):
        return ""
    text = content.get("text")
    if isinstance(text, str):
        return text
    kind = content.get("type")
    return f"[{str(kind)[:40]}]" if kind else ""


def _plan(entries: Any) -> str:
    lines = [
        f"  [{str(one.get('status'))[:20]}] {str(one.get('content'))[:300]}"
        for one in (entries[:100] if isinstance(entries, list) else ())
        if isinstance(one, dict)
    ]
    return "\n".join(["", "plan:", *lines, ""]) if lines else ""
