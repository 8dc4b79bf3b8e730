"""The journal on one SQLite file: one writer thread, readers through aiosqlite."""

from __future__ import annotations

import asyncio
import sqlite3
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, cast

import aiosqlite

from engine.contracts.runs.event_head import EventHead
from engine.contracts.status import RequestKind, RequestStatus
from engine.errors import ErrorCode, Unavailable
from engine.journal.changes import NOTHING, ChangeNotifier, ChangeSet, Listener
from engine.journal.encoding import encode, readable_events, readable_input, stored_event
from engine.journal.records import StoredEvent, TreeUsage, WorkerRow
from engine.journal.rules.journal_writes import JournalWrites
from engine.journal.rules.slots import LeftOut, Slots
from engine.journal.sqlite.file.connection import BUSY_SECONDS, read_only, read_only_journal
from engine.journal.sqlite.file.failures import no_text, unavailable
from engine.journal.sqlite.lists.reader import SqliteRunLists
from engine.journal.sqlite.notes import SqliteNotes
from engine.journal.sqlite.queries import query
from engine.journal.sqlite.shared_notes import SqliteSharedNotes
from engine.journal.sqlite.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from engine.contracts.runs.listed import RequestFilter
    from engine.journal.rows import (
        CommentRow,
        RequestViewRow,
        RunRow,
        RunViewRow,
        SlotRow,
        StepHeadRow,
        StepViewRow,
    )
    from engine.journal.rules.store import Store
    from engine.journal.sqlite.levels import SqliteLevelReads
    from engine.journal.sqlite.packs import SqlitePacks
    from engine.journal.sqlite.spending import SqliteSpending
    from engine.journal.sqlite.transaction import Transaction
    from engine.journal.sqlite.upkeep import SqliteUpkeep
    from engine.machine.model.inputs import Input

T = TypeVar("T")


