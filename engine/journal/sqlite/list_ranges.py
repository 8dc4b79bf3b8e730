"""A filter of the runs list as arms: parts of one index that together hold exactly the runs that fit.

Every arm is a range of an index in the order of the list, so a list is the merge of its arms: as quick
with a million runs as with a thousand.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from engine.contracts.run import RunSort
from engine.journal.rules.run_filter import SortKey, fold, may_be_in_id, micros

if TYPE_CHECKING:
    import sqlite3

    from engine.contracts.run import RunFilter

_CELLS = "SELECT cell, tenant, pack, flow, status, n FROM run_cells WHERE n > 0"
_NAMES = """\
SELECT DISTINCT requested_by FROM run_requesters
WHERE (? IS NULL OR tenant = ?) AND instr(lower(requested_by), ?) > 0 ORDER BY requested_by LIMIT ?"""
MOST_NAMED = 4_000
"""Arms of single requesters in one list; more of them are looked for run by run."""
FEW_FROM = len("run_") + 10
"""Characters of an id up to which it only tells the millisecond."""


@dataclass(frozen=True, slots=True)
class IndexRange:
    """Runs of one cell, or those of one requester in it, within bounds."""

    cell: int
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
    """A beginning that few ids share: they are found by it, whatever their cell."""

    def bounded(
        self, *, newer: tuple[int, str] | None = None, older: tuple[int, str] | None = None
    ) -> IndexRange:
        """The arm within closer bounds of time."""
        newer = max(filter(None, (self.newer, newer)), default=None)
        older = min(filter(None, (self.older, older)), default=None)
        return replace(self, total=None, newer=newer, older=older)

    @property
    def only_time(self) -> bool:
        """Whether nothing but bounds of time make it less than its cell."""
        return self == IndexRange(self.cell, newer=self.newer, older=self.older)

    def narrowed(self, **changes: Any) -> IndexRange:
        """The arm with less in it."""
        return replace(self, total=None, **changes)

    def where(self, *, by_requester: bool = False, cells: str | None = None) -> tuple[str, list[Any]]:
        """The index to read, its condition and the arguments; of `cells` (JSON) in place of its own."""
        names = (self.requester, self.later_requesters, self.earlier_requesters)
        index = "runs_requester" if by_requester or any(name is not None for name in names) else "runs_cell"
        source = f"runs INDEXED BY {index}"
        cell = "cell = ?" if cells is None else "cell IN (SELECT value FROM json_each(?))"
        conditions = [cell]
        arguments: list[Any] = [self.cell if cells is None else cells]
        if self.id_prefix is not None:  # `+` leaves only the primary key to find them by
            source, conditions = "runs", [f"+{cell}", "run_id >= ?", "run_id < ?"]
            arguments += [self.id_prefix, f"{self.id_prefix}\x7f"]
        bounds: tuple[tuple[str, Any], ...] = (
            ("requested_by = ?", self.requester),
            ("requested_by > ?", self.later_requesters),
            ("requested_by < ?", self.earlier_requesters),
            ("(created_at, run_id) >= (?, ?)", self.newer),
            ("(created_at, run_id) < (?, ?)", self.older),
            ("instr(lower(requested_by), ?) > 0", self.in_name),
            ("instr(run_id, ?) > 0", self.in_id),
            ("instr(run_id, ?) = 0", self.not_in_id),
        )
        for condition, value in bounds:
            if value is not None:
                conditions.append(condition)
                arguments += value if isinstance(value, tuple) else (value,)
        return f"FROM {source} WHERE {' AND '.join(conditions)}", arguments


@dataclass(frozen=True, slots=True)
class Segment:
    """Runs of one group in a list's order; no group is any group."""

    group: tuple[str, ...]
    arms: list[IndexRange]

    def holds(self, place: SortKey) -> bool:
        """Whether a run of that place belongs here."""
        return self.group in ((), place.group)

    def is_before(self, place: SortKey) -> bool:
        """Whether the list gives all of it before that place."""
        return self.group != () and self.group < place.group


def segments(connection: sqlite3.Connection, filters: RunFilter, sort: RunSort) -> list[Segment]:
    """The parts of a list, in its order; a list by requester is one part."""
    cells = _cells(connection, filters)
    found: dict[tuple[str, ...], list[IndexRange]] = {}
    for row, arm in _arms(connection, cells, filters):
        found.setdefault(_group(row, sort), []).append(arm)
    return [Segment(group, found[group]) for group in sorted(found)]


def _group(cell: sqlite3.Row, sort: RunSort) -> tuple[str, ...]:
    if sort is RunSort.STATUS:
        return (cell["status"],)
    return (cell["pack"], cell["flow"]) if sort is RunSort.FLOW else ()


def _cells(connection: sqlite3.Connection, filters: RunFilter) -> list[sqlite3.Row]:
    tenant = (filters.tenant,) if filters.tenant is not None else ()
    rows = connection.execute(_CELLS + " AND tenant = ?" * len(tenant), tenant).fetchall()
    statuses = {status.value for status in filters.status}
    return [
        row
        for row in rows
        if (not statuses or row["status"] in statuses)
        and filters.pack in {None, row["pack"]}
        and filters.flow in {None, row["flow"]}
    ]


