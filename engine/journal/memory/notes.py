"""Drafts, saved filters and what processes note for each other, in the journal in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.journal.changes import NOTED
from engine.journal.memory.tables import Draft

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from engine.journal.memory.store import MemoryStore, Write
    from engine.journal.records import Owner


class MemoryNotes:
    """Implements `engine.journal.parts.notes.Notes`."""

    def __init__(
        self,
        read: Callable[[], Awaitable[MemoryStore]],
        write: Write,
    ) -> None:
        self._read = read
        self._write = write

    async def draft(self, owner: Owner, key: str) -> str | None:
        """See port."""
        row = (await self._read()).drafts.get((owner, key))
        return None if row is None else row.draft

    async def keep_draft(self, owner: Owner, key: str, draft: str, now: int, at_most: int) -> None:
        """See port."""

        def write(store: MemoryStore) -> None:
            store.put(store.drafts, (owner, key), Draft(draft, now))
            own = [place for place in store.drafts if place[0] == owner]
            own.sort(key=lambda place: (-store.drafts[place].updated_at, place))
            for place in own[at_most:]:
                store.remove(store.drafts, place)

        await self._write(write)

    async def drop_draft(self, owner: Owner, key: str) -> None:
        """See port."""
        await self._write(lambda store: store.remove(store.drafts, (owner, key)))

    async def filters(self, owner: Owner) -> list[tuple[str, str]]:
        """See port."""
        filters = (await self._read()).filters
        return sorted((name, text) for (by, name), text in filters.items() if by == owner)

    async def save_filter(self, owner: Owner, name: str, text: str, at_most: int) -> bool:
        """See port."""

        def write(store: MemoryStore) -> bool:
            names = {name for by, name in store.filters if by == owner}
            if name not in names and len(names) >= at_most:
                return False
            store.put(store.filters, (owner, name), text)
            return True

        return await self._write(write)

    async def drop_filter(self, owner: Owner, name: str) -> None:
        """See port."""
        await self._write(lambda store: store.remove(store.filters, (owner, name)))


class MemorySharedNotes:
    """Implements `engine.journal.parts.notes.SharedNotes`."""

    def __init__(
        self,
        read: Callable[[], Awaitable[MemoryStore]],
        write: Write,
    ) -> None:
        self._read = read
        self._write = write

    async def read(self, name: str) -> tuple[int, str] | None:
        """See port."""
        return (await self._read()).triggers.get(name)

    async def note(self, name: str, text: str, before: int) -> bool:
        """See port."""

        def write(store: MemoryStore) -> bool:
            version, _ = store.triggers.get(name, (0, ""))
            if version == before:
                store.put(store.triggers, name, (before + 1, text))
            return version == before

        return await self._write(write, NOTED)
