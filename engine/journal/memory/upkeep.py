"""Removing runs that are over from the journal in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.status import RequestStatus
from engine.journal.changes import ANYTHING
from engine.journal.memory.spending import runs_below
from engine.journal.rules.pruning import RunTree, may_go, references, tree_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from engine.journal.alert_rows import AlertRow
    from engine.journal.memory.store import MemoryStore, Write
    from engine.journal.rows import RunRow
    from engine.journal.rules.pruning import PruneRange


class MemoryUpkeep:
    """Implements `engine.journal.rules.pruning.Upkeep`."""

    def __init__(self, write: Write, read: Callable[[], Awaitable[MemoryStore]]) -> None:
        self._write = write
        self._read = read

    async def prunable(self, wanted: PruneRange, after: str, limit: int) -> tuple[list[RunTree], str | None]:
        """See rules."""
        store = await self._read()
        roots = sorted(
            row["run_id"]
            for row in store.runs.values()
            if row["parent_run_id"] is None
            and row["run_id"] > after
            and may_go([row], wanted, asks=False, newest=None)
        )
        trees = [_tree(store, root) for root in roots[:limit]]
        found = [tree_of(rows) for rows in trees if _may_go(store, rows, wanted)]
        return found, roots[limit - 1] if len(roots) >= limit else None

    async def prune(self, roots: Sequence[str], wanted: PruneRange) -> list[RunTree]:
        """See rules."""

        def write(store: MemoryStore) -> list[RunTree]:
            gone: list[RunTree] = []
            newest = _newest(store)
            for root in roots:
                rows = _tree(store, root)
                if rows and _may_go(store, rows, wanted, newest):
                    gone.append(tree_of(rows))
                    for row in rows:
                        _remove(store, row)
            return gone

        return await self._write(write, ANYTHING)

    async def old_alerts(self, ended_before: int, tenant: str | None) -> int:
        """See rules."""
        return len(_old_alerts(await self._read(), ended_before, tenant))

    async def drop_alerts(self, ended_before: int, tenant: str | None) -> int:
        """See rules."""

        def write(store: MemoryStore) -> int:
            old = _old_alerts(store, ended_before, tenant)
            for row in old:
                store.remove(store.alerts, row["alert"])
                store.remove(store.alerts, row["ends"])
            return len(old)

        return await self._write(write)

    async def unused_blobs(self) -> tuple[frozenset[str], int]:
        """See rules."""
        store = await self._read()
        used = {digest for row in store.events.values() for digest in references(row["payload"])}
        return frozenset(store.blobs) - used, max(store.events, default=0)

    async def drop_blobs(self, digests: frozenset[str], after_seq: int) -> tuple[int, int]:
        """See rules."""

        def write(store: MemoryStore) -> tuple[int, int]:
            later = (row["payload"] for seq, row in store.events.items() if seq > after_seq)
            used = {digest for payload in later for digest in references(payload)}
            sizes = {digest: len(store.blobs[digest]) for digest in digests - used if digest in store.blobs}
            for digest in sizes:
                store.remove(store.blobs, digest)
            return len(sizes), sum(sizes.values())

        return await self._write(write)

    async def tree(self, run_id: str) -> list[str]:
        """See rules."""
        return [row["run_id"] for row in _tree(await self._read(), run_id)]


def _newest(store: MemoryStore) -> str | None:
    return store.events[max(store.events)]["run_id"] if store.events else None


def _old_alerts(store: MemoryStore, ended_before: int, tenant: str | None) -> list[AlertRow]:
    return [
        row
        for row in store.alerts.values()
        if row["ends"] is not None and row["ts"] < ended_before and tenant in {None, row["tenant"]}
    ]


def _tree(store: MemoryStore, root: str) -> list[RunRow]:
    if root not in store.runs:
        return []
    rows = (store.runs[run_id] for run_id in {root, *runs_below(store, root)})
    return sorted(rows, key=lambda row: (row["depth"], row["run_id"]))


def _may_go(
    store: MemoryStore, rows: Sequence[RunRow], wanted: PruneRange, newest: str | None = None
) -> bool:
    ids = {row["run_id"] for row in rows}
    pending = RequestStatus.PENDING.value
    asks = any(row["run_id"] in ids and row["status"] == pending for row in store.requests.values())
    return may_go(rows, wanted, asks=asks, newest=newest or _newest(store))


def _remove(store: MemoryStore, run: RunRow) -> None:
    run_id, source = run["run_id"], run["handed_off_from"]
    for row in store.histories.get(run_id, {}).values():
        store.remove(store.events, row["seq"])
    for request_id in [name for name, row in store.requests.items() if row["run_id"] == run_id]:
        store.remove(store.claims, request_id)
        store.remove(store.requests, request_id)
    for mails in (store.mailbox, store.unread):
        for mail_id in [mail_id for mail_id, (owner, _) in mails.items() if owner == run_id]:
            store.remove(mails, mail_id)
    for timer in [key for key in store.timers if key[0] == run_id]:
        store.remove(store.timers, timer)
    for key in [key for key, row in store.keys.items() if row["run_id"] == run_id]:
        store.remove(store.keys, key)
    for hold in [name for name, row in store.held.items() if row["run_id"] == run_id]:
        store.remove(store.held, hold)
    if source is not None:
        others = tuple(other for other in store.successors.get(source, ()) if other != run_id)
        store.put(store.successors, source, others)
    for table in (store.histories, store.steps, store.snapshots, store.words, store.ready, store.runs):
        store.remove(table, run_id)
