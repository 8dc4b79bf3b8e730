"""Runs as they were after one of their events, read-only."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.contracts.flows.step import STEP_TYPES
from engine.errors import InvalidInput
from engine.journal.encoding import decode
from engine.journal.memory.replay import History, Replay, Requests, Steps
from engine.journal.records import Commit
from engine.journal.rules.rows.run_head import run_head
from engine.journal.rules.rows.run_rows import run_change
from engine.machine.events.fold import fold
from engine.machine.model.state import RunState
from engine.values import is_blob

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.journal.memory.journal import MemoryJournal
    from engine.journal.port import Journal
    from engine.journal.records import StoredEvent
    from engine.journal.rows import RunColumns, RunRow
    from engine.runtime.value_store import ValueStore

EVENTS_AT_ONCE = 100
"""Events replayed before the loop is given back, however long the history."""
WAYPOINT_EVERY = 2 * EVENTS_AT_ONCE
MAX_REMEMBERED = 20_000
"""Events of a run up to which the way is remembered."""


@dataclass(frozen=True, slots=True)
class _Waypoint:
    """A run after some of its events; never changed, only continued from."""

    state: RunState
    row: RunRow
    steps: Steps = field(default_factory=dict)
    requests: Requests = field(default_factory=dict)


class RunHistory:
    """Replays runs. Of the last run it remembers waypoints, so that a cursor moves quickly through it.

    What has happened never changes, so a waypoint never grows stale.
    """

    def __init__(self, *, waypoint_every: int = WAYPOINT_EVERY) -> None:
        self._waypoint_every = waypoint_every
        self._run_id = ""
        self._waypoints: list[_Waypoint] = []
        self._history: History = {}

    async def of(self, journal: Journal, row: RunRow, run_seq: int) -> MemoryJournal:
        """A journal that holds one run, as it was after the event `run_seq`. Raises InvalidInput."""
        if not 1 <= run_seq <= row["run_seq"]:
            words = f"run {row['run_id']} has no event {run_seq}: its events are 1 to {row['run_seq']}"
            raise InvalidInput(words, {"run_id": row["run_id"], "run_seq": run_seq})
        if self._run_id != row["run_id"]:
            self._run_id, self._waypoints, self._history = row["run_id"], [], {}
        waypoints, history = self._waypoints, self._history
        reached = (waypoint for waypoint in reversed(waypoints) if waypoint.row["run_seq"] <= run_seq)
        waypoint = next(reached, _Waypoint(RunState(), _unborn(row)))
        replay = Replay(row["run_id"], history, waypoint.steps, waypoint.requests)
        state, then = waypoint.state, waypoint.row
        while (after := then["run_seq"]) < run_seq:
            page = await journal.page_events(row["run_id"], after, min(EVENTS_AT_ONCE, run_seq - after))
            state = fold((stored.event for stored in page), state)
            then = _moved(then, page, state, replay.take(then, page))
            last = waypoints[-1].row["run_seq"] if waypoints else 0
            if last + self._waypoint_every <= then["run_seq"] <= MAX_REMEMBERED:
                waypoints.append(_Waypoint(state, then, *replay.copies()))
        return replay.journal(then)


def _unborn(row: RunRow) -> RunRow:
    """The row before anything happened; who holds the run is not part of its history."""
    before: RunColumns = {
        "started_at": None,
        "finished_at": None,
        "output_seq": None,
        "lease_worker": None,
        "run_seq": 0,
        "ready": 0,
    }
    return {**row, **before}


def _moved(row: RunRow, page: Sequence[StoredEvent], state: RunState, moved: RunColumns) -> RunRow:
    """The row after some more events, of which `moved` are the columns that follow from themselves."""
    commit = Commit(
        run_id=row["run_id"],
        expected_seq=row["run_seq"],
        epoch=0,
        events=[stored.event for stored in page],
        head=run_head(state),
        now=page[-1].event.ts,
        release=True,
    )
    return {**row, **run_change(commit, row, moved, ready=False)}


async def files_written(values: ValueStore, steps: Sequence[Mapping[str, Any]]) -> set[str]:
    """Stored names of the output files that the steps of these rows have brought."""
    names: set[str] = set()
    for number, step in enumerate(steps):
        if number % EVENTS_AT_ONCE == 0:
            await asyncio.sleep(0)
        model = STEP_TYPES.get(step["type"])
        if model is None or not model.calls_tool or not step["output_event"]:
            continue
        output = decode(step["output_event"]).get("output")
        if is_blob(output):
            output = await values.load(output)
        files = output.get("output_files") if isinstance(output, dict) else None
        for entry in files if isinstance(files, list) else ():
            if isinstance(entry, dict) and isinstance(entry.get("stored_name"), str):
                names.add(entry["stored_name"])
    return names
