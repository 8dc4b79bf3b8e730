"""The runs list of the journal in memory."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from engine.contracts.runs.listed import RunFilter, RunSort
from engine.contracts.status import RunStatus
from engine.contracts.times import from_micros
from engine.journal.rules.id_parts import is_part
from engine.journal.rules.run_filter import fold, is_before, matching, place_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from engine.contracts.runs.run import EventFilter
    from engine.journal.memory.store import MemoryStore
    from engine.journal.rows import EventRow, ListedRow, RequestRow, RunRow
    from engine.journal.rules.id_parts import IdKind
    from engine.journal.rules.run_filter import SortKey


class MemoryRunLists:
    """Implements `engine.journal.parts.run_lists.RunLists`."""

    def __init__(self, read: Callable[[], Awaitable[MemoryStore]]) -> None:
        self._read = read

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
        store = await self._read()
        rows = _listed(store, filters, sort)
        later = [row for row in rows if after is None or is_before(after, place_of(row, sort), sort)]
        started = Counter(row["parent_run_id"] for row in store.runs.values())
        return [{**row, "children": started[row["run_id"]]} for row in later[offset : offset + limit]]

    async def count(self, filters: RunFilter) -> int:
        """See port."""
        return len(_listed(await self._read(), filters, RunSort.NEWEST))

    async def position(self, run_id: str, filters: RunFilter, sort: RunSort) -> int | None:
        """See port."""
        ids = [row["run_id"] for row in _listed(await self._read(), filters, sort)]
        return ids.index(run_id) if run_id in ids else None

    async def ids_like(self, part: str, kind: IdKind, tenant: str | None, limit: int) -> list[str]:
        """See port."""
        store = await self._read()
        rows: Mapping[str, RunRow | RequestRow] = store.runs if kind == "run" else store.requests
        fitting = (name for name, row in rows.items() if tenant in {None, row["tenant"]})
        return sorted((name for name in fitting if is_part(part, name)), reverse=True)[:limit]

    async def by_status(self, tenant: str | None) -> Mapping[str, int]:
        """See port."""
        found: dict[str, int] = {}
        for row in (await self._read()).runs.values():
            if tenant in {None, row["tenant"]}:
                found[row["status"]] = found.get(row["status"], 0) + 1
        return found

    async def failed_after(self, moment: int, tenant: str | None) -> int:
        """See port."""
        failed = RunFilter(
            status=(RunStatus.FAILED, RunStatus.DEAD_LETTER),
            rejected=False,
            tenant=tenant,
            ended_after=from_micros(moment),
        )
        return await self.count(failed)

    async def find_events(self, run_id: str, filters: EventFilter, after: int, until: int) -> list[int]:
        """See port."""
        history = (await self._read()).histories.get(run_id, {})
        return [
            run_seq for run_seq, row in history.items() if after < run_seq <= until and _fits(row, filters)
        ]


def _fits(row: EventRow, filters: EventFilter) -> bool:
    texts = [fold(text) for text in (row["kind"], row["step_id"] or "", row["actor"], row["payload"])]
    if not all(
        fold(part or "") in text
        for part, text in zip((filters.kind, filters.step_id, filters.actor), texts, strict=False)
    ):
        return False
    return any(fold(filters.text or "") in text for text in texts)


def _listed(store: MemoryStore, filters: RunFilter, sort: RunSort) -> list[RunRow]:
    fits = matching(filters)
    rows = [row for row in store.runs.values() if fits(row, store.words.get(row["run_id"], ""))]
    rows.sort(key=lambda row: (row["created_at"], row["run_id"]), reverse=sort is not RunSort.OLDEST)
    rows.sort(key=lambda row: place_of(row, sort).group)
    return rows
