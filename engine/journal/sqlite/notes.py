"""Drafts and saved filters on SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.journal.sqlite.queries import query

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Awaitable, Callable, Sequence

    from engine.journal.records import Owner
    from engine.journal.sqlite.transaction import Transaction
    from engine.journal.sqlite.writer import Writer


class SqliteNotes:
    """Implements `engine.journal.parts.notes.Notes`."""

    def __init__(
        self, writer: Writer, read: Callable[[str, Sequence[Any]], Awaitable[list[sqlite3.Row]]]
    ) -> None:
        self._writer = writer
        self._read = read

    async def draft(self, owner: Owner, key: str) -> str | None:
        """See port."""
        rows = await self._read(query("select_draft"), (*owner, key))
        return str(rows[0]["draft"]) if rows else None

    async def keep_draft(self, owner: Owner, key: str, draft: str, now: int, at_most: int) -> None:
        """See port."""

        def write(transaction: Transaction) -> None:
            transaction.execute(query("put_draft"), (*owner, key, draft, now))
            transaction.execute(query("drop_old_drafts"), (*owner, *owner, at_most))

        await self._writer.run(write)

    async def drop_draft(self, owner: Owner, key: str) -> None:
        """See port."""
        await self._writer.run(lambda db: db.execute(query("drop_draft"), (*owner, key)))

    async def filters(self, owner: Owner) -> list[tuple[str, str]]:
        """See port."""
        return [(row["name"], row["text"]) for row in await self._read(query("select_filters"), owner)]

    async def save_filter(self, owner: Owner, name: str, text: str, at_most: int) -> bool:
        """See port."""

        def write(transaction: Transaction) -> bool:
            names = {row["name"] for row in transaction.execute(query("select_filters"), owner)}
            if name not in names and len(names) >= at_most:
                return False
            transaction.execute(query("put_filter"), (*owner, name, text))
            return True

        return await self._writer.run(write)

    async def drop_filter(self, owner: Owner, name: str) -> None:
        """See port."""
        await self._writer.run(lambda db: db.execute(query("drop_filter"), (*owner, name)))
