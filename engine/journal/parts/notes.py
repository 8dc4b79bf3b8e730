"""The parts of the port that keep small things beside the runs: for operators, and for other processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from engine.journal.records import Owner


class Notes(Protocol):
    """What is kept for operators, by tenant: drafts and saved filters."""

    async def draft(self, owner: Owner, key: str) -> str | None:
        """A draft as JSON text."""
        ...

    async def keep_draft(self, owner: Owner, key: str, draft: str, now: int, at_most: int) -> None:
        """Store a draft; of more than `at_most` of the owner the oldest go."""
        ...

    async def drop_draft(self, owner: Owner, key: str) -> None:
        """Forget a draft."""
        ...

    async def filters(self, owner: Owner) -> list[tuple[str, str]]:
        """(name, text) by name."""
        ...

    async def save_filter(self, owner: Owner, name: str, text: str, at_most: int) -> bool:
        """Store a filter; False, with nothing stored, when it is new and the owner has `at_most`."""
        ...

    async def drop_filter(self, owner: Owner, name: str) -> None:
        """Forget a filter."""
        ...


class SharedNotes(Protocol):
    """What processes note for each other by name, such as what a trigger has seen."""

    async def read(self, name: str) -> tuple[int, str] | None:
        """(version, JSON text); None before anything was noted."""
        ...

    async def note(self, name: str, text: str, before: int) -> bool:
        """Store the next version after `before` (0 for none); False, with nothing stored, when another was
        quicker."""
        ...
