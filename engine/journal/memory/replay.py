"""What executions of a run were after one of its events: what happened to them, replayed in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.journal.encoding import encode
from engine.journal.memory.journal import MemoryJournal
from engine.journal.memory.store import MemoryStore
from engine.journal.rules.rows.event_rows import RequestOpens, StepBegins, StepChanges, changes_of
from engine.journal.rules.rows.projecting import project

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.journal.records import StoredEvent
    from engine.journal.rows import RunRow
    from engine.journal.rules.rows.event_rows import RowChange

_REFERENCES = ("input_seq", "output_seq", "error_seq", "opened_seq")


class Replay:
    """Takes events of a run in order: all that happened to the steps that are asked for, others as may be.

    Of these only what the rows refer to is kept.
    """

    def __init__(self, row: RunRow) -> None:
        """`row` is the run's after the last event."""
        self._row, self._run_id = row, row["run_id"]
        self._store = MemoryStore()
        self._store.put_run(row)
        self._store.histories[self._run_id] = {}

    def take(self, events: Sequence[StoredEvent]) -> None:
        """Some of the next events."""
        with self._store.transaction():
            for stored in events:
                if _is_read_again(stored, self._row):
                    self._remember(stored)
                project(self._store, self._run_id, self._row, stored.run_seq - 1, [stored.event])

    def journal(self) -> MemoryJournal:
        """The journal to read from: steps and requests."""
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
    return any(_refers(change, stored.run_seq) for change in changes)


def _refers(change: RowChange, run_seq: int) -> bool:
    if isinstance(change, StepChanges):
        columns = change.columns.items()
    elif isinstance(change, StepBegins | RequestOpens):
        columns = change.row.items()
    else:
        return False
    return any(name in _REFERENCES and value == run_seq for name, value in columns)
