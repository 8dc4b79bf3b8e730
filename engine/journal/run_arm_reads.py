"""Counting arms of the runs list, and merging them in its order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.run import RunSort

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
    bounded = [arm for arm in unknown if arm.whole is not None and (arm.newer is None) != (arm.older is None)]
    if bounded and _hold_most(connection, bounded):
        others = [arm for arm in unknown if arm not in bounded]
        rest = _count(connection, [arm.beyond() for arm in bounded])
        return total + sum(arm.whole or 0 for arm in bounded) - rest + _count(connection, others)
    return total + _count(connection, unknown)


def _count(connection: sqlite3.Connection, arms: Sequence[Arm]) -> int:
    total = 0
    for statement, arguments in _statements(arms, "count(*) AS n", by_requester=False):
        counted = connection.execute(f"SELECT sum(n) FROM ({statement})", arguments)  # noqa: S608 - closed words
        total += counted.fetchone()[0]
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
    """When the oldest and the newest of the runs were created; the same when there is none."""
    oldest = read_arms(connection, arms, RunSort.OLDEST, 1)
    newest = read_arms(connection, arms, RunSort.NEWEST, 1)
    return (oldest[0][-2], newest[0][-2]) if oldest and newest else (0, 0)


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
