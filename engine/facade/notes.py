"""The facade's part for what operators keep for themselves: drafts, and filters with a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.contracts.notes import SavedFilter


class Drafts(Protocol):
    """What an operator typed and did not send, kept across crashes. Texts that hold a secret are not kept."""

    async def get(self, owner: str, key: str) -> dict[str, Any] | None:
        """The draft of `owner` under `key`."""
        ...

    async def keep(self, owner: str, key: str, draft: Mapping[str, Any]) -> None:
        """Store it in place of the one before. Raises InvalidInput when it is too large."""
        ...

    async def drop(self, owner: str, key: str) -> None:
        """Forget it."""
        ...


class SavedFilters(Protocol):
    """Filters of the runs list that an operator gave a name."""

    async def list(self, owner: str) -> tuple[SavedFilter, ...]:
        """By name."""
        ...

    async def save(self, owner: str, saved: SavedFilter) -> None:
        """Store it in place of one of the same name. Raises InvalidInput past 100 filters."""
        ...

    async def drop(self, owner: str, name: str) -> None:
        """Forget it."""
        ...
