"""Runs that failed for a reason of their own, and are taken out of what counts for a service level."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.errors import InvalidInput
from engine.journal.rules.levels.levels import counted_in
from engine.journal.rules.rows.projecting import record
from engine.journal.rules.verb_rules import unknown_run
from engine.machine.events.event import Event
from engine.machine.events.run_facts import RunCompleted, RunDeadLettered, RunExcluded, RunFailed

if TYPE_CHECKING:
    from engine.journal.rules.store import Store

_ENDS = frozenset({RunCompleted.kind, RunFailed.kind, RunDeadLettered.kind})


def exclude(store: Store, run_id: str, reason: str, by: str, via: str, now: int) -> bool:
    """Take a failed run out of what counts, and note it in its history; False when it is out already.

    Raises NotFound, InvalidInput for a run that is not counted as failed.
    """
    row, head = store.run(run_id), store.head(run_id)
    if row is None or head is None:
        raise unknown_run(run_id)
    if row["excluded"] is not None:
        return False
    code = _counted_code(store, run_id) if row["counted_at"] is not None else None
    bucket = None if code is None else counted_in(store, head, lambda one: bool(one.codes.get(code)))
    if code is None or bucket is None:
        raise InvalidInput(
            f"run {run_id} does not count as failed: there is nothing to exclude", {"run_id": run_id}
        )
    codes = {name: count - (name == code) for name, count in bucket.codes.items() if count > (name == code)}
    left = replace(
        bucket,
        bad=bucket.bad - 1,
        excluded=bucket.excluded + 1,
        codes=codes,
        flagged=max(0, bucket.flagged - (row["flagged"] is not None)),
        stated=max(0, bucket.stated - (row["confidence"] is not None)),
        doubtful=max(0, bucket.doubtful - (row["doubtful"] is not None)),
    )
    store.put_level(head["tenant"], head["pack"], left)
    event = Event(RunExcluded(reason), max(now, head["updated_at"]), by, None, via)
    record(store, head, event)
    return True


def _counted_code(store: Store, run_id: str) -> str | None:
    """Why the run failed when it first ended; None when it had not failed."""
    ended = store.first_event(run_id, _ENDS)
    error = ended.event.payload.get("error") if ended is not None else None
    return str(error["code"]) if error else None
