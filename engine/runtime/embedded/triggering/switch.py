"""Triggers that an operator turned off: noted in the journal with what they have seen, for all processes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.contracts.times import from_micros
from engine.errors import InvalidInput, NotFound, Unavailable
from engine.runtime.shared_notes import read_notes, read_or_begin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.contracts.actor import Actor
    from engine.journal.parts.notes import SharedNotes
    from engine.runtime.embedded.triggering.sources import TriggerSource

OFF = "off"
"""The field of what a trigger has seen that says who turned it off, and when."""
COUNTS_FROM = "definition"
"""The field without which a trigger counts from the next look on."""


def without(seen: dict[str, Any], *fields: str) -> dict[str, Any]:
    """What a trigger has seen but for some fields."""
    return {name: value for name, value in seen.items() if name not in fields}


async def with_switches(notes: SharedNotes, sources: Sequence[TriggerSource]) -> list[TriggerSource]:
    """The triggers; those that an operator turned off say so, unless they are off already."""
    return [await _with_switch(notes, source) for source in sources]


async def switch(
    notes: SharedNotes, sources: Sequence[TriggerSource], name: str, *, on: bool, actor: Actor, now: int
) -> TriggerSource:
    """Turn a trigger on or off; one that is turned on counts from the next look on.

    `name` is `pack/flow/trigger`, or the last part of it when there is only one.
    Raises NotFound, InvalidInput (there are several).
    """
    source, done = _named(sources, name), False
    while not done:  # a worker that looks at it notes what it has seen at the same time
        version, seen = await read_or_begin(notes, source.name)
        if on is (OFF not in seen) and (seen or not version):  # damaged notes are written anew
            break
        other = without(seen, OFF, COUNTS_FROM)
        if not on:
            other[OFF] = {"by": actor.name, "at": now}
        done = await notes.note(source.name, json.dumps(other), version)
    return await _with_switch(notes, source)


def _named(sources: Sequence[TriggerSource], name: str) -> TriggerSource:
    found = [source for source in sources if name in {source.name, source.trigger.id}]
    if not found:
        raise NotFound(f"there is no trigger {name}", {"trigger": name})
    if len(found) > 1:
        names = [source.name for source in found]
        words = f"several triggers are called {name}: {', '.join(names)}; give the whole name of one"
        raise InvalidInput(words, {"triggers": names})
    return found[0]


async def _with_switch(notes: SharedNotes, source: TriggerSource) -> TriggerSource:
    try:
        _, seen = await read_notes(notes, source.name)
    except Unavailable as error:
        if error.may_pass:
            raise
        return replace(source, off=source.off or "what was noted for it is damaged: turn it on anew, or off")
    if OFF not in seen or source.off is not None:
        return source
    moment = from_micros(seen[OFF]["at"]).isoformat(" ", "minutes")[:16]
    return replace(source, off=f"{seen[OFF]['by']} turned it off, {moment} UTC")