def _arms(
    connection: sqlite3.Connection, cells: list[sqlite3.Row], filters: RunFilter
) -> list[tuple[sqlite3.Row, IndexRange]]:
    """Arms of all cells; a text is looked for in names first, in ids only where it can be in one."""
    after, before = micros(filters.created_after), micros(filters.created_before)
    newer = None if after is None else (after + 1, "")
    older = None if before is None else (before, "")
    whole, part = _by_text(cells, filters)
    found = [(row, IndexRange(row["cell"], total=row["n"])) for row in whole]
    if newer or older:
        found = [(row, arm.bounded(newer=newer, older=older)) for row, arm in found]
    if filters.requested_by is not None:
        found = [(row, arm.narrowed(requester=filters.requested_by)) for row, arm in found]
    if part:
        bounds = IndexRange(0, requester=filters.requested_by, newer=newer, older=older)
        found += _with_text(connection, part, filters, bounds)
    return found


def _with_text(
    connection: sqlite3.Connection, cells: list[sqlite3.Row], filters: RunFilter, bounds: IndexRange
) -> list[tuple[sqlite3.Row, IndexRange]]:
    """Arms of runs whose requester or id holds the text; the first without those of the second."""
    text = fold(filters.text or "")
    in_id = text if may_be_in_id(text) else None
    wanted: list[IndexRange] = []
    if filters.requested_by is None:
        most = MOST_NAMED // len(cells)
        names = requesters(connection, filters.tenant, text, most + 1)
        if len(names) > most:
            wanted = [replace(bounds, in_name=text, not_in_id=in_id)]
        else:
            wanted = [replace(bounds, requester=name, not_in_id=in_id) for name in names]
    if in_id is not None:
        few = in_id.startswith("run_") and len(in_id) >= FEW_FROM
        wanted.append(replace(bounds, id_prefix=in_id) if few else replace(bounds, in_id=in_id))
    return [(row, replace(arm, cell=row["cell"])) for row in cells for arm in wanted]


def requesters(connection: sqlite3.Connection, tenant: str | None, text: str, limit: int) -> list[str]:
    """Names of at most `limit` who have runs of a tenant, or of any, and hold a folded text; in order."""
    rows = connection.execute(_NAMES, (tenant, tenant, text, limit))
    return [row["requested_by"] for row in rows]


def _by_text(cells: list[sqlite3.Row], filters: RunFilter) -> tuple[list[sqlite3.Row], list[sqlite3.Row]]:
    """Cells whose runs all hold the filter's text, and the others."""
    text = fold(filters.text or "")
    if text in fold(filters.requested_by or ""):
        return cells, []
    whole: list[sqlite3.Row] = []
    part: list[sqlite3.Row] = []
    for row in cells:
        names = (row["pack"], row["flow"], row["status"])
        (whole if any(text in fold(name) for name in names) else part).append(row)
    return whole, part


def after_place(arms: list[IndexRange], place: SortKey, sort: RunSort) -> list[IndexRange]:
    """What of a segment a list gives after a place in it."""
    if sort is RunSort.OLDEST:
        return [arm.bounded(newer=_just_after(place)) for arm in arms]
    key = (place.created_at, place.run_id)
    if sort is not RunSort.REQUESTER:
        return [arm.bounded(older=key) for arm in arms]
    (name,) = place.group
    named = [arm.bounded(older=key) for arm in of_requester(arms, name)]
    return [*named, *after_requester(arms, name)]


def before_place(arms: list[IndexRange], place: SortKey, sort: RunSort) -> list[IndexRange]:
    """What of a segment a list gives before a place in it."""
    if sort is RunSort.OLDEST:
        return [arm.bounded(older=(place.created_at, place.run_id)) for arm in arms]
    newer = _just_after(place)
    if sort is not RunSort.REQUESTER:
        return [arm.bounded(newer=newer) for arm in arms]
    (name,) = place.group
    named = [arm.bounded(newer=newer) for arm in of_requester(arms, name)]
    return [*named, *before_requester(arms, name)]


def _just_after(place: SortKey) -> tuple[int, str]:
    return place.created_at, f"{place.run_id}\0"


def before_requester(arms: list[IndexRange], name: str) -> list[IndexRange]:
    """What is there of requesters before this one."""
    return [
        arm if arm.requester is not None else arm.narrowed(earlier_requesters=name)
        for arm in arms
        if arm.requester is None or arm.requester < name
    ]


def after_requester(arms: list[IndexRange], name: str) -> list[IndexRange]:
    """What is there of requesters after this one."""
    return [
        arm if arm.requester is not None else arm.narrowed(later_requesters=name)
        for arm in arms
        if arm.requester is None or arm.requester > name
    ]


def of_requester(arms: list[IndexRange], name: str) -> list[IndexRange]:
    """What is there of one requester."""
    return [arm.narrowed(requester=name) for arm in arms if arm.requester in {None, name}]
