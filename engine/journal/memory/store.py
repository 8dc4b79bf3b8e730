"""The primitives of the journal's rules on the tables in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from engine.contracts.status import RequestStatus
from engine.errors import ErrorCode, Unavailable
from engine.journal.changes import NOTHING, ChangeSet
from engine.journal.encoding import encode, encode_input, readable_input, stored_event
from engine.journal.memory.tables import standing
from engine.journal.memory.work_store import MemoryWorkStore
from engine.journal.rules.rows.run_rows import whole_row
from engine.journal.rules.run_filter import bucket_of
from engine.machine.model.timers import TimerKind
from engine.slo.buckets import merged

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

    from engine.journal.alert_rows import AlertRow, NewAlertRow
    from engine.journal.records import StoredEvent
    from engine.journal.rows import (
        ClaimRow,
        EventRow,
        HeadRow,
        KeyRow,
        NewRequestRow,
        NewRunRow,
        NewStepRow,
        RequestColumns,
        RequestRow,
        RunColumns,
        RunRow,
        StatedRow,
        StepColumns,
        StepRow,
        TimerRow,
    )
    from engine.journal.rules.run_filter import BucketKey
    from engine.machine.events.event import Event
    from engine.machine.model.inputs import Input
    from engine.slo.buckets import Bucket

T = TypeVar("T")


class MemoryStore(MemoryWorkStore):
    """Implements `engine.journal.rules.store.Store`."""

    def head(self, run_id: str) -> HeadRow | None:
        """See rules."""
        run = self.runs.get(run_id)
        if run is None:
            return None
        mail = (mail_id for mail_id, (owner, _) in self.mailbox.items() if owner == run_id)
        newest = max(mail, default=None)
        return cast("HeadRow", {**run, "newest_mail": newest})

    def run(self, run_id: str) -> RunRow | None:
        """See rules."""
        return self.runs.get(run_id)

    def insert_run(self, row: NewRunRow) -> int:
        """See rules."""
        if row["run_id"] in self.runs:
            raise _taken("run", row["run_id"])
        bucket = self._bucket(bucket_of(row, row))
        self.put_run(whole_row(row, bucket))
        source = row["handed_off_from"]
        if source is not None:
            self.put(self.successors, source, (*self.successors.get(source, ()), row["run_id"]))
        return bucket

    def change_run(self, run: HeadRow | RunRow, columns: RunColumns) -> None:
        """See rules."""
        bucket = run["bucket"]
        if columns.get("status", run["status"]) != run["status"]:
            bucket = self._bucket(bucket_of(run, columns))
        self._change(run["run_id"], **columns, bucket=bucket)

    def _bucket(self, key: BucketKey) -> int:
        """The number of a count bucket."""
        if key not in self.buckets:
            self.put(self.buckets, key, self.number("buckets"))
        return self.buckets[key]

    def insert_events(self, run_id: str, after_seq: int, events: Sequence[Event]) -> None:
        """See rules."""
        history = self.histories.setdefault(run_id, {})
        for run_seq, event in enumerate(events, after_seq + 1):
            row: EventRow = {
                "seq": self.number("events"),
                "run_id": run_id,
                "run_seq": run_seq,
                "ts": event.ts,
                "kind": str(event.kind),
                "step_id": event.step_id,
                "actor": event.actor,
                "payload": encode(event.payload),
            }
            self.put(self.events, row["seq"], row)
            self.put(history, run_seq, row)

    def events_after(self, run_id: str, run_seq: int) -> list[StoredEvent]:
        """See rules."""
        history = self.histories.get(run_id, {})
        return [stored_event(row) for number, row in history.items() if number > run_seq]

    def first_event(self, run_id: str, kinds: Collection[str]) -> StoredEvent | None:
        """See rules."""
        history = self.histories.get(run_id, {}).values()
        return next((stored_event(row) for row in history if row["kind"] in kinds), None)

    def snapshot(self, run_id: str) -> tuple[int, bytes] | None:
        """See rules."""
        return self.snapshots.get(run_id)

    def put_snapshot(self, run_id: str, run_seq: int, state: bytes) -> None:
        """See rules."""
        self.put(self.snapshots, run_id, (run_seq, state))

    def put_blobs(self, blobs: Mapping[str, bytes]) -> None:
        """See rules."""
        for digest, data in blobs.items():
            if digest not in self.blobs:
                self.put(self.blobs, digest, bytes(data))

    def key(self, tenant: str, key: str) -> KeyRow | None:
        """See rules."""
        return self.keys.get((tenant, key))

    def put_key(self, tenant: str, key: str, row: KeyRow) -> None:
        """See rules."""
        self.put(self.keys, (tenant, key), row)

    def insert_step(self, run_id: str, row: NewStepRow) -> bool:
        """See rules."""
        steps = self.steps.setdefault(run_id, {})
        if row["path"] in steps:
            return False
        nothing = {"recoveries": 0, "retry_at": None, "output_seq": None, "request_id": None}
        unsaid = {"confidence": None, "least_confidence": None}
        self.put(steps, row["path"], {"run_id": run_id, **nothing, **unsaid, **row})
        return True

    def step(self, run_id: str, path: str) -> StepRow | None:
        """See rules."""
        return self.steps.get(run_id, {}).get(path)

    def stated(self, run_id: str) -> Sequence[StatedRow]:
        """See rules."""
        steps = self.steps.get(run_id, {}).values()
        return [cast("StatedRow", one) for one in steps if one["confidence"] is not None]

    def change_step(self, run_id: str, path: str, columns: StepColumns) -> None:
        """See rules."""
        steps = self.steps.get(run_id, {})
        if path in steps:
            self.put(steps, path, {**steps[path], **columns})

    def request(self, request_id: str) -> RequestRow | None:
        """See rules."""
        return self.requests.get(request_id)

    def insert_request(self, run_id: str, row: NewRequestRow) -> None:
        """See rules."""
        if row["request_id"] in self.requests:
            raise _taken("request", row["request_id"])
        undecided = {"decided_at": None, "decided_by": None, "decision": None, "comment": None}
        self.put(self.requests, row["request_id"], {"run_id": run_id, **undecided, **row})

    def change_request(self, request_id: str, columns: RequestColumns) -> None:
        """See rules."""
        self.put(self.requests, request_id, {**self.requests[request_id], **columns})

    def request_claim(self, request_id: str) -> ClaimRow | None:
        """See rules."""
        return self.claims.get(request_id)

    def put_request_claim(self, request_id: str, row: ClaimRow | None) -> None:
        """See rules."""
        if row is None:
            self.remove(self.claims, request_id)
        else:
            self.put(self.claims, request_id, row)

    def put_mail(self, run_id: str, given: Input, *, wake: bool = True) -> int:
        """See rules."""
        mail_id = self.number("mailbox")
        self.put(self.mailbox, mail_id, (run_id, encode_input(given)))
        if wake:
            self._change(run_id, ready=1)
        return mail_id

    def mail_of(self, run_id: str) -> list[tuple[int, Input | None]]:
        """See rules."""
        return [
            (mail_id, readable_input(text))
            for mail_id, (owner, text) in sorted(self.mailbox.items())
            if owner == run_id
        ]

    def mail_below(self, run_id: str) -> dict[str, list[tuple[int, Input]]]:
        """See rules."""
        found: dict[str, list[tuple[int, Input]]] = {}
        for mail_id, (owner, text) in sorted(self.mailbox.items()):
            given = readable_input(text) if self._is_below(owner, run_id) else None
            if given is not None:
                found.setdefault(owner, []).append((mail_id, given))
        return found

    def _is_below(self, run_id: str, other: str) -> bool:
        run = self.runs[run_id]
        above = run["parent_run_id"]
        if above is None or run["finished_at"] is not None:
            return False
        return above == other or self._is_below(above, other)

    def set_mail_aside(self, mail_id: int) -> None:
        """See rules."""
        self.put(self.unread, mail_id, self.mailbox[mail_id])
        self.remove(self.mailbox, mail_id)

    def take_mail(self, mail_id: int) -> None:
        """See rules."""
        self.remove(self.mailbox, mail_id)

    def has_mail(self, run_id: str) -> bool:
        """See rules."""
        return any(owner == run_id for owner, _ in self.mailbox.values())

    def set_timer(self, run_id: str, timer: str, due: int | None) -> None:
        """See rules."""
        if due is None:
            self.remove(self.timers, (run_id, timer))
        else:
            self.put(self.timers, (run_id, timer), due)

    def timer(self, run_id: str, timer: str) -> int | None:
        """See rules."""
        return self.timers.get((run_id, timer))

    def timers_of(self, kind: TimerKind) -> list[TimerRow]:
        """See rules."""
        found = (item for item in sorted(self.timers.items()) if item[0][1].startswith(f"{kind}:"))
        return [{"run_id": run_id, "timer": timer, "due": due} for (run_id, timer), due in found]

    def due_timers(self, now: int, limit: int) -> list[TimerRow]:
        """See rules."""
        due = sorted((due, key) for key, due in self.timers.items() if due <= now)
        return [{"run_id": run_id, "timer": timer, "due": at} for at, (run_id, timer) in due[:limit]]

    def move_due_times(self, by: int) -> None:
        """See rules."""
        if not by:
            return
        for key, due in list(self.timers.items()):
            if not key[1].startswith(f"{TimerKind.UNTIL}:"):
                self.put(self.timers, key, due + by)
        for request_id, row in list(self.requests.items()):
            expires_at = row["expires_at"]
            if row["status"] == RequestStatus.PENDING.value and expires_at is not None:
                self.change_request(request_id, {"expires_at": expires_at + by})
        for request_id, claim in list(self.claims.items()):
            self.put(self.claims, request_id, {**claim, "expires_at": claim["expires_at"] + by})

    def count(self, name: str, change: int) -> None:
        """See rules."""
        self.put(self.counters, name, self.counters.get(name, 0) + change)

    def level(self, tenant: str, pack: str, start: int, width: int) -> Bucket | None:
        """See rules."""
        kept = self.levels.get((tenant, pack, start, width))
        return None if kept is None else merged([kept], start, width)

    def levels_of(self, tenant: str, pack: str, width: int, start: int, end: int) -> list[Bucket]:
        """See rules."""
        places = (place for place in self.levels if place[:2] == (tenant, pack) and place[3] == width)
        return [self.levels[place] for place in sorted(places) if start <= place[2] < end]

    def put_level(self, tenant: str, pack: str, bucket: Bucket) -> None:
        """See rules."""
        self.put(self.levels, (tenant, pack, bucket.start, bucket.width), bucket)
        self.put(self.level_marks, (tenant, pack), max(self.level_marks.values(), default=0) + 1)

    def drop_level(self, tenant: str, pack: str, start: int, width: int) -> None:
        """See rules."""
        self.remove(self.levels, (tenant, pack, start, width))

    def standing_alerts(self, tenant: str, pack: str) -> list[AlertRow]:
        """See rules."""
        return [row for row in standing(self.alerts) if (row["tenant"], row["pack"]) == (tenant, pack)]

    def add_alert(self, row: NewAlertRow) -> None:
        """See rules."""
        number = self.number("alerts")
        self.put(self.alerts, number, {**row, "alert": number})

    def put_words(self, run_id: str, words: str, *, lasting: bool) -> None:
        """See rules."""
        self.put(self.words, run_id, words)

    def put_content(self, digest: str, content: str) -> None:
        """See rules."""
        if digest not in self.contents:
            self.put(self.contents, digest, content)


def _taken(what: str, name: str) -> Unavailable:
    return Unavailable(
        ErrorCode.JOURNAL_UNAVAILABLE, f"the journal has a {what} {name} already", {"id": name}
    )


class Write(Protocol):
    """Runs an operation on the tables in a transaction, and tells listeners what it changed."""

    def __call__(self, operation: Callable[[MemoryStore], T], change: ChangeSet = NOTHING) -> Awaitable[T]:
        """What the operation returned."""
        ...
