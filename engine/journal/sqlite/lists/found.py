"""Runs that are looked up by an index of their own: words, error, end, and what started them.

Their ids come from there; the rest of the filter is looked at run by run. So the list costs as much as
there are runs with this error, or of this time.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from engine.journal.rules.rows.run_words import wanted_words
from engine.journal.rules.run_filter import fold, may_be_in_id, micros, place_of
from engine.journal.sqlite.lists.ranges import buckets_of
from engine.journal.sqlite.lists.statements import beyond, found_runs
from engine.journal.sqlite.queries import query
from engine.journal.sqlite.words import word_query

if TYPE_CHECKING:
    import sqlite3

    from engine.contracts.runs.listed import RunFilter, RunSort
    from engine.journal.rows import RunRow
    from engine.journal.rules.run_filter import SortKey

_EVER = 2**62


def is_looked_up(filters: RunFilter) -> bool:
    """Whether the filter names something that count buckets do not tell."""
    named = (filters.words, filters.parent, filters.error, filters.ended_after, filters.ended_before)
    return any(each is not None for each in named)


def found_ids(
    connection: sqlite3.Connection,
    filters: RunFilter,
    sort: RunSort,
    limit: int,
    after: SortKey | None,
    offset: int,
) -> list[str]:
    """Ids of a page, in the order of `sort`."""
    ids, wanted = _looked_up(connection, filters)
    wanted |= {"limit": limit, "offset": offset}
    condition = ""
    if after is not None:
        condition, place = beyond(after, sort)
        wanted |= place
    rows = connection.execute(found_runs(ids, "run_id", condition, sort), wanted)
    return [row[0] for row in rows]


def count_found(connection: sqlite3.Connection, filters: RunFilter) -> int:
    """How many runs fit."""
    ids, wanted = _looked_up(connection, filters)
    counted = connection.execute(found_runs(ids, "count(*)"), wanted)
    return int(counted.fetchone()[0])


def found_position(
    connection: sqlite3.Connection, row: RunRow, filters: RunFilter, sort: RunSort
) -> int | None:
    """How many runs the list gives before this one; None when it does not hold it."""
    ids, wanted = _looked_up(connection, filters)
    wanted["run_id"] = row["run_id"]
    held = connection.execute(found_runs(ids, "count(*)", "r.run_id = :run_id"), wanted)
    if not held.fetchone()[0]:
        return None
    condition, place = beyond(place_of(row, sort), sort, before=True)
    before = connection.execute(found_runs(ids, "count(*)", condition), wanted | place)
    return int(before.fetchone()[0])


def _looked_up(connection: sqlite3.Connection, filters: RunFilter) -> tuple[str, dict[str, Any]]:
    """The query for the ids, by the index that is likely to give the fewest, and all arguments."""
    arguments = _arguments(connection, filters)
    if filters.words is not None:
        ids, words = word_query(connection, wanted_words(filters.words))
        return ids, arguments | words
    if filters.parent is not None:
        return query("ids_by_parent"), arguments
    return query("ids_by_error") if filters.error is not None else query("ids_by_end"), arguments


def _arguments(connection: sqlite3.Connection, filters: RunFilter) -> dict[str, Any]:
    text = fold(filters.text or "")
    buckets = [row["bucket"] for row in buckets_of(connection, filters)]
    ended = filters.ended_after is not None or filters.ended_before is not None
    return {
        "buckets": json.dumps(buckets),
        "requested_by": filters.requested_by,
        "created_after": _or(micros(filters.created_after), -1),
        "created_before": _or(micros(filters.created_before), _EVER),
        "ended": int(ended),
        "ended_after": _or(micros(filters.ended_after), -1),
        "ended_before": _or(micros(filters.ended_before), _EVER),
        "parent": filters.parent,
        "error": filters.error,
        "text": text or None,
        "in_id": int(may_be_in_id(text)),
    }


def _or(moment: int | None, bound: int) -> int:
    return bound if moment is None else moment
