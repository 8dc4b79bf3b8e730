"""A filter of the runs list as ranges: parts of one index that together hold exactly the runs that fit.

Every range is read in the order of the list, so a list is the merge of its ranges: as quick
with a million runs as with a thousand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.contracts.runs.listed import RunSort
from engine.contracts.status import RunStatus
from engine.frozen import frozen, replace
from engine.journal.rules.run_filter import SortKey, fold, may_be_in_id, micros
from engine.journal.sqlite.queries import query

if TYPE_CHECKING:
    import sqlite3

    from engine.contracts.runs.listed import RunFilter

MOST_NAMED = 4_000
"""Ranges of single requesters in one list; more of them are looked for run by run."""
FEW_FROM = len("run_") + 10
"""Characters of an id up to which it only tells the millisecond."""


@frozen
class IndexRange:
    """Runs of one bucket, or those of one requester in it, within bounds."""

    bucket: int
    total: int | None = None
    """How many it holds, when that is known without counting."""
    requester: str | None = None
    later_requesters: str | None = None
    """Only requesters after this one."""
    earlier_requesters: str | None = None
    newer: tuple[int, str] | None = None
    """Only from this (created_at, run_id) on."""
    older: tuple[int, str] | None = None
    """Only before this (created_at, run_id)."""
    in_name: str | None = None
    """A text in the requester's name."""
    in_id: str | None = None
    not_in_id: str | None = None
    id_prefix: str | None = None
    """A beginning that few ids share: they are found by it, whatever their bucket."""

    def bounded(
        self, *, newer: tuple[int, str] | None = None, older: tuple[int, str] | None = None
    ) -> IndexRange:
        """The range within closer bounds of time."""
        newer = max(filter(None, (self.newer, newer)), default=None)
        older = min(filter(None, (self.older, older)), default=None)
        return replace(self, total=None, newer=newer, older=older)

    @property
    def only_time(self) -> bool:
        """Whether nothing but bounds of time make it less than its bucket."""
        return self == IndexRange(self.bucket, newer=self.newer, older=self.older)

    def narrowed(self, **changes: Any) -> IndexRange:
        """The range with less in it."""
        return replace(self, total=None, **changes)


@dataclass(frozen=True, slots=True)
class Segment:
    """Runs of one group in a list's order; no group is any group."""

    group: tuple[str, ...]
    ranges: list[IndexRange]

    def holds(self, place: SortKey) -> bool:
        """Whether a run of that place belongs here."""
        return self.group in ((), place.group)

    def is_before(self, place: SortKey) -> bool:
        """Whether the list gives all of it before that place."""
        return self.group != () and self.group < place.group


def segments(connection: sqlite3.Connection, filters: RunFilter, sort: RunSort) -> list[Segment]:
    """The parts of a list, in its order; a list by requester is one part."""
    buckets = buckets_of(connection, filters)
    found: dict[tuple[str, ...], list[IndexRange]] = {}
    for row, one in _ranges(connection, buckets, filters):
        found.setdefault(_group(row, sort), []).append(one)
    return [Segment(group, found[group]) for group in sorted(found)]


def _group(bucket: sqlite3.Row, sort: RunSort) -> tuple[str, ...]:
    if sort is RunSort.STATUS:
        return (bucket["status"],)
    return (bucket["pack"], bucket["flow"]) if sort is RunSort.FLOW else ()


def buckets_of(connection: sqlite3.Connection, filters: RunFilter) -> list[sqlite3.Row]:
    """Count buckets that hold runs of the kinds that a filter names."""
    rows = connection.execute(query("select_buckets"), {"tenant": filters.tenant}).fetchall()
    statuses = {status.value for status in filters.status}
    return [
        row
        for row in rows
        if (not statuses or row["status"] in statuses)
        and filters.pack in {None, row["pack"]}
        and filters.flow in {None, row["flow"]}
        and filters.nested in {None, bool(row["nested"])}
        and (row["status"] != RunStatus.FAILED or filters.rejected in {None, bool(row["rejected"])})
    ]


