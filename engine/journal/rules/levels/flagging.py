"""Runs that told what is not so: people flag them, and take that back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.errors import InvalidInput
from engine.journal.rules.levels.levels import counted_in
from engine.journal.rules.rows.projecting import record
from engine.journal.rules.verb_rules import unknown_run
from engine.machine.events.event import Event
from engine.machine.events.run_facts import RunFlagged, RunFlagRemoved

if TYPE_CHECKING:
    from engine.journal.rules.store import Store


def flag(store: Store, run_id: str, comment: str, by: str, via: str, now: int, *, on: bool) -> bool:
    """Count a run as flagged, or no more, and note it in its history; False when it is so already.

    What a person says takes the place of what its agents stated: a run that is doubtful by that is flagged
    instead, or neither.

    Raises NotFound, InvalidInput for a run that does not count, or no more.
    """
    row, head = store.run(run_id), store.head(run_id)
    if row is None or head is None:
        raise unknown_run(run_id)
    flagged, doubtful = row["flagged"] is not None, row["doubtful"] is not None
    if flagged is on and not (doubtful and not on):
        return False
    bucket = counted_in(store, head, lambda one: bool(one.total)) if row["counted_at"] is not None else None
    if bucket is None or row["excluded"] is not None:
        raise InvalidInput(
            f"run {run_id} does not count for a service level: flag one that completed or failed, and that "
            f"no other run started",
            {"run_id": run_id},
        )
    counted = replace(
        bucket,
        flagged=max(0, bucket.flagged + on - flagged),
        doubtful=max(0, bucket.doubtful - doubtful),
    )
    store.put_level(head["tenant"], head["pack"], counted)
    fact = RunFlagged(comment) if on else RunFlagRemoved(comment)
    event = Event(fact, max(now, head["updated_at"]), by, None, via)
    record(store, head, event)
    return True
