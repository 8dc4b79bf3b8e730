"""Counting arms of the runs list, and merging them in its order."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.contracts.run import RunSort
from engine.journal.rules.run_filter import PERIOD
from engine.journal.sqlite.queries import query

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from engine.journal.sqlite.list_ranges import IndexRange

ARMS_AT_ONCE = 400
"""Arms of one statement; SQLite takes 500."""
_ORDERS = {
    RunSort.OLDEST: "created_at, run_id",
    RunSort.REQUESTER: "requested_by, created_at DESC, run_id DESC",
}
_NEVER = 2**62
_NEWEST_FIRST = "created_at DESC, run_id DESC"


def count_arms(connection: sqlite3.Connection, arms: Sequence[IndexRange]) -> int:
    """How many runs some arms hold; arms that differ only in their cell are counted at once."""
    total = 0
    alike: dict[IndexRange, list[int]] = {}
    for arm in arms:
        if arm.total is not None:
            total += arm.total
        else:
            alike.setdefault(replace(arm, cell=0), []).append(arm.cell)
    for arm, cells in alike.items():
        count = _count_between if arm.only_time else _count
        total += count(connection, arm, json.dumps(cells))
    return total


def _count_between(connection: sqlite3.Connection, arm: IndexRange, cells: str) -> int:
    """Whole periods are known; what is left at both ends is counted."""
    first = arm.newer[0] // PERIOD if arm.newer is not None else -1
    last = arm.older[0] // PERIOD if arm.older is not None else _NEVER
    if first >= last:
        return _count(connection, arm, cells)
    total = int(connection.execute(query("count_periods"), (cells, first, last)).fetchone()[0])
    if arm.newer is not None:
        total += _count(connection, arm.bounded(older=((first + 1) * PERIOD, "")), cells)
    if arm.older is not None:
        total += _count(connection, arm.bounded(newer=(last * PERIOD, "")), cells)
    return total


def _count(connection: sqlite3.Connection, arm: IndexRange, cells: str) -> int:
    part, arguments = arm.where(cells=cells)
    statement = f"SELECT count(*) {part}"
    return int(connection.execute(statement, arguments).fetchone()[0])


def ends(connection: sqlite3.Connection, arms: Sequence[IndexRange]) -> tuple[int, int]:
    """Moments between which all of the runs were created."""
    cells = json.dumps([*{arm.cell for arm in arms}])
    low, high = connection.execute(query("ends_of_cells"), (cells,)).fetchone()
    if low is None:
        return 0, 0
    newer = min((arm.newer[0] if arm.newer is not None else low for arm in arms), default=low)
    older = max((arm.older[0] if arm.older is not None else high for arm in arms), default=high)
    return max(low, newer), min(high, older)


def read_arms(
    connection: sqlite3.Connection, arms: Sequence[IndexRange], sort: RunSort, limit: int, offset: int = 0
) -> list[tuple[Any, ...]]:
    """(requester when sorted by it, created_at, run id) of runs in the order of the list."""
    by_requester = sort is RunSort.REQUESTER
    columns = "requested_by, created_at, run_id" if by_requester else "created_at, run_id"
    ordered = f"ORDER BY {_ORDERS.get(sort, _NEWEST_FIRST)} LIMIT ? OFFSET ?"
    statements = list(_statements(arms, columns, by_requester=by_requester))
    if len(statements) == 1:
        ((statement, arguments),) = statements
        return [
            tuple(row) for row in connection.execute(f"{statement} {ordered}", [*arguments, limit, offset])
        ]
    found = [
        tuple(row)
        for statement, arguments in statements
        for row in connection.execute(f"{statement} {ordered}", [*arguments, limit + offset, 0])
    ]
    found.sort(key=lambda row: row[-2:], reverse=sort is not RunSort.OLDEST)
    if by_requester:
        found.sort(key=lambda row: str(row[0]))
    return found[offset : offset + limit]


def _statements(
    arms: Sequence[IndexRange], columns: str, *, by_requester: bool
) -> Iterator[tuple[str, list[Any]]]:
    """The arms as compound SELECTs, each arm read in the order of its index."""
    for start in range(0, len(arms), ARMS_AT_ONCE):
        parts = [arm.where(by_requester=by_requester) for arm in arms[start : start + ARMS_AT_ONCE]]
        statement = " UNION ALL ".join(f"SELECT {columns} {part}" for part, _ in parts)
        yield statement, [value for _, arguments in parts for value in arguments]
