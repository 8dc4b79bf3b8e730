"""SELECTs over ranges of the runs list, and runs that were looked up: their text depends on what is asked.

Names of tables and columns come from this program only (bounds of a range); values are always arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.runs.listed import RunSort
from engine.journal.rules.run_filter import GROUPS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine.journal.rules.run_filter import SortKey
    from engine.journal.sqlite.lists.ranges import IndexRange

RANGES_AT_ONCE = 400
"""Ranges of one statement; SQLite takes 500."""
_ORDERS = {
    RunSort.OLDEST: "created_at, run_id",
    RunSort.REQUESTER: "requested_by, created_at DESC, run_id DESC",
}
_NEWEST_FIRST = "created_at DESC, run_id DESC"
_FOUND = """
FROM ({ids}) f CROSS JOIN runs r ON r.run_id = f.run_id
WHERE r.bucket IN (SELECT value FROM json_each(:buckets))
    AND (:requested_by IS NULL OR r.requested_by = :requested_by)
    AND r.created_at > :created_after AND r.created_at < :created_before
    AND (NOT :ended OR r.finished_at > :ended_after AND r.finished_at < :ended_before)
    AND (:parent IS NULL OR r.parent_run_id = :parent)
    AND (:error IS NULL OR r.error_code = :error)
    AND (:text IS NULL OR instr(lower(r.pack), :text) > 0 OR instr(lower(r.flow), :text) > 0
         OR instr(lower(r.requested_by), :text) > 0 OR instr(lower(r.status), :text) > 0
         OR :in_id AND instr(r.run_id, :text) > 0)"""
Statement = tuple[str, list[Any]]


def count_range(one: IndexRange, buckets: str) -> Statement:
    """How many runs the range holds in each of the count buckets (JSON) in place of its own."""
    source, arguments = _range(one, by_requester=False, buckets=buckets)
    return f"SELECT count(*) {source}", arguments


def select_ranges(
    ranges: Sequence[IndexRange], sort: RunSort, limit: int, offset: int
) -> Iterator[Statement]:
    """(requester when sorted by it, created_at, run id) of ranges, each read in the order of its index.

    `offset` rows are left out when there is but one statement; else the caller merges and leaves out.
    """
    by_requester = sort is RunSort.REQUESTER
    columns = "requested_by, created_at, run_id" if by_requester else "created_at, run_id"
    if len(ranges) > RANGES_AT_ONCE:
        limit, offset = limit + offset, 0
    for start in range(0, len(ranges), RANGES_AT_ONCE):
        parts = [_range(one, by_requester=by_requester) for one in ranges[start : start + RANGES_AT_ONCE]]
        selects = " UNION ALL ".join(f"SELECT {columns} {source}" for source, _ in parts)
        arguments = [value for _, values in parts for value in values]
        order = _ORDERS.get(sort, _NEWEST_FIRST)
        yield f"{selects} ORDER BY {order} LIMIT ? OFFSET ?", [*arguments, limit, offset]


def _range(one: IndexRange, *, by_requester: bool, buckets: str | None = None) -> Statement:
    """FROM and WHERE of a range, and the arguments: the index to read and its bounds."""
    names = (one.requester, one.later_requesters, one.earlier_requesters)
    index = "runs_requester" if by_requester or any(name is not None for name in names) else "runs_bucket"
    source = f"runs INDEXED BY {index}"
    bucket = "bucket = ?" if buckets is None else "bucket IN (SELECT value FROM json_each(?))"
    conditions = [bucket]
    arguments: list[Any] = [one.bucket if buckets is None else buckets]
    if one.id_prefix is not None:  # `+` leaves only the primary key to find them by
        source, conditions = "runs", [f"+{bucket}", "run_id >= ?", "run_id < ?"]
        arguments += [one.id_prefix, f"{one.id_prefix}\x7f"]
    bounds: tuple[tuple[str, Any], ...] = (
        ("requested_by = ?", one.requester),
        ("requested_by > ?", one.later_requesters),
        ("requested_by < ?", one.earlier_requesters),
        ("(created_at, run_id) >= (?, ?)", one.newer),
        ("(created_at, run_id) < (?, ?)", one.older),
        ("instr(lower(requested_by), ?) > 0", one.in_name),
        ("instr(run_id, ?) > 0", one.in_id),
        ("instr(run_id, ?) = 0", one.not_in_id),
    )
    for condition, value in bounds:
        if value is not None:
            conditions.append(condition)
            arguments += value if isinstance(value, tuple) else (value,)
    return f"FROM {source} WHERE {' AND '.join(conditions)}", arguments


def found_runs(ids: str, columns: str, condition: str = "", sort: RunSort | None = None) -> str:
    """Of the runs whose ids a query finds those that fit the rest of a filter, and a further condition.

    In an order there is a `:limit` and an `:offset`.
    """
    further = f" AND ({condition})" if condition else ""
    if sort is None:
        return f"SELECT {columns} {_FOUND.format(ids=ids)}{further}"
    groups = "".join(f"r.{name}, " for name in GROUPS[sort])
    way = "" if sort is RunSort.OLDEST else " DESC"
    order = f"{groups}r.created_at{way}, r.run_id{way}"
    names = f"r.{columns}"
    return f"SELECT {names} {_FOUND.format(ids=ids)}{further} ORDER BY {order} LIMIT :limit OFFSET :offset"


def beyond(place: SortKey, sort: RunSort, *, before: bool = False) -> tuple[str, dict[str, Any]]:
    """Which runs stand after a place, or before it, and the arguments of that condition."""
    rises = (sort is RunSort.OLDEST) is not before
    times = f"(r.created_at, r.run_id) {'>' if rises else '<'} (:place_time, :place_id)"
    wanted: dict[str, Any] = {"place_time": place.created_at, "place_id": place.run_id}
    columns = GROUPS[sort]
    if not columns:
        return times, wanted
    wanted |= {f"place_{name}": value for name, value in zip(columns, place.group, strict=True)}
    own = ", ".join(f"r.{name}" for name in columns)
    its = ", ".join(f":place_{name}" for name in columns)
    return f"({own}) {'<' if before else '>'} ({its}) OR ({own}) = ({its}) AND {times}", wanted
