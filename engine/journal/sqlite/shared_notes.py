"""What processes note for each other, on SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.journal.changes import NOTED
from engine.journal.sqlite.queries import query

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Awaitable, Callable, Sequence

    from engine.journal.sqlite.transaction import Transaction
    from engine.journal.sqlite.writer import Writer


class SqliteSharedNotes:
    """Implements `engine.journal.parts.notes.SharedNotes`."""

    def __init__(
        self, writer: Writer, read: Callable[[str, Sequence[Any]], Awaitable[list[sqlite3.Row]]]
    ) -> None:
        self._writer = writer
        self._read = read

    async def read(self, name: str) -> tuple[int, str] | None:
        """See port."""
        rows = await self._read(query("select_note"), (name,))
        return (int(rows[0]["version"]), str(rows[0]["seen"])) if rows else None

    async def note(self, name: str, text: str, before: int) -> bool:
        """See port."""

        def write(transaction: Transaction) -> bool:
            if before:
                done = transaction.execute(query("next_note"), (text, name, before))
            else:
                done = transaction.execute(query("first_note"), (name, text))
            return done.rowcount == 1

        return await self._writer.run(write, NOTED)