class SqliteJournal(JournalWrites):
    """Implements `engine.journal.port.Journal`. Open with `await SqliteJournal.open(path)`."""

    def __init__(self, path: Path, poll_seconds: float, busy_seconds: float) -> None:
        super().__init__()
        self.path = path
        self._news = ChangeNotifier()
        self._writer = Writer(path, self._news.publish, busy_seconds=busy_seconds, poll_seconds=poll_seconds)
        self._reader: aiosqlite.Connection | None = None
        self.lists = SqliteRunLists(path, self._writer)
        self.notes = SqliteNotes(self._writer, self._read)
        self.shared_notes = SqliteSharedNotes(self._writer, self._read)

    @cached_property
    def levels(self) -> SqliteLevelReads:
        """See port."""
        from engine.journal.sqlite.levels import SqliteLevelReads  # noqa: PLC0415 - a list of runs needs none

        return SqliteLevelReads(self._read)

    @cached_property
    def packs(self) -> SqlitePacks:
        """See port."""
        from engine.journal.sqlite.packs import SqlitePacks  # noqa: PLC0415 - likewise

        return SqlitePacks(self._writer, self._read)

    @cached_property
    def upkeep(self) -> SqliteUpkeep:
        """See port."""
        from engine.journal.sqlite.upkeep import SqliteUpkeep  # noqa: PLC0415 - likewise

        return SqliteUpkeep(self._writer, self._read)

    @cached_property
    def spending(self) -> SqliteSpending:
        """See port."""
        from engine.journal.sqlite.spending import SqliteSpending  # noqa: PLC0415 - likewise

        return SqliteSpending(self._read)

    @classmethod
    async def open(
        cls, path: Path, *, poll_seconds: float = 0.25, busy_seconds: float = BUSY_SECONDS
    ) -> SqliteJournal:
        """Open or create the journal at `path`. Raises Unavailable; nothing is half-made then.

        One on a read-only disk is opened for reading: every write raises Unavailable (`read_only`).
        `poll_seconds` is how often other processes' news are looked for, `busy_seconds` how long
        another program's lock is waited for.
        """
        try:
            await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            words = f"the directory {path.parent} cannot be made: {error.strerror}; check VASINI_HOME"
            raise Unavailable(ErrorCode.JOURNAL_UNAVAILABLE, words, {"path": str(path)}) from error
        journal = cls(path, poll_seconds, busy_seconds)
        immutable = False
        try:
            await journal._writer.start()
        except Unavailable as error:
            if error.code is not ErrorCode.READ_ONLY or not await asyncio.to_thread(path.exists):
                raise
            immutable = journal.lists.immutable = await asyncio.to_thread(read_only_journal, path)
            journal._writer.refuse(error)
        try:
            uri = read_only(path, immutable=immutable)
            journal._reader = await aiosqlite.connect(uri, uri=True, isolation_level=None)
            journal._reader.row_factory = sqlite3.Row
        except sqlite3.Error as error:
            await journal._writer.close()
            raise unavailable(error, path) from error
        return journal

    async def close(self) -> None:
        """Write what is queued and close all connections."""
        reader, self._reader = self._reader, None  # from here on readers are told that it is closed
        if reader is not None:
            await reader.close()
        await self.lists.close()
        await self._writer.close()  # last: it folds the WAL into the file

    def on_change(self, listener: Listener) -> Callable[[], None]:
        """See port."""
        return self._news.subscribe(listener)

    async def write(
        self, operation: Callable[[Store], T], change: ChangeSet | Callable[[T], ChangeSet] = NOTHING
    ) -> T:
        """See rules."""
        from engine.journal.sqlite.store import SqliteStore  # noqa: PLC0415 - whoever reads needs none

        written: list[StoredEvent] = []

        def write(transaction: Transaction) -> T:
            store = SqliteStore(transaction)
            result = operation(store)
            written[:] = store.written  # a group that fails is written twice
            return result

        def changes(result: T) -> ChangeSet:
            found = change(result) if callable(change) else change
            return found.telling(written) if written else found

        return await self._writer.run(write, changes)

    # reading

    async def next_timer(self) -> int | None:
        """See port."""
        rows = await self._read(query("next_timer"))
        due = rows[0][0]
        return None if due is None else int(due)

    async def mail_for(self, worker_id: str) -> list[tuple[int, str, Input]]:
        """See port."""
        rows = await self._read(query("mail_for_worker"), (worker_id,))
        found = ((row["mail_id"], row["run_id"], readable_input(row["input"])) for row in rows)
        return [(mail_id, run_id, given) for mail_id, run_id, given in found if given is not None]

    async def has_mail(self, run_id: str) -> bool:
        """See port."""
        return bool(await self._read(query("has_mail"), (run_id,)))

    async def events_after(self, run_id: str, run_seq: int) -> list[StoredEvent]:
        """See port."""
        return [stored_event(row) for row in await self._read(query("events_after"), (run_id, run_seq))]

    async def snapshot(self, run_id: str) -> tuple[int, bytes] | None:
        """See port."""
        rows = await self._read(query("select_snapshot"), (run_id,))
        return (rows[0]["run_seq"], rows[0]["state"]) if rows else None

    async def page_events(self, run_id: str, after: int, limit: int) -> list[StoredEvent]:
        """See port."""
        rows = await self._read(query("page_events"), (run_id, after, limit))
        return [stored_event(row) for row in rows]

    async def feed_events(self, after_seq: int, limit: int) -> list[StoredEvent]:
        """See port."""
        found: list[StoredEvent] = []
        while len(found) < limit:
            rows = await self._read(query("feed_events"), (after_seq, limit - len(found)))
            if not rows:
                break
            after_seq = rows[-1]["seq"]
            found += readable_events(rows)
        return found

    async def event_heads(self, after_seq: int, limit: int) -> list[EventHead]:
        """See port."""
        return [EventHead(*row) for row in await self._read(query("event_heads"), (after_seq, limit))]

    async def last_seq(self) -> int:
        """See port."""
        return int((await self._read(query("last_seq")))[0][0])

    async def any_ready(self, now: int) -> bool:
        """See port."""
        from engine.journal.sqlite.store import left_out_json  # noqa: PLC0415 - see write

        slots = Slots(cast("list[SlotRow]", await self._read(query("slots"), (now,))))
        left_out = left_out_json(LeftOut(slots.full(), self.damaged))
        return bool(await self._read(query("claimable"), ("", now, *left_out, 1)))

    async def run_row(self, run_id: str) -> RunRow | None:
        """See port."""
        rows = await self._read(query("select_run"), (run_id,))
        return cast("RunRow", dict(rows[0])) if rows else None

    async def tree_usage(self, run_id: str) -> TreeUsage:
        """See port."""
        (row,) = await self._read(query("select_tree_usage"), (run_id,))
        return TreeUsage(row["steps"], row["calls"], row["tokens"])

    async def run_view_row(self, run_id: str) -> RunViewRow | None:
        """See port."""
        rows = await self._read(query("select_run_view"), (run_id,))
        return cast("RunViewRow", dict(rows[0])) if rows else None

    async def successors(self, run_id: str) -> list[tuple[str, int]]:
        """See port."""
        rows = await self._read(query("select_successors"), (run_id,))
        return [(row["run_id"], row["created_at"]) for row in rows]

    async def session_runs(self, session_id: str) -> list[str]:
        """See port."""
        rows = await self._read(query("select_session"), (session_id,))
        return [row["run_id"] for row in rows]

    async def step_rows(
        self, run_id: str, path: str | None = None, *, of_type: str | None = None
    ) -> Sequence[StepViewRow]:
        """See port."""
        if path is None:
            rows = await self._read(query("select_steps"), (run_id, of_type))
        else:
            rows = await self._read(query("select_step"), (run_id, path))
        return cast("list[StepViewRow]", [dict(row) for row in rows])

    async def step_rows_below(self, run_id: str, paths: Sequence[str]) -> Sequence[StepViewRow]:
        """See port."""
        rows = await self._read(query("select_steps_below"), (run_id, encode(list(paths))))
        return cast("list[StepViewRow]", [dict(row) for row in rows])

    async def step_rows_at(self, run_id: str, paths: Sequence[str]) -> Sequence[StepViewRow]:
        """See port."""
        rows = await self._read(query("select_steps_at"), (run_id, encode(list(paths))))
        return cast("list[StepViewRow]", [dict(row) for row in rows])

    async def count_scopes(self, run_id: str, path: str, step: str) -> int:
        """See port."""
        return int((await self._read(query("count_scopes"), (run_id, path, step)))[0][0])

    async def step_outputs(self, run_id: str, paths: Sequence[str]) -> dict[str, str]:
        """See port."""
        rows = await self._read(query("select_step_outputs"), (run_id, encode(list(paths))))
        return {row["path"]: row["payload"] for row in rows}

    async def step_heads(self, run_id: str, limit: int) -> tuple[Sequence[StepHeadRow], int]:
        """See port."""
        rows = await self._read(query("select_step_heads"), (run_id, limit))
        total = len(rows) if len(rows) < limit else (await self._read(query("count_steps"), (run_id,)))[0][0]
        return cast("list[StepHeadRow]", [dict(row) for row in rows]), int(total)

    async def step_heads_at(self, run_id: str, paths: Sequence[str]) -> Sequence[StepHeadRow]:
        """See port."""
        rows = await self._read(query("select_step_heads_at"), (run_id, encode(list(paths))))
        return cast("list[StepHeadRow]", [dict(row) for row in rows])

    async def request_row(self, request_id: str) -> RequestViewRow | None:
        """See port."""
        rows = await self._read(query("select_request"), (request_id,))
        return cast("RequestViewRow", dict(rows[0])) if rows else None

    async def request_rows(
        self,
        kind: RequestKind,
        wanted: RequestFilter,
        limit: int,
        after: str | None = None,
    ) -> Sequence[RequestViewRow]:
        """See port."""
        start = after or ""
        status, run_id, tenant = wanted.status, wanted.run_id, wanted.tenant
        if run_id is not None:
            rows = await self._read(query("run_requests"), (run_id, kind.value))
            fitting = (row for row in rows if status is None or row["status"] == status.value)
            rows = [row for row in fitting if tenant in {None, row["tenant"]} and row["request_id"] > start]
        elif tenant is not None:
            statuses = tuple(RequestStatus) if status is None else (status,)
            rows = []
            for each in statuses:
                arguments = (tenant, kind.value, each.value, start, limit)
                rows += await self._read(query("page_tenant_requests"), arguments)
            rows.sort(key=lambda row: str(row["request_id"]))
        elif status is None:
            rows = await self._read(query("page_all_requests"), (kind.value, start, limit))
        else:
            rows = await self._read(query("page_requests"), (kind.value, status.value, start, limit))
        return cast("list[RequestViewRow]", [dict(row) for row in rows[:limit]])

    async def requests_below(
        self, run_id: str, paths: Sequence[str], status: RequestStatus | None
    ) -> Sequence[RequestViewRow]:
        """See port."""
        arguments = (run_id, encode(list(paths)), None if status is None else status.value)
        rows = await self._read(query("run_requests_below"), arguments)
        return cast("list[RequestViewRow]", [dict(row) for row in rows])

    async def earlier_rows(self, request_id: str, limit: int) -> Sequence[RequestViewRow]:
        """See port."""
        rows = await self._read(query("decided_requests"), (request_id, limit))
        return cast("list[RequestViewRow]", [dict(row) for row in rows])

    async def comments(self, run_ids: Sequence[str]) -> Mapping[str, Sequence[CommentRow]]:
        """See port."""
        arguments = (encode(list(run_ids)), RequestKind.APPROVAL.value)
        found: dict[str, list[CommentRow]] = {}
        for row in await self._read(query("select_comments"), arguments):
            found.setdefault(row["run_id"], []).append(cast("CommentRow", dict(row)))
        return found

    async def claims_version(self) -> int:
        """See port."""
        rows = await self._read(query("select_claims_version"))
        return int(rows[0]["n"]) if rows else 0

    async def counters(self) -> dict[str, int]:
        """See port."""
        return {row["name"]: row["n"] for row in await self._read(query("select_counters"))}

    async def blob(self, digest: str) -> bytes | None:
        """See port."""
        rows = await self._read(query("select_blob"), (digest,))
        return bytes(rows[0]["data"]) if rows else None

    async def blobs(self, digests: Sequence[str]) -> dict[str, bytes]:
        """See port."""
        rows = await self._read(query("select_blobs"), (encode(list(digests)),))
        return {row["digest"]: bytes(row["data"]) for row in rows}

    async def content(self, digest: str) -> str | None:
        """See port."""
        rows = await self._read(query("select_content"), (digest,))
        return str(rows[0]["content"]) if rows else None

    async def workers(self) -> list[WorkerRow]:
        """See port."""
        return [WorkerRow(**dict(row)) for row in await self._read(query("select_workers"))]

    async def _read(
        self, statement: str, arguments: Sequence[Any] | Mapping[str, Any] = ()
    ) -> list[sqlite3.Row]:
        if self._reader is None:
            raise Unavailable(ErrorCode.ENGINE_STOPPED, "the engine is shut down")
        if self._writer.failure is not None:
            raise self._writer.failure
        try:
            return list(await self._reader.execute_fetchall(statement, arguments))
        except sqlite3.Error as error:
            raise unavailable(error, self.path) from error
        except UnicodeEncodeError as error:
            raise no_text(error) from error
