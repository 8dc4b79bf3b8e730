"""Pages, counts and positions of the runs list, and searches of a run's history."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from engine.contracts.run import RunFilter, RunSort
from engine.journal.rules.run_filter import fold, matches, place_of
from engine.journal.sqlite.list_jumps import skip
from engine.journal.sqlite.list_range_reads import count_arms, read_arms
from engine.journal.sqlite.list_ranges import after_place, before_place, segments
from engine.journal.sqlite.queries import query

if TYPE_CHECKING:
    import sqlite3

    from engine.contracts.run import EventFilter
    from engine.journal.rules.run_filter import SortKey


def page(
    connection: sqlite3.Connection,
    filters: RunFilter,
    sort: RunSort,
    limit: int,
    after: SortKey | None,
    offset: int,
) -> list[dict[str, Any]]:
    """At most `limit` rows in the order of `sort`, after a place and `offset` more runs."""
    ids: list[str] = []
    for segment in segments(connection, filters, sort):
        arms = segment.arms
        if after is not None:
            if segment.is_before(after):
                continue
            if segment.holds(after):
                arms = after_place(arms, after, sort)
        if offset:
            total = count_arms(connection, arms)
            if total <= offset:
                offset -= total
                continue
            arms, offset = skip(connection, arms, sort, offset, total)
        ids += [row[-1] for row in read_arms(connection, arms, sort, limit - len(ids), offset)]
        offset = 0
        if len(ids) == limit:
            break
    rows = connection.execute(query("runs_by_id"), (json.dumps(ids),))
    by_id = {row["run_id"]: dict(row) for row in rows}
    return [by_id[run_id] for run_id in ids]


def count(connection: sqlite3.Connection, filters: RunFilter) -> int:
    """How many runs fit."""
    return sum(count_arms(connection, part.arms) for part in segments(connection, filters, RunSort.NEWEST))


def position(connection: sqlite3.Connection, run_id: str, filters: RunFilter, sort: RunSort) -> int | None:
    """How many runs the list gives before this one; None when it does not hold it."""
    row = connection.execute(query("select_run"), (run_id,)).fetchone()
    if row is None or not matches(row, filters):
        return None
    place = place_of(row, sort)
    before = 0
    for segment in segments(connection, filters, sort):
        if segment.is_before(place):
            before += count_arms(connection, segment.arms)
        elif segment.holds(place):
            before += count_arms(connection, before_place(segment.arms, place, sort))
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


def by_status(connection: sqlite3.Connection, tenant: str | None) -> dict[str, int]:
    """How many runs have each status."""
    rows = connection.execute(query("runs_by_status"), (tenant, tenant))
    return {row["status"]: row["n"] for row in rows}
