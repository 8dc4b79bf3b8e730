"""A run as it was after one of its events: its history replayed into a journal in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.status import RequestStatus
from engine.journal.encoding import encode
from engine.journal.memory.journal import MemoryJournal
from engine.journal.memory.store import MemoryStore
from engine.journal.memory.writes import project
from engine.machine.events.event import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.journal.records import StoredEvent

Table = dict[Any, Any]
_READ_AGAIN = frozenset(
    {
        Kind.RUN_QUEUED,
        Kind.RUN_REFUSED,
        Kind.RUN_COMPLETED,
        Kind.STEP_STARTED,
        Kind.STEP_SKIPPED,
        Kind.STEP_FAILED,
        Kind.STEP_COMPLETED,
        Kind.ATTEMPT_FAILED,
        Kind.PENDING_HUMAN,
        Kind.USER_INPUT_REQUESTED,
    }
)
"""Events whose payloads rows refer to."""
_DECIDED = {Kind.APPROVAL_DECIDED: "approval_id", Kind.USER_INPUT_RECEIVED: "request_id"}


class Replay:
    """Takes a run's events in order, after those that made `steps` and `requests`.

    `history` may hold later events as well, and is added to: what is read from the journal refers to
    events by number.
    """

    def __init__(self, run_id: str, history: Table, steps: Table, requests: Table) -> None:
        self._run_id = run_id
        self._store = MemoryStore()
        self._store.histories[run_id] = history
        self._store.steps[run_id] = dict(steps)
        self._store.requests.update(requests)

    def take(self, row: Mapping[str, Any], events: Sequence[StoredEvent]) -> None:
        """The next events of the run whose row this is."""
        with self._store.transaction():
            for stored in events:
                self._take(dict(row), stored)

    def copies(self) -> tuple[Table, Table]:
        """(steps, requests) by now."""
        return dict(self._store.steps[self._run_id]), dict(self._store.requests)

    def journal(self, row: Mapping[str, Any]) -> MemoryJournal:
        """The journal to read from; `row` is the run's after the last event."""
        self._store.put_run(dict(row))
        return MemoryJournal(self._store)

    def _take(self, run: dict[str, Any], stored: StoredEvent) -> None:
        event = stored.event
        if event.kind in _READ_AGAIN:
            history = self._store.histories[self._run_id]
            history[stored.run_seq] = {"payload": encode(event.payload)}
        project(self._store, run, stored.run_seq, event)
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
