"""The primitives of the journal's rules on SQLite; used inside a transaction of the writing connection."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Literal, cast

from engine.journal.encoding import encode, encode_input, readable_input, stored_event
from engine.journal.errors import damaged_history
from engine.journal.records import StoredEvent
from engine.journal.rules.run_filter import bucket_of
from engine.journal.sqlite.level_rows import read_level
from engine.journal.sqlite.queries import listed, many, query, update
from engine.journal.sqlite.spending import SqliteSpendStore
from engine.journal.sqlite.words import put_words

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from engine.journal.alert_rows import AlertRow, NewAlertRow
    from engine.journal.records import ClockOffset
    from engine.journal.rows import (
        ClaimRow,
        HeadRow,
        KeyRow,
        NewRequestRow,
        NewRunRow,
        NewStepRow,
        RequestColumns,
        RequestRow,
        RunColumns,
        RunRow,
        SlotRow,
        StatedRow,
        StepColumns,
        StepRow,
        TimerRow,
    )
    from engine.journal.rules.slots import LeftOut
    from engine.journal.sqlite.transaction import Transaction
    from engine.machine.events.event import Event
    from engine.machine.model.inputs import Input
    from engine.machine.model.timers import TimerKind
    from engine.slo.buckets import Bucket


EVENTS_AT_ONCE = 64
"""Events that one statement writes."""
_INDEXED: tuple[Literal["ready", "finished_at", "error_code"], ...] = ("ready", "finished_at", "error_code")
"""Columns of runs that are named only when they change: what is named is written to its index again."""


class SqliteStore(SqliteSpendStore):
    """Implements `engine.journal.rules.store.Store`. Rows are SQLite's own, typed as what they hold."""

    def __init__(self, transaction: Transaction) -> None:
        super().__init__(transaction)
        self.written: list[StoredEvent] = []
        """Events that were written, in the order of the journal."""

    def head(self, run_id: str) -> HeadRow | None:
        """See rules."""
        return cast("HeadRow | None", self._execute(query("select_head"), (run_id,)).fetchone())

    def run(self, run_id: str) -> RunRow | None:
        """See rules."""
        return cast("RunRow | None", self._execute(query("select_run"), (run_id,)).fetchone())

    def insert_run(self, row: NewRunRow) -> int:
        """See rules."""
        bucket = self._transaction.enter_bucket(bucket_of(row, row), row["created_at"])
        self._execute(query("insert_run"), {**row, "bucket": bucket})
        self._execute(query("know_requester"), (row["tenant"], row["requested_by"]))
        return bucket

    def change_run(self, run: HeadRow | RunRow, columns: RunColumns) -> None:
        """See rules."""
        changes: dict[str, object] = {**columns}
        for name in _INDEXED:
            if name in changes and changes[name] == run[name]:
                del changes[name]
        status = columns.get("status")
        if status is not None:
            if status == run["status"]:
                del changes["status"]
            else:
                self._transaction.leave_bucket(run["bucket"], run["created_at"])
                key = bucket_of(run, columns)
                changes["bucket"] = self._transaction.enter_bucket(key, run["created_at"])
        statement = update("runs", tuple(changes), ("run_id",))
        self._execute(statement, (*changes.values(), run["run_id"]))

    def insert_events(self, run_id: str, after_seq: int, events: Sequence[Event]) -> None:
        """See rules. The unique index on run_seq is the last guard."""
        for begin in range(0, len(events), EVENTS_AT_ONCE):
            self._insert_events(run_id, after_seq + begin, events[begin : begin + EVENTS_AT_ONCE])

    def _insert_events(self, run_id: str, after_seq: int, events: Sequence[Event]) -> None:
        row: list[object] = []
        for run_seq, event in enumerate(events, after_seq + 1):
            payload = encode(event.payload)
            row += (run_id, run_seq, event.ts, event.kind, event.step_id, event.actor, payload)
        last = self._execute(many(query("insert_event"), len(events)), row).lastrowid
        assert last is not None
        for number, event in enumerate(events, 1):  # rows of one statement are numbered in their order
            seq = last - len(events) + number
            self.written.append(StoredEvent(seq, run_id, after_seq + number, event))

    def events_after(self, run_id: str, run_seq: int) -> list[StoredEvent]:
        """See rules."""
        return self._events(query("events_after"), run_id, run_seq)

    def first_event(self, run_id: str, kinds: Collection[str]) -> StoredEvent | None:
        """See rules."""
        return next(iter(self._events(query("first_event"), run_id, listed(sorted(kinds)))), None)

    def _events(self, statement: str, run_id: str, wanted: object) -> list[StoredEvent]:
        try:
            return [stored_event(row) for row in self._execute(statement, (run_id, wanted))]
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorname", "").startswith("SQLITE_CORRUPT"):
                raise damaged_history(run_id, str(error)) from error
            raise

    def snapshot(self, run_id: str) -> tuple[int, bytes] | None:
        """See rules."""
        row = self._execute(query("select_snapshot"), (run_id,)).fetchone()
        return None if row is None else (row["run_seq"], row["state"])

    def put_snapshot(self, run_id: str, run_seq: int, state: bytes) -> None:
        """See rules."""
        self._execute(query("put_snapshot"), (run_id, run_seq, state))

    def put_blobs(self, blobs: Mapping[str, bytes]) -> None:
        """See rules."""
        for digest, data in blobs.items():
            self._execute(query("put_blob"), (digest, data))

    def key(self, tenant: str, key: str) -> KeyRow | None:
        """See rules."""
        return cast("KeyRow | None", self._execute(query("select_key"), (tenant, key)).fetchone())

    def put_key(self, tenant: str, key: str, row: KeyRow) -> None:
        """See rules."""
        self._execute(query("insert_key"), (tenant, key, row["run_id"], row["request_digest"]))

    def insert_step(self, run_id: str, row: NewStepRow) -> bool:
        """See rules."""
        return self._execute(query("insert_step"), {"run_id": run_id, **row}).rowcount > 0

    def step(self, run_id: str, path: str) -> StepRow | None:
        """See rules."""
        return cast("StepRow | None", self._execute(query("select_step_row"), (run_id, path)).fetchone())

    def stated(self, run_id: str) -> Sequence[StatedRow]:
        """See rules."""
        return cast("list[StatedRow]", self._execute(query("select_stated"), (run_id,)).fetchall())

    def change_step(self, run_id: str, path: str, columns: StepColumns) -> None:
        """See rules."""
        statement = update("steps", tuple(columns), ("run_id", "path"))
        self._execute(statement, (*columns.values(), run_id, path))

    def request(self, request_id: str) -> RequestRow | None:
        """See rules."""
        row = self._execute(query("select_request_row"), (request_id,)).fetchone()
        return cast("RequestRow | None", row)

    def insert_request(self, run_id: str, row: NewRequestRow) -> None:
        """See rules."""
        self._execute(query("insert_request"), {"run_id": run_id, **row})

    def change_request(self, request_id: str, columns: RequestColumns) -> None:
        """See rules."""
        statement = update("requests", tuple(columns), ("request_id",))
        self._execute(statement, (*columns.values(), request_id))

    def request_claim(self, request_id: str) -> ClaimRow | None:
        """See rules."""
        return cast("ClaimRow | None", self._execute(query("select_claim"), (request_id,)).fetchone())

    def put_request_claim(self, request_id: str, row: ClaimRow | None) -> None:
        """See rules."""
        if row is None:
            self._execute(query("drop_claim"), (request_id,))
        else:
            self._execute(query("put_claim"), (request_id, row["claimed_by"], row["expires_at"]))

    def put_mail(self, run_id: str, given: Input, *, wake: bool = True) -> int:
        """See rules."""
        mail_id = self._execute(query("put_mail"), (run_id, encode_input(given))).lastrowid
        assert mail_id is not None
        if wake:
            self._execute(query("wake_run"), (run_id,))
        return mail_id

    def mail_of(self, run_id: str) -> list[tuple[int, Input | None]]:
        """See rules."""
        rows = self._execute(query("select_mail"), (run_id,))
        return [(row["mail_id"], readable_input(row["input"])) for row in rows]

    def mail_below(self, run_id: str) -> dict[str, list[tuple[int, Input]]]:
        """See rules."""
        found: dict[str, list[tuple[int, Input]]] = {}
        for row in self._execute(query("mail_below"), (run_id,)):
            given = readable_input(row["input"])
            if given is not None:
                found.setdefault(row["run_id"], []).append((row["mail_id"], given))
        return found

    def set_mail_aside(self, mail_id: int) -> None:
        """See rules."""
        self._execute(query("keep_unread_mail"), (mail_id,))
        self._execute(query("take_mail"), (mail_id,))

    def take_mail(self, mail_id: int) -> None:
        """See rules."""
        self._execute(query("take_mail"), (mail_id,))

    def has_mail(self, run_id: str) -> bool:
        """See rules."""
        return self._execute(query("has_mail"), (run_id,)).fetchone() is not None

    def set_timer(self, run_id: str, timer: str, due: int | None) -> None:
        """See rules."""
        if due is None:
            self._execute(query("cancel_timer"), (run_id, timer))
        else:
            self._execute(query("set_timer"), (run_id, timer, due))

    def timer(self, run_id: str, timer: str) -> int | None:
        """See rules."""
        row = self._execute(query("timer"), (run_id, timer)).fetchone()
        return None if row is None else int(row["due"])

    def timers_of(self, kind: TimerKind) -> list[TimerRow]:
        """See rules."""
        return cast("list[TimerRow]", self._execute(query("timers_of"), (f"{kind}:*",)).fetchall())

    def due_timers(self, now: int, limit: int) -> list[TimerRow]:
        """See rules."""
        return cast("list[TimerRow]", self._execute(query("due_timers"), (now, limit)).fetchall())

    def count(self, name: str, change: int) -> None:
        """See rules."""
        self._transaction.count(name, change)

    def level(self, tenant: str, pack: str, start: int, width: int) -> Bucket | None:
        """See rules."""
        return self._transaction.level(tenant, pack, start, width)

    def levels_of(self, tenant: str, pack: str, width: int, start: int, end: int) -> list[Bucket]:
        """See rules."""
        self._transaction.write_counts()
        rows = self._execute(query("select_levels"), (tenant, pack, width, start, end))
        return [read_level(row) for row in rows]

    def put_level(self, tenant: str, pack: str, bucket: Bucket) -> None:
        """See rules."""
        self._transaction.put_level(tenant, pack, bucket)

    def drop_level(self, tenant: str, pack: str, start: int, width: int) -> None:
        """See rules."""
        self._transaction.write_counts()
        self._execute(query("drop_level"), (tenant, pack, start, width))

    def standing_alerts(self, tenant: str, pack: str) -> list[AlertRow]:
        """See rules."""
        rows = self._execute(query("standing_alerts"), {"tenant": tenant, "pack": pack})
        return cast("list[AlertRow]", rows.fetchall())

    def add_alert(self, row: NewAlertRow) -> None:
        """See rules."""
        self._execute(query("add_alert"), {**row})

    def claimable(self, now: int, after: str, left_out: LeftOut, limit: int) -> Sequence[RunRow]:
        """See rules."""
        rows = self._execute(query("claimable"), (after, now, *left_out_json(left_out), limit))
        return cast("list[RunRow]", rows.fetchall())

    def claimable_run(self, run_id: str, now: int) -> RunRow | None:
        """See rules."""
        row = self._execute(query("claimable_run"), (run_id, now)).fetchone()
        return cast("RunRow | None", row)

    def slots(self, now: int) -> list[SlotRow]:
        """See rules."""
        self._transaction.write_counts()
        return cast("list[SlotRow]", self._execute(query("slots"), (now,)).fetchall())

    def take_lease(self, run_id: str, worker_id: str | None) -> None:
        """See rules."""
        self._execute(query("take_lease"), (worker_id, run_id))

    def drop_lease(self, run_id: str, epoch: int, *, ready: bool) -> None:
        """See rules."""
        self._execute(query("drop_lease"), (int(ready), run_id, epoch))

    def at_work(self, damaged: Collection[str]) -> bool:
        """See rules."""
        self._transaction.write_counts()
        left_out = listed(sorted(damaged))
        return self._execute(query("at_work"), (left_out, left_out)).fetchone() is not None

    def put_worker(
        self, worker_id: str, host: str, pid: int, process: str, now: int, expires_at: int
    ) -> None:
        """See rules."""
        self._execute(query("put_worker"), (worker_id, host, pid, process, now, expires_at))

    def end_leases(self, workers: Sequence[str]) -> None:
        """See rules."""
        if workers:
            self._execute(query("end_leases"), (json.dumps(list(workers)),))

    def clock_offset(self, boot_id: str) -> int | None:
        """See rules."""
        known = self._transaction.clock_offsets
        if boot_id not in known:
            row = self._execute(query("clock_offset"), (boot_id,)).fetchone()
            known[boot_id] = None if row is None else int(row["ahead"])
        return known[boot_id]

    def put_clock_offset(self, clock: ClockOffset) -> None:
        """See rules."""
        self._execute(query("put_clock_offset"), (clock.boot_id, clock.ahead))
        self._transaction.clock_offsets[clock.boot_id] = clock.ahead

    def move_due_times(self, by: int) -> None:
        """See rules."""
        if by:
            self._execute(query("move_timers"), (by,))
            self._execute(query("move_request_expiry"), (by,))
            self._execute(query("move_claims"), (by,))

    def remove_worker(self, worker_id: str) -> None:
        """See rules."""
        self._execute(query("remove_worker"), (worker_id,))

    def forget_dead_workers(self, now: int) -> None:
        """See rules."""
        self._execute(query("forget_dead_workers"), (now,))

    def put_words(self, run_id: str, words: str, *, lasting: bool) -> None:
        """See rules."""
        put_words(self._transaction.connection, run_id, words, lasting=lasting)

    def put_content(self, digest: str, content: str) -> None:
        """See rules."""
        self._execute(query("pin_content"), (digest, content))


def left_out_json(left_out: LeftOut) -> tuple[str, str]:
    """Arguments of `claimable`: flows without a free slot, and runs that cannot be read."""
    return json.dumps([*left_out.full]), json.dumps([*left_out.damaged])
