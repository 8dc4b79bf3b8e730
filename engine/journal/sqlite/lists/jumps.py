"""A far place of the runs list, found by halving time: ranges are counted, runs are not walked through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.runs.listed import RunSort
from engine.journal.sqlite.lists.range_reads import count_ranges, ends
from engine.journal.sqlite.lists.ranges import after_requester, before_requester, of_requester, requesters

if TYPE_CHECKING:
    import sqlite3

    from engine.journal.sqlite.lists.ranges import IndexRange

FEW = 1_000
"""Runs that are walked through."""
MANY_NAMES = 2_000
"""More requesters than these are not looked through: then the list is walked."""


def skip(
    connection: sqlite3.Connection, ranges: list[IndexRange], sort: RunSort, offset: int, total: int
) -> tuple[list[IndexRange], int]:
    """Ranges that begin at most a few runs before the one at `offset`, and how many are left to skip."""
    if offset <= FEW:
        return ranges, offset
    if sort is not RunSort.REQUESTER:
        return _skip_time(connection, ranges, offset, total, oldest_first=sort is RunSort.OLDEST)
    names = requesters(connection, None, "", MANY_NAMES + 1)
    if len(names) > MANY_NAMES:
        return ranges, offset
    name, offset = _requester_at(connection, ranges, names, offset)
    named = of_requester(ranges, name)
    held = count_ranges(connection, named)
    named, offset = _skip_time(connection, named, offset, held, oldest_first=False)
    return [*named, *after_requester(ranges, name)], offset


def _requester_at(
    connection: sqlite3.Connection, ranges: list[IndexRange], names: list[str], offset: int
) -> tuple[str, int]:
    """Whose run stands at `offset`, and at which place among those of this requester."""
    low, high = 0, len(names)
    while high - low > 1:
        middle = (low + high) // 2
        part = before_requester(after_requester(ranges, names[low - 1]) if low else ranges, names[middle])
        before = count_ranges(connection, part)
        if before <= offset:
            low, offset = middle, offset - before
        else:
            high = middle
    return names[low], offset


def _skip_time(
    connection: sqlite3.Connection, ranges: list[IndexRange], offset: int, total: int, *, oldest_first: bool
) -> tuple[list[IndexRange], int]:
    """The window [low, high] of time around the place is narrowed by the share of runs before it."""
    low, high = ends(connection, ranges)
    window, held, start, step = ranges, total, ranges, 0
    while offset > FEW and low < high:
        step += 1
        # a little before the place by its share of the runs: mostly that is near enough. Runs may be
        # spread unevenly, so every third step halves.
        share = max(offset - FEW // 2, 1) / held if step % 3 else 0.5
        way = min(max(round(share * (high - low)), 1), high - low)
        moment = low + way if oldest_first else high - way
        near, far = _split(window, moment, oldest_first=oldest_first)
        # the smaller side is counted
        before = count_ranges(connection, near) if share <= 0.5 else held - count_ranges(connection, far)
        if before <= offset:
            offset, held, window = offset - before, held - before, far
            start = _split(start, moment, oldest_first=oldest_first)[1]
            low, high = (moment, high) if oldest_first else (low, moment)
        else:
            held, window = before, near
            low, high = (low, moment - 1) if oldest_first else (moment + 1, high)
    return start, offset


def _split(
    ranges: list[IndexRange], moment: int, *, oldest_first: bool
) -> tuple[list[IndexRange], list[IndexRange]]:
    """What a list gives before a moment, and the rest."""
    if oldest_first:
        edge = (moment, "")
        return [one.bounded(older=edge) for one in ranges], [one.bounded(newer=edge) for one in ranges]
    edge = (moment + 1, "")
    return [one.bounded(newer=edge) for one in ranges], [one.bounded(older=edge) for one in ranges]
