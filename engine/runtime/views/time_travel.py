"""Runs as they were after one of their events, read-only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.contracts.flows.step import STEP_TYPES
from engine.contracts.runs.run import EventFilter
from engine.errors import InvalidInput, NotFound
from engine.journal.memory.replay import Replay
from engine.journal.records import Commit
from engine.journal.rules.rows.event_rows import RunChanges, changes_of
from engine.journal.rules.rows.run_head import run_head
from engine.journal.rules.rows.run_rows import run_change
from engine.machine.events.fold import fold
from engine.machine.events.step_facts import StepCompleted
from engine.machine.model.state import RunState
from engine.values import BLOB_KEY, is_blob

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.journal.memory.journal import MemoryJournal
    from engine.journal.port import Journal
    from engine.journal.records import StoredEvent
    from engine.journal.rows import RunColumns, RunRow
    from engine.runtime.value_store import ValueStore

EVENTS_AT_ONCE = 100
"""Events replayed before the loop is given back, however long the history."""
WAYPOINT_EVERY = 2 * EVENTS_AT_ONCE
MOST_WAYPOINTS = 100
_FILES = "output_files"


@dataclass(frozen=True, slots=True)
class _Waypoint:
    """A run after some of its events; never changed, only continued from."""

    state: RunState
    row: RunRow


class RunHistory:
    """Rows of runs as they were. Of the last run it remembers waypoints, so that a cursor moves quickly
    through it: as many in a long run as in a short one.

    What has happened never changes, so a waypoint never grows stale.
    """

    def __init__(self, *, waypoint_every: int = WAYPOINT_EVERY, most: int = MOST_WAYPOINTS) -> None:
        self._first_every, self._most = waypoint_every, most
        self._run_id = ""
        self._every = waypoint_every
        self._waypoints: list[_Waypoint] = []

    async def row(self, journal: Journal, row: RunRow, run_seq: int) -> RunRow:
        """The row of a run as it was after the event `run_seq`. Raises InvalidInput."""
        if not 1 <= run_seq <= row["run_seq"]:
            words = f"run {row['run_id']} has no event {run_seq}: its events are 1 to {row['run_seq']}"
            raise InvalidInput(words, {"run_id": row["run_id"], "run_seq": run_seq})
        if self._run_id != row["run_id"]:
            self._run_id, self._every, self._waypoints = row["run_id"], self._first_every, []
        reached = (one for one in reversed(self._waypoints) if one.row["run_seq"] <= run_seq)
        waypoint = next(reached, _Waypoint(RunState(), _unborn(row)))
        state, then = waypoint.state, waypoint.row
        while (after := then["run_seq"]) < run_seq:
            page = await journal.page_events(row["run_id"], after, min(EVENTS_AT_ONCE, run_seq - after))
            if not page:  # it was pruned meanwhile
                raise NotFound(f"there is no run {row['run_id']}", {"run_id": row["run_id"]})
            state = fold((stored.event for stored in page), state)
            then = _moved(then, page, state)
            self._remember(_Waypoint(state, then))
        return then

    def _remember(self, reached: _Waypoint) -> None:
        """Waypoints lie so far apart; when there are too many every second one goes."""
        waypoints = self._waypoints
        last = waypoints[-1].row["run_seq"] if waypoints else 0
        if reached.row["run_id"] != self._run_id or reached.row["run_seq"] < last + self._every:
            return
        waypoints.append(reached)
        if len(waypoints) > self._most:
            del waypoints[::2]
            self._every *= 2


async def steps_as_of(journal: Journal, then: RunRow, paths: Sequence[str] | None) -> MemoryJournal:
    """A journal that holds some executions of a run (None: all) with their requests, as of the run's row."""
    replay, after = Replay(then), 0
    while page := await journal.step_events(then["run_id"], paths, after, then["run_seq"], EVENTS_AT_ONCE):
        replay.take(page)
        after = page[-1].run_seq
    return replay.journal()


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


def _moved(row: RunRow, page: Sequence[StoredEvent], state: RunState) -> RunRow:
    """The row after some more events."""
    moved: RunColumns = {}
    for stored in page:
        for change in changes_of(stored.event, stored.run_seq, row):
            if isinstance(change, RunChanges):
                moved.update(change.columns)
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


async def files_written(journal: Journal, values: ValueStore, run_id: str, until: int) -> set[str]:
    """Stored names of the output files that steps of a run had brought by an event."""
    names: set[str] = set()
    found: set[int] = set()
    for words in (_FILES, BLOB_KEY):
        told = EventFilter(kind=StepCompleted.kind, text=words)
        found.update(await journal.lists.find_events(run_id, told, 0, until))
    for run_seq in found:
        (stored,) = await journal.page_events(run_id, run_seq - 1, 1)
        output = stored.event.payload.get("output")
        if not is_blob(output) and not (isinstance(output, dict) and _FILES in output):
            continue
        heads = await journal.step_heads_at(run_id, [stored.event.step_id or ""])
        if any((model := STEP_TYPES.get(head["type"])) is not None and model.calls_tool for head in heads):
            names.update(_named(await values.load(output) if is_blob(output) else output))
    return names


def _named(output: object) -> Iterable[str]:
    files = output.get(_FILES) if isinstance(output, dict) else None
    for entry in files if isinstance(files, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("stored_name"), str):
            yield entry["stored_name"]