def _ranges(
    connection: sqlite3.Connection, buckets: list[sqlite3.Row], filters: RunFilter
) -> list[tuple[sqlite3.Row, IndexRange]]:
    """Ranges of all buckets; a text is looked for in names first, in ids only where it can be in one."""
    after, before = micros(filters.created_after), micros(filters.created_before)
    newer = None if after is None else (after + 1, "")
    older = None if before is None else (before, "")
    whole, part = _by_text(buckets, filters)
    found = [(row, IndexRange(row["bucket"], total=row["n"])) for row in whole]
    if newer or older:
        found = [(row, one.bounded(newer=newer, older=older)) for row, one in found]
    if filters.requested_by is not None:
        found = [(row, one.narrowed(requester=filters.requested_by)) for row, one in found]
    if part:
        bounds = IndexRange(0, requester=filters.requested_by, newer=newer, older=older)
        found += _with_text(connection, part, filters, bounds)
    return found


def _with_text(
    connection: sqlite3.Connection, buckets: list[sqlite3.Row], filters: RunFilter, bounds: IndexRange
) -> list[tuple[sqlite3.Row, IndexRange]]:
    """Ranges of runs whose requester or id holds the text; the first without those of the second."""
    text = fold(filters.text or "")
    in_id = text if may_be_in_id(text) else None
    wanted: list[IndexRange] = []
    if filters.requested_by is None:
        most = MOST_NAMED // len(buckets)
        names = requesters(connection, filters.tenant, text, most + 1)
        if len(names) > most:
            wanted = [replace(bounds, in_name=text, not_in_id=in_id)]
        else:
            wanted = [replace(bounds, requester=name, not_in_id=in_id) for name in names]
    if in_id is not None:
        few = in_id.startswith("run_") and len(in_id) >= FEW_FROM
        wanted.append(replace(bounds, id_prefix=in_id) if few else replace(bounds, in_id=in_id))
    return [(row, replace(one, bucket=row["bucket"])) for row in buckets for one in wanted]


def requesters(connection: sqlite3.Connection, tenant: str | None, text: str, limit: int) -> list[str]:
    """Names of at most `limit` who have runs of a tenant, or of any, and hold a folded text; in order."""
    named = {"tenant": tenant, "text": text, "limit": limit}
    rows = connection.execute(query("select_requesters"), named)
    return [row["requested_by"] for row in rows]


def _by_text(buckets: list[sqlite3.Row], filters: RunFilter) -> tuple[list[sqlite3.Row], list[sqlite3.Row]]:
    """Buckets whose runs all hold the filter's text, and the others."""
    text = fold(filters.text or "")
    if text in fold(filters.requested_by or ""):
        return buckets, []
    whole: list[sqlite3.Row] = []
    part: list[sqlite3.Row] = []
    for row in buckets:
        names = (row["pack"], row["flow"], row["status"])
        (whole if any(text in fold(name) for name in names) else part).append(row)
    return whole, part


def after_place(ranges: list[IndexRange], place: SortKey, sort: RunSort) -> list[IndexRange]:
    """What of a segment a list gives after a place in it."""
    if sort is RunSort.OLDEST:
        return [one.bounded(newer=_just_after(place)) for one in ranges]
    key = (place.created_at, place.run_id)
    if sort is not RunSort.REQUESTER:
        return [one.bounded(older=key) for one in ranges]
    (name,) = place.group
    named = [one.bounded(older=key) for one in of_requester(ranges, name)]
    return [*named, *after_requester(ranges, name)]


def before_place(ranges: list[IndexRange], place: SortKey, sort: RunSort) -> list[IndexRange]:
    """What of a segment a list gives before a place in it."""
    if sort is RunSort.OLDEST:
        return [one.bounded(older=(place.created_at, place.run_id)) for one in ranges]
    newer = _just_after(place)
    if sort is not RunSort.REQUESTER:
        return [one.bounded(newer=newer) for one in ranges]
    (name,) = place.group
    named = [one.bounded(newer=newer) for one in of_requester(ranges, name)]
    return [*named, *before_requester(ranges, name)]


def _just_after(place: SortKey) -> tuple[int, str]:
    return place.created_at, f"{place.run_id}\0"


def before_requester(ranges: list[IndexRange], name: str) -> list[IndexRange]:
    """What is there of requesters before this one."""
    return [
        one if one.requester is not None else one.narrowed(earlier_requesters=name)
        for one in ranges
        if one.requester is None or one.requester < name
    ]


def after_requester(ranges: list[IndexRange], name: str) -> list[IndexRange]:
    """What is there of requesters after this one."""
    return [
        one if one.requester is not None else one.narrowed(later_requesters=name)
        for one in ranges
        if one.requester is None or one.requester > name
    ]


def of_requester(ranges: list[IndexRange], name: str) -> list[IndexRange]:
    """What is there of one requester."""
    return [one.narrowed(requester=name) for one in ranges if one.requester in {None, name}]
