"""The facade's part for news: what happened, here and in every other process on the same journal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from engine.contracts.pack_version import PackNotice
    from engine.contracts.run import EventView


@dataclass(frozen=True, slots=True)
class FeedBatch:
    """News since the last batch. `events` are durable and in order; `lagged` says some were skipped
    because the reader was slow (read the journal for them); `refresh` names lists that changed
    without an event of their own (`packs`, `workers`, `claims`); `packs` are those whose files
    changed."""

    events: tuple[EventView, ...] = ()
    lagged: bool = False
    refresh: frozenset[str] = field(default_factory=frozenset)
    packs: tuple[PackNotice, ...] = ()


class Feed(Protocol):
    """News from this process and every other one on the same journal."""

    def subscribe(
        self, *, run_id: str | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[FeedBatch]]:
        """Batches of news from now on; leaving the context unsubscribes."""
        ...
