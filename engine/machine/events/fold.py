"""The fold: `fold(events, state) -> state`, pure. Folding a run's events always gives its state.

It needs no flow definition and knows no step type: where a run goes next, and what a step is, was decided
when the event was made and stands in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.frozen import replace
from engine.machine.model.state import RunState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.machine.events.event import Event


def fold(events: Iterable[Event], state: RunState | None = None) -> RunState:
    """The state after all `events`, from `state` or from nothing.

    Raises InvalidTransition when one does not fit.
    """
    before = state or RunState()
    current, number = before, 0
    for event in events:
        current = event.fact.apply(current, event)
        number += 1
    return counted(current, before, number)


def counted(changed: RunState, before: RunState, events: int) -> RunState:
    """The state that so many events, whose facts have been applied to it, made of `before`: they are counted
    once, for each copy of a state costs as much as what an event changes."""
    return replace(changed, run_seq=before.run_seq + events) if events else changed
