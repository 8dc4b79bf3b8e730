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
    """How many runs some arms hold; those that are known are not counted again."""
    total = sum(arm.total for arm in arms if arm.total is not None)
    unknown = [arm for arm in arms if arm.total is None]
    for statement, arguments in _statements(unknown, "count(*) AS n", by_requester=False):
        counted = connection.execute(f"SELECT sum(n) FROM ({statement})", arguments)  # noqa: S608 - closed words
        total += counted.fetchone()[0]
    return total


def count_by_requester(connection: sqlite3.Connection, arms: Sequence[Arm]) -> dict[str, int]:
    """The same by requester, in the order of their names."""
    found: dict[str, int] = {}
    for arm in arms:
        part, arguments = arm.where(by_requester=True)
        statement = f"SELECT requested_by, count(*) {part} GROUP BY requested_by"
        for name, n in connection.execute(statement, arguments):
            found[name] = found.get(name, 0) + n
    return dict(sorted(found.items()))


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
