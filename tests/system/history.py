"""What must be true of every journal file, whatever happened to the processes that wrote it."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from operator import itemgetter
from typing import TYPE_CHECKING, Any, cast

from engine.contracts.status import RUN_TERMINAL, RunStatus
from engine.journal.encoding import stored_event
from engine.journal.rules.run_filter import BucketKey, bucket_of
from engine.machine.events.branch_facts import BranchCompleted
from engine.machine.events.fold import fold
from engine.machine.events.request_facts import (
    ApprovalDecided,
    OutcomeDecided,
    OutcomeUnknown,
    PendingHuman,
    UserInputReceived,
    UserInputRequested,
)
from engine.machine.events.run_facts import RUN_END, OutputWritten, RunCompleted, RunQueued, RunRetried
from engine.machine.events.step_facts import StepCompleted, StepSkipped, StepStarted
from engine.machine.walk import run_status
from tests.system.drill import effects_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from engine.journal.records import StoredEvent
    from engine.journal.rows import RunRow

ONCE_PER_PATH = (StepCompleted.kind, StepSkipped.kind, BranchCompleted.kind)


class Journal:
    """A journal file, read beside the engine."""

    def __init__(self, home: Path) -> None:
        self.home = home
        with closing(sqlite3.connect(f"file:{home / 'data' / 'journal.db'}?mode=ro", uri=True)) as database:
            database.row_factory = sqlite3.Row
            self.runs = {row["run_id"]: dict(row) for row in database.execute("SELECT * FROM runs")}
            self.steps = [dict(row) for row in database.execute("SELECT * FROM steps")]
            self.requests = [dict(row) for row in database.execute("SELECT * FROM requests")]
            self.counters = {row["name"]: row["n"] for row in database.execute("SELECT * FROM counters")}
            self.buckets = [dict(row) for row in database.execute("SELECT * FROM run_buckets WHERE n <> 0")]
            self.timers = {row["run_id"] for row in database.execute("SELECT * FROM timers")}
            rows = database.execute("SELECT * FROM events ORDER BY run_id, run_seq")
            self.events: dict[str, list[StoredEvent]] = {run_id: [] for run_id in self.runs}
            for row in rows:
                self.events[row["run_id"]].append(stored_event(row))

    def kinds(self, run_id: str) -> Counter[str]:
        """How often each kind of event happened to a run."""
        return Counter(stored.event.kind for stored in self.events[run_id])

    def check(self, acknowledged: Mapping[str, str] | None = None) -> None:
        """Every invariant of every run; every run must have ended."""
        for run_id in self.runs:
            self.check_history(run_id)
            self._check_decisions(run_id)
        self._check_effects()
        acted, allowed = self.acted_and_allowed()
        assert acted <= allowed, f"agents of other programs acted {acted} times on {allowed} approvals"
        self.check_projections()
        decided = self.decided()
        for request_id, decision in (acknowledged or {}).items():
            assert decided[request_id] == decision, f"the acknowledged decision on {request_id} is lost"

    def check_history(self, run_id: str) -> None:
        """The events of one run, which must have ended."""
        events, row = self.events[run_id], self.runs[run_id]
        assert [stored.run_seq for stored in events] == list(range(1, len(events) + 1))
        state = fold(stored.event for stored in events)
        assert run_status(state).value == row["status"]
        assert RunStatus(row["status"]) in RUN_TERMINAL
        assert state.documented
        kinds = self.kinds(run_id)
        ends = 1 + kinds[RunRetried.kind]
        assert sum(kinds[kind] for kind in RUN_END) == ends
        # A retry may come before the response document of the end before.
        assert 1 <= kinds[OutputWritten.kind] <= ends
        assert kinds[RunCompleted.kind] <= 1
        assert kinds[RunQueued.kind] == 1
        for kind in ONCE_PER_PATH:
            paths = Counter(stored.event.step_id for stored in events if stored.event.kind is kind)
            assert not [path for path, times in paths.items() if times > 1], (kind, paths)
        started = Counter(
            stored.event.step_id for stored in events if isinstance(stored.event.fact, StepStarted)
        )
        assert max(started.values(), default=0) <= ends

    def _check_decisions(self, run_id: str) -> None:
        for kind, key in (
            (PendingHuman.kind, "approval_id"),
            (ApprovalDecided.kind, "approval_id"),
            (UserInputRequested.kind, "request_id"),
            (UserInputReceived.kind, "request_id"),
            (OutcomeUnknown.kind, "request_id"),
            (OutcomeDecided.kind, "request_id"),
        ):
            ids = Counter(
                stored.event.payload[key] for stored in self.events[run_id] if stored.event.kind is kind
            )
            assert max(ids.values(), default=0) <= 1, (kind, ids)

    def decided(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for stored in (stored for events in self.events.values() for stored in events):
            payload = stored.event.payload
            if isinstance(stored.event.fact, ApprovalDecided):
                found[payload["approval_id"]] = payload["decision"]
            elif isinstance(stored.event.fact, UserInputReceived):
                found[payload["request_id"]] = "ANSWERED"
            elif isinstance(stored.event.fact, OutcomeDecided):
                found[payload["request_id"]] = payload["decision"]
        return found

    def times_decided(self) -> Counter[str]:
        """How often each request was decided."""
        kinds: dict[str, str] = {
            ApprovalDecided.kind: "approval_id",
            UserInputReceived.kind: "request_id",
            OutcomeDecided.kind: "request_id",
        }
        events = (stored.event for events in self.events.values() for stored in events)
        return Counter(event.payload[kinds[event.kind]] for event in events if event.kind in kinds)

    def gated_calls(self) -> set[str]:
        """Idempotency keys of the calls that an approval let begin."""
        return {
            f"{run_id}/{stored.event.step_id}"
            for run_id, events in self.events.items()
            for stored in events
            if isinstance(stored.event.fact, StepStarted) and stored.event.payload.get("approval") is not None
        }

    def _check_effects(self) -> None:
        """Every completed tool step made its effect at least once, with its one key; a gated one once."""
        file = effects_file(self.home)
        lines = file.read_text().splitlines() if file.exists() else []
        times = Counter(line.split("\t")[0] for line in lines)
        twice = {key for key in self._gated() if times[key] > 1}
        assert not twice, f"{twice} acted more than once on one approval"
        made = set(times)
        tools = {f"{step['run_id']}/{step['path']}": step for step in self.steps if step["type"] == "tool"}
        assert made <= tools.keys()
        assert {key for key, step in tools.items() if step["status"] == "COMPLETED"} <= made

    def acted_and_allowed(self) -> tuple[int, int]:
        """How often agents of other programs acted, by their notes, and how often they were allowed to."""
        file = self.home / "notes"
        notes = file.read_text().splitlines() if file.exists() else []
        asked = {(step["run_id"], step["path"]) for step in self.steps if step["type"] == "permission"}
        decided = (stored for events in self.events.values() for stored in events)
        allowed = sum(
            isinstance(stored.event.fact, ApprovalDecided)
            and stored.event.payload["decision"] == "APPROVED"
            and (stored.run_id, stored.event.step_id) in asked
            for stored in decided
        )
        return notes.count("chosen yes"), allowed

    def _gated(self) -> set[str]:
        """Keys of the calls that had an approval."""
        return {
            f"{stored.run_id}/{stored.event.step_id}"
            for events in self.events.values()
            for stored in events
            if isinstance(stored.event.fact, StepStarted) and "approval" in stored.event.payload
        }

    def check_projections(self) -> None:
        """Rows beside the events say the same as the events, and nothing is left over."""
        counted = itemgetter("tenant", "pack", "flow", "status", "rejected", "nested")
        buckets = {BucketKey(*counted(row)): row["n"] for row in self.buckets}
        runs = [cast("RunRow", row) for row in self.runs.values()]
        assert buckets == Counter(bucket_of(row, row) for row in runs)
        assert not [row for row in self.requests if row["status"] == "PENDING"]
        assert not [name for name, number in self.counters.items() if number and ":PENDING/" in name]
        assert not [row for row in self.runs.values() if row["lease_worker"] or row["ready"]]
        assert not self.timers
        for row in self.runs.values():
            last = self.events[row["run_id"]][-1]
            assert row["run_seq"] == last.run_seq


def document(home: Path, run_id: str, pack: str) -> dict[str, Any]:
    """The response document of an ended run."""
    (file,) = (home / "runs" / pack / run_id).rglob("response.json")
    loaded = json.loads(file.read_text())
    assert isinstance(loaded, dict)
    return loaded
