"""Counting ranges of the runs list, and merging them in its order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from engine.contracts.runs.listed import RunSort
from engine.frozen import replace
from engine.journal.rules.run_filter import TIME_BUCKET
from engine.journal.sqlite.lists.statements import count_range, select_ranges
from engine.journal.sqlite.queries import query

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from engine.journal.sqlite.lists.ranges import IndexRange

_NEVER = 2**62


def count_ranges(connection: sqlite3.Connection, ranges: Sequence[IndexRange]) -> int:
    """How many runs some ranges hold; ranges that differ only in their bucket are counted at once."""
    total = 0
    alike: dict[IndexRange, list[int]] = {}
    for one in ranges:
        if one.total is not None:
            total += one.total
        else:
            alike.setdefault(replace(one, bucket=0), []).append(one.bucket)
    for one, buckets in alike.items():
        count = _count_between if one.only_time else _count
        total += count(connection, one, json.dumps(buckets))
    return total


def _count_between(connection: sqlite3.Connection, one: IndexRange, buckets: str) -> int:
    """Whole time buckets are known; what is left at both ends is counted."""
    first = one.newer[0] // TIME_BUCKET if one.newer is not None else -1
    last = one.older[0] // TIME_BUCKET if one.older is not None else _NEVER
    if first >= last:
        return _count(connection, one, buckets)
    total = int(connection.execute(query("count_time_buckets"), (buckets, first, last)).fetchone()[0])
    if one.newer is not None:
        total += _count(connection, one.bounded(older=((first + 1) * TIME_BUCKET, "")), buckets)
    if one.older is not None:
        total += _count(connection, one.bounded(newer=(last * TIME_BUCKET, "")), buckets)
    return total


def _count(connection: sqlite3.Connection, one: IndexRange, buckets: str) -> int:
    return int(connection.execute(*count_range(one, buckets)).fetchone()[0])


def ends(connection: sqlite3.Connection, ranges: Sequence[IndexRange]) -> tuple[int, int]:
    """Moments between which all of the runs were created."""
    buckets = json.dumps([*{one.bucket for one in ranges}])
    low, high = connection.execute(query("ends_of_buckets"), (buckets,)).fetchone()
    if low is None:
        return 0, 0
    newer = min((one.newer[0] if one.newer is not None else low for one in ranges), default=low)
    older = max((one.older[0] if one.older is not None else high for one in ranges), default=high)
    return max(low, newer), min(high, older)


def read_ranges(
    connection: sqlite3.Connection, ranges: Sequence[IndexRange], sort: RunSort, limit: int, offset: int
) -> list[tuple[Any, ...]]:
    """(requester when sorted by it, created_at, run id) of runs in the order of the list."""
    statements = list(select_ranges(ranges, sort, limit, offset))
    found = [tuple(row) for statement in statements for row in connection.execute(*statement)]
    if len(statements) == 1:
        return found
    found.sort(key=lambda row: row[-2:], reverse=sort is not RunSort.OLDEST)
    if sort is RunSort.REQUESTER:
        found.sort(key=lambda row: str(row[0]))
    return found[offset : offset + limit]
