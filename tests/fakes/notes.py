"""Drafts and saved filters of the fake engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.contracts.notes import SavedFilter
    from tests.fakes.engine import FakeEngine


@dataclass
class FakeDrafts:
    """What was typed, by owner and key."""

    engine: FakeEngine
    stored: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    async def get(self, owner: str, key: str) -> dict[str, Any] | None:
        self.engine.note("draft_get", (owner, key))
        return self.stored.get((owner, key))

    async def keep(self, owner: str, key: str, draft: Mapping[str, Any]) -> None:
        self.engine.note("draft_keep", (owner, key, dict(draft)))
        self.stored[owner, key] = dict(draft)

    async def drop(self, owner: str, key: str) -> None:
        self.engine.note("draft_drop", (owner, key))
        self.stored.pop((owner, key), None)


@dataclass
class FakeSavedFilters:
    """Filters by owner and name."""

    engine: FakeEngine
    stored: dict[tuple[str, str], SavedFilter] = field(default_factory=dict)

    async def list(self, owner: str) -> tuple[SavedFilter, ...]:
        self.engine.note("saved_filters", owner)
        return tuple(saved for (by, _), saved in sorted(self.stored.items()) if by == owner)

    async def save(self, owner: str, saved: SavedFilter) -> None:
        self.engine.note("save_filter", (owner, saved.name, saved.text))
        self.stored[owner, saved.name] = saved

    async def drop(self, owner: str, name: str) -> None:
        self.engine.note("drop_filter", (owner, name))
        self.stored.pop((owner, name), None)
