"""Lines of history, made of what is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.actor import recorded_account
from engine.contracts.model import unchecked
from engine.contracts.runs.run import EventView
from engine.contracts.times import from_micros
from engine.journal.errors import damaged_history
from engine.machine.events.event import ENGINE
from engine.values import with_images_shown

if TYPE_CHECKING:
    from engine.journal.records import StoredEvent


def event_view(stored: StoredEvent, trace_id: str) -> EventView:
    """One line of history; `trace_id` is that of its run. Raises Unavailable (`journal_corrupt`)."""
    event = stored.event
    try:
        at = from_micros(event.ts)
    except (OverflowError, TypeError):
        raise damaged_history(stored.run_id, f"event {stored.run_seq} is of no time") from None
    return unchecked(
        EventView,
        seq=stored.seq,
        run_id=stored.run_id,
        run_seq=stored.run_seq,
        ts=at,
        kind=str(event.kind),
        step_id=event.step_id,
        actor=event.actor,
        account=None if event.via == ENGINE else recorded_account(event.actor),
        via=event.via,
        trace_id=trace_id or None,
        payload=with_images_shown(event.payload, stored=True),
    )
