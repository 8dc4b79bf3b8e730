"""Counting arms of the runs list, and merging them in its order."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.contracts.run import RunSort
from engine.journal.queries import query

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from engine.journal.run_arms import Arm

ARMS_AT_ONCE = 400
"""Arms of one statement; SQLite takes 500."""
_ORDERS = {
    RunSort.OLDEST: "created_at, run_id",
    RunSort.REQUESTER: "requested_by, created_at DESC, run_id DESC",
}
_NEWEST_FIRST = "created_at DESC, run_id DESC"


def count_arms(connection: sqlite3.Connection, arms: Sequence[Arm]) -> int:
    """How many runs some arms hold; of what has to be counted, the smaller side of its bound is."""
    total = sum(arm.total for arm in arms if arm.total is not None)
    unknown = [arm for arm in arms if arm.total is None]
    bounded = [arm for arm in unknown if arm.bounded_once]
    if bounded and _hold_most(connection, bounded):
        others = [arm for arm in unknown if not arm.bounded_once]
        rest = _count(connection, [arm.beyond() for arm in bounded])
        return total + sum(arm.whole or 0 for arm in bounded) - rest + _count(connection, others)
    return total + _count(connection, unknown)


def _count(connection: sqlite3.Connection, arms: Sequence[Arm]) -> int:
    """Counts them; arms that differ only in their cell at once."""
    alike: dict[Arm, list[int]] = {}
    for arm in arms:
        alike.setdefault(replace(arm, cell=0, total=None, whole=None), []).append(arm.cell)
    total = 0
    for arm, cells in alike.items():
        part, arguments = arm.where(cells=json.dumps(cells))
        statement = f"SELECT count(*) {part}"
        total += connection.execute(statement, arguments).fetchone()[0]
    return total


def _hold_most(connection: sqlite3.Connection, arms: Sequence[Arm]) -> bool:
    """Whether the arms, bounded on one side, seem to hold more than half of what they would without."""
    low, high = ends(connection, [arm.unbounded() for arm in arms])
    held = 0
    for arm in arms:
        edge = (arm.newer or arm.older or (0, ""))[0]
        within = high - edge if arm.newer is not None else edge - low
        held += (arm.whole or 0) if 2 * within > high - low else -(arm.whole or 0)
    return held > 0


def ends(connection: sqlite3.Connection, arms: Sequence[Arm]) -> tuple[int, int]:
    """Moments between which all of the runs were created."""
    cells = json.dumps([*{arm.cell for arm in arms}])
    low, high = connection.execute(query("ends_of_cells"), (cells,)).fetchone()
    if low is None:
        return 0, 0
    newer = min((arm.newer[0] if arm.newer is not None else low for arm in arms), default=low)
    older = max((arm.older[0] if arm.older is not None else high for arm in arms), default=high)
    return max(low, newer), min(high, older)


def read_arms(
    connection: sqlite3.Connection, arms: Sequence[Arm], sort: RunSort, limit: int, offset: int = 0
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


def _statements(arms: Sequence[Arm], columns: str, *, by_requester: bool) -> Iterator[tuple[str, list[Any]]]:
    """The arms as compound SELECTs, each arm read in the order of its index."""
    for start in range(0, len(arms), ARMS_AT_ONCE):
        parts = [arm.where(by_requester=by_requester) for arm in arms[start : start + ARMS_AT_ONCE]]
        statement = " UNION ALL ".join(f"SELECT {columns} {part}" for part, _ in parts)
        yield statement, [value for _, arguments in parts for value in arguments]
