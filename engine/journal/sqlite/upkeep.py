"""Removing runs that are over from an SQLite journal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from engine.journal.changes import ANYTHING
from engine.journal.rules.pruning import RunTree, may_go, references, tree_of
from engine.journal.sqlite.queries import query
from engine.journal.sqlite.words import drop_words

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Awaitable, Callable, Sequence

    from engine.journal.rows import RunRow
    from engine.journal.rules.pruning import PruneRange
    from engine.journal.sqlite.transaction import Transaction
    from engine.journal.sqlite.writer import Writer

EVENTS_AT_ONCE = 20_000


class SqliteUpkeep:
    """Implements `engine.journal.rules.pruning.Upkeep`."""

    def __init__(self, writer: Writer, read: Callable[..., Awaitable[list[sqlite3.Row]]]) -> None:
        self._writer = writer
        self._read = read

    async def prunable(self, wanted: PruneRange, after: str, limit: int) -> tuple[list[RunTree], str | None]:
        """See rules."""
        bounds = {
            "after": after,
            "before": wanted.finished_before,
            "tenant": wanted.tenant,
            "statuses": json.dumps([status.value for status in wanted.statuses]),
            "rejected": wanted.rejected,
            "pack": wanted.pack,
            "limit": limit,
        }
        roots = [row["run_id"] for row in await self._read(query("select_prunable"), bounds)]
        newest = await self._read(query("newest_run"))
        found: list[RunTree] = []
        for root in roots:
            rows = cast("list[RunRow]", await self._read(query("select_tree"), (root,)))
            asks = await self._read(query("any_asks"), (_ids(rows),))
            if rows and may_go(rows, wanted, asks=bool(asks), newest=newest[0][0] if newest else None):
                found.append(tree_of(rows))
        return found, roots[-1] if len(roots) == limit else None

    async def prune(self, roots: Sequence[str], wanted: PruneRange) -> list[RunTree]:
        """See rules."""
        return await self._writer.run(lambda transaction: _prune(transaction, roots, wanted), ANYTHING)

    async def unused_blobs(self) -> tuple[frozenset[str], int]:
        """See rules. The values are listed first: what is kept later is not among them."""
        unused = {row["digest"] for row in await self._read(query("select_digests"))}
        last = int((await self._read(query("last_seq")))[0][0])
        for start in range(0, last, EVENTS_AT_ONCE):
            end = min(start + EVENTS_AT_ONCE, last)
            for row in await self._read(query("referring_events"), (start, end)):
                unused.difference_update(references(row["payload"]))
        return frozenset(unused), last

    async def drop_blobs(self, digests: frozenset[str], after_seq: int) -> tuple[int, int]:
        """See rules."""
        return await self._writer.run(lambda transaction: _drop_blobs(transaction, digests, after_seq))

    async def old_alerts(self, ended_before: int, tenant: str | None) -> int:
        """See rules."""
        bounds = {"before": ended_before, "tenant": tenant}
        return int((await self._read(query("count_old_alerts"), bounds))[0][0])

    async def drop_alerts(self, ended_before: int, tenant: str | None) -> int:
        """See rules."""
        bounds = {"before": ended_before, "tenant": tenant}
        return await self._writer.run(
            lambda transaction: transaction.execute(query("prune_alerts"), bounds).rowcount // 2
        )

    async def tree(self, run_id: str) -> list[str]:
        """See rules."""
        return [row["run_id"] for row in await self._read(query("select_tree"), (run_id,))]


def _prune(transaction: Transaction, roots: Sequence[str], wanted: PruneRange) -> list[RunTree]:
    connection = transaction.connection
    newest = connection.execute(query("newest_run")).fetchone()
    gone: list[RunTree] = []
    for root in roots:
        rows = cast("list[RunRow]", connection.execute(query("select_tree"), (root,)).fetchall())
        asks = connection.execute(query("any_asks"), (_ids(rows),)).fetchone() is not None
        if not rows or not may_go(rows, wanted, asks=asks, newest=newest[0] if newest else None):
            continue
        for row in rows:
            transaction.leave_bucket(row["bucket"], row["created_at"])
        gone.append(tree_of(rows))
    ids = json.dumps(run_ids := [run_id for tree in gone for run_id, _ in tree.runs])
    drop_words(connection, run_ids)
    for statement in _theirs() if gone else ():
        connection.execute(statement, (ids,))
    return gone


def _theirs() -> tuple[str, ...]:
    """Everything that is a run's, in an order in which nothing is looked for that is gone."""
    return (
        query("prune_claims"),
        query("prune_requests"),
        query("prune_steps"),
        query("prune_events"),
        query("prune_snapshots"),
        query("prune_timers"),
        query("prune_mail"),
        query("prune_unread_mail"),
        query("prune_keys"),
        query("prune_holds"),
        query("prune_runs"),
    )


def _drop_blobs(transaction: Transaction, digests: frozenset[str], after_seq: int) -> tuple[int, int]:
    last = transaction.execute(query("last_seq")).fetchone()[0]
    later = transaction.execute(query("referring_events"), (after_seq, last))
    used = {digest for row in later for digest in references(row["payload"])}
    count = size = 0
    for digest in digests - used:
        found = transaction.execute(query("blob_size"), (digest,)).fetchone()
        if found is not None:
            transaction.execute(query("drop_blob"), (digest,))
            count, size = count + 1, size + found[0]
    return count, size


def _ids(rows: Sequence[RunRow]) -> str:
    return json.dumps([row["run_id"] for row in rows])
