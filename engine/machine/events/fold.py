"""The fold: `evolve(state, event) -> state`, pure. Folding a run's events always gives its state.

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


def evolve(state: RunState, event: Event) -> RunState:
    """The state after `event`. Raises InvalidTransition when the event does not fit the state."""
    changed = event.fact.apply(state, event)
    return replace(changed, run_seq=state.run_seq + 1)


def fold(events: Iterable[Event], state: RunState | None = None) -> RunState:
    """The state after all `events`, from `state` or from nothing."""
    current = state or RunState()
    for event in events:
        current = evolve(current, event)
    return current
