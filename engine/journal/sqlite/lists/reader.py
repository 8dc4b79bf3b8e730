"""Long reads on SQLite: a thread and a connection of their own, so that no worker waits for a long list.

Each answer is read in one transaction: counts, buckets and rows are of one moment.
"""

from __future__ import annotations

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from engine.errors import ErrorCode, Unavailable
from engine.journal.sqlite.file.connection import open_reader, takes_broken_texts
from engine.journal.sqlite.file.failures import no_text, unavailable
from engine.journal.sqlite.lists import pages as list_pages

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from engine.contracts.runs.listed import RunFilter, RunSort
    from engine.contracts.runs.run import EventFilter
    from engine.journal.rows import ListedRow
    from engine.journal.rules.id_parts import IdKind
    from engine.journal.rules.run_filter import SortKey
    from engine.journal.sqlite.writer import Writer

T = TypeVar("T")


class SqliteRunLists:
    """Implements `engine.journal.parts.run_lists.RunLists`; opened by the first question."""

    def __init__(self, path: Path, writer: Writer) -> None:
        self._path = path
        self._writer = writer
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal-lists")
        self._connection: sqlite3.Connection | None = None
        self._closed = False
        self.immutable = False
        """Nobody can write the file."""

    async def close(self) -> None:
        """Answer what was asked, then close."""
        if self._closed:
            return
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(self._thread, self._disconnect)
        self._thread.shutdown(wait=False)  # it has nothing left to do

    async def page(
        self,
        filters: RunFilter,
        sort: RunSort,
        limit: int,
        *,
        after: SortKey | None = None,
        offset: int = 0,
    ) -> Sequence[ListedRow]:
        """See port."""
        return await self._ask(
            partial(list_pages.page, filters=filters, sort=sort, limit=limit, after=after, offset=offset)
        )

    async def count(self, filters: RunFilter) -> int:
        """See port."""
        return await self._ask(partial(list_pages.count, filters=filters))

    async def position(self, run_id: str, filters: RunFilter, sort: RunSort) -> int | None:
        """See port."""
        return await self._ask(partial(list_pages.position, run_id=run_id, filters=filters, sort=sort))

    async def ids_like(self, part: str, kind: IdKind, tenant: str | None, limit: int) -> list[str]:
        """See port."""
        return await self._ask(partial(list_pages.ids_like, part=part, kind=kind, tenant=tenant, limit=limit))

    async def by_status(self, tenant: str | None) -> Mapping[str, int]:
        """See port."""
        return await self._ask(partial(list_pages.by_status, tenant=tenant))

    async def failed_after(self, moment: int, tenant: str | None) -> int:
        """See port."""
        return await self._ask(partial(list_pages.failed_after, moment=moment, tenant=tenant))

    async def find_events(self, run_id: str, filters: EventFilter, after: int, until: int) -> list[int]:
        """See port."""
        return await self._ask(
            partial(list_pages.find_events, run_id=run_id, filters=filters, after=after, until=until)
        )

    async def _ask(self, question: Callable[[sqlite3.Connection], T]) -> T:
        if self._closed:
            raise Unavailable(ErrorCode.ENGINE_STOPPED, "the engine is shut down")
        if self._writer.failure is not None:
            raise self._writer.failure
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._answer, question)

    def _answer(self, question: Callable[[sqlite3.Connection], T]) -> T:
        try:
            if self._connection is None:
                self._connection = open_reader(self._path, immutable=self.immutable)
            self._connection.execute("BEGIN")
            try:
                return question(self._connection)
            finally:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            if self._connection is not None and takes_broken_texts(self._connection, error):
                return self._answer(question)
            raise unavailable(error, self._path) from error
        except UnicodeEncodeError as error:
            raise no_text(error) from error

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
