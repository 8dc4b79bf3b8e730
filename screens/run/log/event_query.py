"""What is typed into the filter of an event log, as the engine's closed filter."""

from __future__ import annotations

from engine.contracts.runs.run import EventFilter

_FIELDS = {"kind": "kind", "step": "step_id", "by": "actor"}


def event_filter(text: str) -> EventFilter | None:
    """`kind:`, `step:` and `by:` name a part of that field; the other words stand together as a text.

    None when nothing is asked for.
    """
    found: dict[str, str] = {}
    words: list[str] = []
    for word in text.split():
        name, colon, value = word.partition(":")
        if colon and name in _FIELDS:
            if value:
                found[_FIELDS[name]] = value
        else:
            words.append(word)
    if words:
        found["text"] = " ".join(words)
    return EventFilter(**found) if found else None
