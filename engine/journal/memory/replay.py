"""A run as it was after one of its events: its history replayed into a journal in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.journal.encoding import encode
from engine.journal.memory.journal import MemoryJournal
from engine.journal.memory.store import MemoryStore
from engine.journal.rules.rows.event_rows import RequestOpens, RunChanges, StepBegins, StepChanges, changes_of
from engine.journal.rules.rows.projecting import project

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.journal.records import StoredEvent
    from engine.journal.rows import EventRow, RequestRow, RunColumns, RunRow, StepRow
    from engine.journal.rules.rows.event_rows import RowChange

History = dict[int, "EventRow"]
Steps = dict[str, "StepRow"]
Requests = dict[str, "RequestRow"]
_REFERENCES = ("input_seq", "output_seq", "error_seq", "opened_seq")


class Replay:
    """Takes a run's events in order, after those that made `steps` and `requests`.

    `history` may hold later events as well, and is added to: what is read from the journal refers to
    events by number.
    """

    def __init__(self, run_id: str, history: History, steps: Steps, requests: Requests) -> None:
        self._run_id = run_id
        self._store = MemoryStore()
        self._store.histories[run_id] = history
        self._store.steps[run_id] = dict(steps)
        self._store.requests.update(requests)

    def take(self, row: RunRow, events: Sequence[StoredEvent]) -> RunColumns:
        """The next events of the run whose row this is; the columns of the row that they change."""
        with self._store.transaction():
            for stored in events:
                if _is_read_again(stored, row):
                    self._remember(stored)
            return project(
                self._store, self._run_id, row, events[0].run_seq - 1, [stored.event for stored in events]
            )

    def copies(self) -> tuple[Steps, Requests]:
        """(steps, requests) by now."""
        return dict(self._store.steps[self._run_id]), dict(self._store.requests)

    def journal(self, row: RunRow) -> MemoryJournal:
        """The journal to read from; `row` is the run's after the last event."""
        self._store.put_run(row)
        return MemoryJournal(self._store)

    def _remember(self, stored: StoredEvent) -> None:
        event = stored.event
        self._store.histories[self._run_id][stored.run_seq] = {
            "seq": stored.seq,
            "run_id": stored.run_id,
            "run_seq": stored.run_seq,
            "ts": event.ts,
            "kind": str(event.kind),
            "step_id": event.step_id,
            "actor": event.actor,
            "payload": encode(event.payload),
        }


def _is_read_again(stored: StoredEvent, row: RunRow) -> bool:
    """Whether a row refers to the event for its payload."""
    changes = changes_of(stored.event, stored.run_seq, row)
    return stored.run_seq == 1 or any(_refers(change, stored.run_seq) for change in changes)


def _refers(change: RowChange, run_seq: int) -> bool:
    if isinstance(change, RunChanges | StepChanges):
        columns = change.columns.items()
    elif isinstance(change, StepBegins | RequestOpens):
        columns = change.row.items()
    else:
        return False
    return any(name in _REFERENCES and value == run_seq for name, value in columns)
