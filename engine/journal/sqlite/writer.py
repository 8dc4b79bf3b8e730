"""The one writing thread of a process: many transitions, one hop, one transaction, one fsync.

Between writes it looks at `PRAGMA data_version`, which changes when another process has written;
through aiosqlite this would wake the process far more often.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from engine.errors import ErrorCode, Unavailable, VasiniError
from engine.journal.changes import ANYTHING, NOTHING, ChangeSet
from engine.journal.sqlite.file.connection import open_writer, refuse_newer, takes_broken_texts
from engine.journal.sqlite.file.failures import no_text, unavailable
from engine.journal.sqlite.file.fair_file_lock import FairFileLock
from engine.journal.sqlite.file.file_identity import FileIdentity
from engine.journal.sqlite.loop_calls import LoopCalls
from engine.journal.sqlite.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

T = TypeVar("T")

MAX_GROUP = 256
"""A group with so many jobs takes no more."""
ANSWERED_AT_ONCE = 24
"""Callers that go on in one turn of the loop: a whole group would hold up everything else."""


@dataclass(slots=True)
class _Job:
    operation: Callable[[Transaction], Any]
    future: asyncio.Future[Any]
    change: ChangeSet | Callable[[Any], ChangeSet]
    result: Any = None
    error: BaseException | None = None


class Writer:
    """Runs operations on the writing connection, grouped, one commit for all.

    An operation that fails is rolled back alone; its whole group is run twice then. The futures
    resolve after the commit, in order, so what was acknowledged is on disk.
    """

    def __init__(
        self,
        path: Path,
        after_commit: Callable[[Sequence[ChangeSet]], None],
        *,
        busy_seconds: float,
        poll_seconds: float,
    ) -> None:
        self._path = path
        self._busy_seconds = busy_seconds
        self._poll_seconds = poll_seconds
        self._pause = poll_seconds
        self._checked_at = 0.0
        self._version: int | None = None
        self._after_commit = after_commit
        self._loop = asyncio.get_running_loop()
        self._calls: LoopCalls
        self._jobs: queue.SimpleQueue[list[_Job] | None] = queue.SimpleQueue()
        self._coming: list[_Job] = []
        self._unanswered = 0
        self._alone = False
        self._done: deque[_Job] = deque()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._main, name="journal-writer", daemon=True)
        self._closed = False
        self._refusal: Unavailable | None = None
        self._identity: FileIdentity | None = None
        self.failure: Unavailable | None = None
        """Why the journal can be neither written nor read any more."""

    async def start(self) -> None:
        """Open the database. Raises Unavailable."""
        self._calls = LoopCalls(self._loop)
        self._thread.start()
        try:
            await self._opened
        except Exception:
            self._closed = True
            self._calls.close()  # it was the last one of the thread
            raise

    async def run(
        self,
        operation: Callable[[Transaction], T],
        change: ChangeSet | Callable[[T], ChangeSet] = NOTHING,
    ) -> T:
        """Run `operation` inside the next group and return what it returned, once it is durable.

        `change` is what listeners are told when it succeeds; it may depend on what was returned.
        """
        if self._refusal is not None:
            raise self._refusal
        if self._closed:
            raise Unavailable(ErrorCode.ENGINE_STOPPED, "the engine is shutting down; nothing was written")
        future: asyncio.Future[T] = self._loop.create_future()
        if not self._coming and not self._alone:
            self._loop.call_soon(self._hand_over)
        self._coming.append(_Job(operation, future, change))
        if self._alone:
            self._hand_over()
        return await future

    def _hand_over(self) -> None:
        """What is asked for in one turn of the loop goes to the thread together: it is woken once, and what
        runs that move together write is one group. After a job that was alone the next one does not wait."""
        coming, self._coming = self._coming, []
        self._alone = False
        for begin in range(0, len(coming), MAX_GROUP):
            self._jobs.put(coming[begin : begin + MAX_GROUP])
            self._unanswered += len(coming[begin : begin + MAX_GROUP])

    def refuse(self, error: Unavailable) -> None:
        """The journal could not be opened for writing: every write is answered so."""
        self._refusal = error

    async def close(self) -> None:
        """Write what is queued, then close."""
        if self._closed:
            return
        self._closed = True
        self._hand_over()
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)
        self._calls.close()
        while self._done:
            self._answer()

    def _main(self) -> None:
        try:
            connection = open_writer(self._path, self._busy_seconds)
        except Exception as error:  # noqa: BLE001 - the edge: whoever opens it raises it
            self._calls.post(self._tell_opened, error)
            return
        self._identity = FileIdentity(self._path)
        try:
            lock = FairFileLock(self._path)
        except OSError as error:
            connection.close()
            words = f"the journal's lock files beside {self._path} cannot be made: {error.strerror}"
            self._calls.post(self._tell_opened, Unavailable(ErrorCode.READ_ONLY, words))
            return
        self._notice_other_writers(connection)
        self._calls.post(self._tell_opened)
        more = True
        while more:
            group, more = self._gather()
            if group:
                self._write(connection, lock, group)
                self._calls.post(self._resolve, group)
            self._notice_other_writers(connection)
        lock.close()
        connection.close()

    def _tell_opened(self, error: Exception | None = None) -> None:
        if self._opened.done():  # who waited for it was cancelled
            return
        if error is None:
            self._opened.set_result(None)
        else:
            self._opened.set_exception(error)

    def _gather(self) -> tuple[list[_Job], bool]:
        """Waiting jobs, and whether there will be more; none when none came for a while."""
        group: list[_Job] = []
        try:
            jobs = self._jobs.get(timeout=self._pause)
        except queue.Empty:
            return group, True
        while jobs is not None:
            group += jobs
            if len(group) >= MAX_GROUP:
                return group, True
            try:
                jobs = self._jobs.get_nowait()
            except queue.Empty:
                return group, True
        return group, False

    def _notice_other_writers(self, connection: sqlite3.Connection) -> None:
        """Tell listeners when another process has written: looked for every `poll_seconds`, more often
        while others write."""
        now = time.monotonic()
        if now - self._checked_at < self._pause:
            return
        self._checked_at = now
        failed = self.failure
        with suppress(VasiniError, sqlite3.Error):
            self._check(connection)
        if failed is not self.failure:
            self._calls.post(self._after_commit, (ANYTHING,))
        with suppress(sqlite3.Error):  # locked for a moment: the next look may do
            version = int(connection.execute("PRAGMA data_version").fetchone()[0])
            changed = self._version not in {None, version}
            self._version = version
            self._pause = min(self._poll_seconds, self._poll_seconds / 5 if changed else self._pause * 1.5)
            if changed:
                self._calls.post(self._after_commit, (ANYTHING,))

    def _check(self, connection: sqlite3.Connection | None = None) -> None:
        """Raise Unavailable when the open file is not the one under the path, or (asked with the connection)
        a later program has changed it. `failure` says so to readers."""
        try:
            if self._identity is not None:
                self._identity.check()
            if connection is not None:
                refuse_newer(connection, self._path)
        except Unavailable as error:
            self.failure = self.failure or error
            raise
        self.failure = None

    def _write(self, connection: sqlite3.Connection, lock: FairFileLock, group: list[_Job]) -> None:
        try:
            with lock:
                if not self._write_together(connection, group):
                    self._write_with_savepoints(connection, group)
                self._check()  # what went into a file that is gone is not acknowledged
        except Unavailable as error:
            self._fail(group, error)
        except sqlite3.Error as error:
            self._fail(group, unavailable(error, self._path))
        except OSError as error:
            words = f"the journal {self._path} failed: {error.strerror}"
            self._fail(group, Unavailable(ErrorCode.JOURNAL_UNAVAILABLE, words))
        except Exception as error:  # noqa: BLE001 - the edge: without the thread nobody would be answered
            self._fail(group, error)

    @staticmethod
    def _fail(group: list[_Job], failure: Exception) -> None:
        for job in group:
            job.error = failure

    def _write_together(self, connection: sqlite3.Connection, group: list[_Job]) -> bool:
        """All jobs in one transaction; False, with nothing written, when one of them fails. Raises
        sqlite3.Error when none could be begun: a lock was waited for already."""
        begun = False
        try:
            with Transaction(connection) as transaction:
                begun = True
                self._check(connection)
                for job in group:
                    job.result = job.operation(transaction)
        except Exception as error:  # the next try, job by job, finds whose failure it is
            if not begun:
                raise
            takes_broken_texts(connection, error)
            return False
        return True

    def _write_with_savepoints(self, connection: sqlite3.Connection, group: list[_Job]) -> None:
        """The same with a savepoint for each job, so that only the jobs that fail are rolled back."""
        with Transaction(connection):
            self._check(connection)
            for job in group:
                self._attempt(connection, job)

    def _attempt(self, connection: sqlite3.Connection, job: _Job) -> None:
        connection.execute("SAVEPOINT one")
        transaction = Transaction(connection)
        try:
            job.result = job.operation(transaction)
            transaction.write_counts()
        except sqlite3.Error as error:
            if not connection.in_transaction:  # SQLite rolled everything back: the group has failed
                raise
            connection.execute("ROLLBACK TO one")
            job.error = unavailable(error, self._path)
        except Exception as error:  # noqa: BLE001 - handed to the caller; it must not spoil the group
            connection.execute("ROLLBACK TO one")
            job.error = no_text(error) if isinstance(error, UnicodeEncodeError) else error
        connection.execute("RELEASE one")

    def _resolve(self, group: list[_Job]) -> None:
        self._unanswered -= len(group)
        self._alone = len(group) == 1 and not self._unanswered and not self._coming
        waiting = bool(self._done)
        self._done.extend(group)
        if not waiting:
            self._answer()

    def _answer(self) -> None:
        """Some of the callers hear what became of their jobs, the others in the next turns of the loop."""
        changes: list[ChangeSet] = []
        for _ in range(min(len(self._done), ANSWERED_AT_ONCE)):
            job = self._done.popleft()
            if job.error is None:
                try:
                    change = job.change(job.result) if callable(job.change) else job.change
                except Exception as error:  # noqa: BLE001 - the edge: the others are answered
                    job.error, change = error, ANYTHING
                if change is not NOTHING:
                    changes.append(change)
            if job.future.done():  # its caller was cancelled; what was written stays written
                continue
            if job.error is not None:
                job.future.set_exception(job.error)
            else:
                job.future.set_result(job.result)
        if changes:
            self._after_commit(changes)
        if self._done:
            self._loop.call_soon(self._answer)
