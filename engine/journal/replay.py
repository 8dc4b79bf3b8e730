"""A run as it was after one of its events: its history replayed into a journal in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.status import RequestStatus
from engine.journal.encoding import encode
from engine.journal.memory_journal import MemoryJournal
from engine.journal.memory_store import MemoryStore
from engine.journal.memory_writes import project
from engine.machine.events import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.journal.commits import StoredEvent

_DECIDED = {Kind.APPROVAL_DECIDED: "approval_id", Kind.USER_INPUT_RECEIVED: "request_id"}


class Replay:
    """Takes a run's events in order; what it looked like then is read from `journal`."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        self._store = MemoryStore()
        self._row = dict(row)
        self._store.put_run(self._row)
        self.journal = MemoryJournal(self._store)

    def take(self, events: Sequence[StoredEvent]) -> None:
        """The next events."""
        with self._store.transaction():
            for stored in events:
                self._take(stored)

    def set_row(self, row: Mapping[str, Any]) -> None:
        """The run's row after the last event."""
        self._store.put_run(dict(row))

    def _take(self, stored: StoredEvent) -> None:
        event = stored.event
        row = {
            "seq": stored.seq,
            "run_id": stored.run_id,
            "run_seq": stored.run_seq,
            "ts": event.ts,
            "kind": event.kind.value,
            "step_id": event.step_id,
            "actor": event.actor,
            "payload": encode(event.payload),
        }
        self._store.histories.setdefault(stored.run_id, {})[stored.run_seq] = row
        project(self._store, self._row, stored.run_seq, event)
        if event.kind in _DECIDED:
            self._decide(event.payload[_DECIDED[event.kind]], stored)

    def _decide(self, request_id: str, stored: StoredEvent) -> None:
        payload = stored.event.payload
        decision = payload.get("decision", RequestStatus.ANSWERED.value)
        decided = {
            "status": decision,
            "decision": decision,
            "decided_at": stored.event.ts,
            "decided_by": stored.event.actor,
            "comment": payload.get("comment") or None,
        }
        found = self._store.requests[request_id]
        self._store.put(self._store.requests, request_id, {**found, **decided})
