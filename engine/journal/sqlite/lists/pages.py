"""Pages, counts and positions of the runs list, and searches of a run's history."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from engine.contracts.runs.listed import RunFilter, RunSort
from engine.journal.rules.run_filter import fold, matching, place_of
from engine.journal.sqlite.lists.found import count_found, found_ids, found_position, is_looked_up
from engine.journal.sqlite.lists.jumps import skip
from engine.journal.sqlite.lists.range_reads import count_ranges, read_ranges
from engine.journal.sqlite.lists.ranges import after_place, before_place, segments
from engine.journal.sqlite.queries import query

if TYPE_CHECKING:
    import sqlite3

    from engine.contracts.runs.run import EventFilter
    from engine.journal.rows import ListedRow
    from engine.journal.rules.id_parts import IdKind
    from engine.journal.rules.run_filter import SortKey


def page(
    connection: sqlite3.Connection,
    filters: RunFilter,
    sort: RunSort,
    limit: int,
    after: SortKey | None,
    offset: int,
) -> list[ListedRow]:
    """At most `limit` rows in the order of `sort`, after a place and `offset` more runs."""
    if is_looked_up(filters):
        ids = found_ids(connection, filters, sort, limit, after, offset)
    else:
        ids = _ids_of_page(connection, filters, sort, limit, after, offset)
    rows = connection.execute(query("runs_by_id"), (json.dumps(ids, default=str),))
    by_id = {row["run_id"]: cast("ListedRow", dict(row)) for row in rows}
    return [by_id[run_id] for run_id in ids if run_id in by_id]  # a damaged id stands for no run


def _ids_of_page(
    connection: sqlite3.Connection,
    filters: RunFilter,
    sort: RunSort,
    limit: int,
    after: SortKey | None,
    offset: int,
) -> list[str]:
    ids: list[str] = []
    for segment in segments(connection, filters, sort):
        ranges = segment.ranges
        if after is not None:
            if segment.is_before(after):
                continue
            if segment.holds(after):
                ranges = after_place(ranges, after, sort)
        if offset:
            total = count_ranges(connection, ranges)
            if total <= offset:
                offset -= total
                continue
            ranges, offset = skip(connection, ranges, sort, offset, total)
        ids += [row[-1] for row in read_ranges(connection, ranges, sort, limit - len(ids), offset)]
        offset = 0
        if len(ids) == limit:
            break
    return ids


def count(connection: sqlite3.Connection, filters: RunFilter) -> int:
    """How many runs fit."""
    if is_looked_up(filters):
        return count_found(connection, filters)
    parts = segments(connection, filters, RunSort.NEWEST)
    return sum(count_ranges(connection, part.ranges) for part in parts)


def position(connection: sqlite3.Connection, run_id: str, filters: RunFilter, sort: RunSort) -> int | None:
    """How many runs the list gives before this one; None when it does not hold it."""
    row = connection.execute(query("select_run"), (run_id,)).fetchone()
    if row is not None and is_looked_up(filters):
        return found_position(connection, row, filters, sort)
    if row is None or not matching(filters)(row, ""):
        return None
    place = place_of(row, sort)
    before = 0
    for segment in segments(connection, filters, sort):
        if segment.is_before(place):
            before += count_ranges(connection, segment.ranges)
        elif segment.holds(place):
            before += count_ranges(connection, before_place(segment.ranges, place, sort))
    return before


def find_events(
    connection: sqlite3.Connection, run_id: str, filters: EventFilter, after: int, until: int
) -> list[int]:
    """The `run_seq` of a run's events that fit."""
    parts = (filters.kind, filters.step_id, filters.actor, filters.text)
    kind, step, actor, text = (None if part is None else fold(part) for part in parts)
    wanted = {"kind": kind, "step": step, "actor": actor, "text": text}
    place = {"run_id": run_id, "after": after, "until": until}
    return [row[0] for row in connection.execute(query("find_events"), wanted | place)]


def ids_like(
    connection: sqlite3.Connection, part: str, kind: IdKind, tenant: str | None, limit: int
) -> list[str]:
    """Ids that are, begin or end with a part."""
    statement = query("runs_like") if kind == "run" else query("requests_like")
    wanted = {"part": part, "length": len(part), "tenant": tenant, "limit": limit}
    return [row[0] for row in connection.execute(statement, wanted)]


def failed_after(connection: sqlite3.Connection, moment: int, tenant: str | None) -> int:
    """How many runs failed after a moment."""
    counted = connection.execute(query("count_failed"), {"after": moment, "tenant": tenant})
    return int(counted.fetchone()[0])


def by_status(connection: sqlite3.Connection, tenant: str | None) -> dict[str, int]:
    """How many runs have each status."""
    rows = connection.execute(query("runs_by_status"), (tenant, tenant))
    return {row["status"]: row["n"] for row in rows}
