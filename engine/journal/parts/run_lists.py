"""The part of the port that lists runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.contracts.runs.listed import RunFilter, RunSort
    from engine.contracts.runs.run import EventFilter
    from engine.journal.rows import ListedRow
    from engine.journal.rules.id_parts import IdKind
    from engine.journal.rules.run_filter import SortKey


class RunLists(Protocol):
    """What may take long to read: the runs that fit a filter in an order, and searches of a history."""

    async def page(
        self,
        filters: RunFilter,
        sort: RunSort,
        limit: int,
        *,
        after: SortKey | None = None,
        offset: int = 0,
    ) -> Sequence[ListedRow]:
        """Rows after a place in the list, or after `offset` rows."""
        ...

    async def count(self, filters: RunFilter) -> int:
        """How many runs fit."""
        ...

    async def position(self, run_id: str, filters: RunFilter, sort: RunSort) -> int | None:
        """How many rows the list gives before this run; None when it does not hold it."""
        ...

    async def ids_like(self, part: str, kind: IdKind, tenant: str | None, limit: int) -> list[str]:
        """Ids that are, begin or end with a part (rules/id_parts.py), the newest first."""
        ...

    async def by_status(self, tenant: str | None) -> Mapping[str, int]:
        """How many runs of a tenant, or of all, have each status."""
        ...

    async def failed_after(self, moment: int, tenant: str | None) -> int:
        """How many runs of a tenant, or of all, failed after a moment (not those that a person rejected)."""
        ...

    async def find_events(self, run_id: str, filters: EventFilter, after: int, until: int) -> list[int]:
        """The `run_seq` of a run's events that fit, after `after` and up to `until`."""
        ...
