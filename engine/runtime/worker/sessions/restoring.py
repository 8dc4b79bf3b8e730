"""The state of a run from what the journal keeps of it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic_core import from_json

from engine.journal.records import StoredRun
from engine.machine.events.fold import fold
from engine.machine.model.codec import state_from_json
from engine.machine.model.state import RunState

if TYPE_CHECKING:
    from engine.journal.port import Journal
    from engine.journal.rows import RunRow

logger = logging.getLogger(__name__)

EVENTS_AT_ONCE = 250
_UNREADABLE = (ValueError, LookupError, TypeError, AttributeError)


@dataclass(frozen=True, slots=True)
class RestoredRun:
    """A run's state, the time of its last event, and the snapshot it was restored from: the event it
    stands at, its size in bytes.
    """

    state: RunState
    last_ts: int
    snapshot_seq: int = 0
    snapshot_bytes: int = 0


async def restored(journal: Journal, run: StoredRun) -> RestoredRun:
    """The run as its events leave it. A snapshot only saves folding: one that cannot be read is left out."""
    if run.known is not None:
        known = run.known
        state = fold((stored.event for stored in run.events), known.state)
        return RestoredRun(state, _last_ts(run), known.snapshot_seq, known.snapshot_bytes)
    if run.snapshot is None:
        return RestoredRun(fold((stored.event for stored in run.events), RunState()), _last_ts(run))
    try:
        start = state_from_json(from_json(run.snapshot))
    except _UNREADABLE as fault:
        run_id = run.row["run_id"]
        logger.warning("the snapshot of run %s is not used (%s), its events are", run_id, fault)
        return RestoredRun(await _folded(journal, run_id), _last_ts(run))
    state = fold((stored.event for stored in run.events), start)
    return RestoredRun(state, _last_ts(run), start.run_seq, len(run.snapshot))


async def state_of_run(journal: Journal, row: RunRow) -> RunState:
    """The state of a run, whoever works it."""
    found = await journal.snapshot(row["run_id"])
    if found is None:
        return await _folded(journal, row["run_id"])
    seq, snapshot = found
    events = await journal.events_after(row["run_id"], seq)
    return (await restored(journal, StoredRun(row=row, snapshot=snapshot, events=events))).state


async def _folded(journal: Journal, run_id: str) -> RunState:
    """The state that all events of a run leave; no more of them is held than a page."""
    state = RunState()
    while page := await journal.page_events(run_id, state.run_seq, EVENTS_AT_ONCE):
        state = fold((stored.event for stored in page), state)
    return state


def _last_ts(run: StoredRun) -> int:
    return run.events[-1].event.ts if run.events else int(run.row["updated_at"])
