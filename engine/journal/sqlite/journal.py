"""The journal on one SQLite file: one writer thread, readers through aiosqlite."""

from __future__ import annotations

import asyncio
import sqlite3
import traceback
from contextlib import AsyncExitStack
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, cast

import aiosqlite

from engine.errors import ErrorCode, Unavailable
from engine.journal.changes import NOTHING, ChangeNotifier, ChangeSet, Listener
from engine.journal.encoding import readable_input
from engine.journal.records import WorkerRow
from engine.journal.rules.journal_writes import JournalWrites
from engine.journal.rules.slots import LeftOut, Slots
from engine.journal.sqlite.file.connection import (
    BUSY_SECONDS,
    is_whole,
    read_only,
    read_only_journal,
    takes_broken_texts,
)
from engine.journal.sqlite.file.failures import no_text, unavailable
from engine.journal.sqlite.lists.reader import SqliteRunLists
from engine.journal.sqlite.notes import SqliteNotes
from engine.journal.sqlite.queries import query
from engine.journal.sqlite.reads.requests import RequestReading
from engine.journal.sqlite.reads.runs import RunReading
from engine.journal.sqlite.reads.steps import StepReading
from engine.journal.sqlite.shared_notes import SqliteSharedNotes
from engine.journal.sqlite.writer import Writer
from engine.safe_files.sharing import make_directory
from engine.threads import finish

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from engine.journal.records import StoredEvent
    from engine.journal.rows import SlotRow
    from engine.journal.rules.store import Store
    from engine.journal.sqlite.levels import SqliteLevelReads
    from engine.journal.sqlite.packs import SqlitePacks
    from engine.journal.sqlite.spending import SqliteSpending
    from engine.journal.sqlite.transaction import Transaction
    from engine.journal.sqlite.upkeep import SqliteUpkeep
    from engine.machine.model.inputs import Input

T = TypeVar("T")


class SqliteJournal(RunReading, StepReading, RequestReading, JournalWrites):
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
            await asyncio.to_thread(make_directory, path.parent)
        except OSError as error:
            words = f"the directory {path.parent} cannot be made: {error.strerror}; check VASINI_HOME"
            raise Unavailable(ErrorCode.JOURNAL_UNAVAILABLE, words, {"path": str(path)}) from error
        journal = cls(path, poll_seconds, busy_seconds)
        async with AsyncExitStack() as undoing:  # one that is cancelled leaves no thread behind, either
            undoing.push_async_callback(lambda: finish(journal.close()))
            await journal._open()
            undoing.pop_all()
        return journal

    async def _open(self) -> None:
        immutable = False
        try:
            await self._writer.start()
        except Unavailable as error:
            if error.code is not ErrorCode.READ_ONLY or not await asyncio.to_thread(self.path.exists):
                raise
            immutable = self.lists.immutable = await asyncio.to_thread(read_only_journal, self.path)
            self._writer.refuse(error)
        reader = aiosqlite.connect(read_only(self.path, immutable=immutable), uri=True, isolation_level=None)
        try:
            self._reader = reader  # closed also when it was still being opened
            await finish(reader)
            reader.row_factory = sqlite3.Row
        except sqlite3.Error as error:
            raise unavailable(error, self.path) from error

    async def close(self) -> None:
        """Write what is queued and close all connections."""
        reader, self._reader = self._reader, None  # from here on readers are told that it is closed
        if reader is not None:
            await reader.close()
        await self.lists.close()
        await self._writer.close()  # last: it folds the WAL into the file

    @property
    def failure(self) -> Unavailable | None:
        """See port."""
        return self._writer.failure

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
            return found.with_events(written) if written else found

        return await self._writer.run(write, changes)

    async def next_timer(self) -> int | None:
        """See port."""
        rows = await self._read(query("next_timer"))
        return int(rows[0]["due"]) if rows else None

    async def mail_for(self, worker_id: str) -> list[tuple[int, str, Input]]:
        """See port."""
        rows = await self._read(query("mail_for_worker"), (worker_id,))
        found = ((row["mail_id"], row["run_id"], readable_input(row["input"])) for row in rows)
        return [(mail_id, run_id, given) for mail_id, run_id, given in found if given is not None]

    async def has_mail(self, run_id: str) -> bool:
        """See port."""
        return bool(await self._read(query("has_mail"), (run_id,)))

    async def any_ready(self, now: int) -> bool:
        """See port."""
        from engine.journal.sqlite.store import left_out_json  # noqa: PLC0415 - see write

        slots = Slots(cast("list[SlotRow]", await self._read(query("slots"), (now,))))
        left_out = left_out_json(LeftOut(slots.full(), self.damaged))
        return bool(await self._read(query("claimable"), ("", now, *left_out, 1)))

    async def workers(self) -> list[WorkerRow]:
        """See port."""
        rows = await self._read(query("select_workers"))
        return [WorkerRow(**dict(row)) for row in rows if is_whole(row)]  # of others the lease ends by itself

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
            traceback.clear_frames(
                error.__traceback__
            )  # they hold the statement, and it an old view of the file
            if takes_broken_texts(self._reader, error):
                return await self._read(statement, arguments)
            raise unavailable(error, self.path) from error
        except UnicodeEncodeError as error:
            raise no_text(error) from error
