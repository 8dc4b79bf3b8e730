"""Which runs a list holds and in which order. Pure; both journals keep to it."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

from engine.contracts.runs.listed import RunFilter, RunSort, is_rejected
from engine.contracts.status import RunStatus
from engine.journal.rules.id_parts import LEAST_OF_ID
from engine.journal.rules.rows.run_words import holds_words, wanted_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.journal.rows import HeadRow, NewRunRow, RunColumns, RunRow

GroupColumn = Literal["status", "pack", "flow", "requested_by"]
_Named = Literal["pack", "flow", "tenant", "requested_by", "parent_run_id", "error_code"]
GROUPS: dict[RunSort, tuple[GroupColumn, ...]] = {
    RunSort.NEWEST: (),
    RunSort.OLDEST: (),
    RunSort.STATUS: ("status",),
    RunSort.FLOW: ("pack", "flow"),
    RunSort.REQUESTER: ("requested_by",),
}
"""Columns a list is ordered by before time."""
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TIME_BUCKET = 4 * 3_600 * 1_000_000
"""Microseconds: runs are also counted by the four hours they were created in (`run_time_buckets`)."""
_PART_OF_ID = re.compile(r"run_[0-9a-hjkmnp-tv-z]*|(?=.*[0-9])(?:un_|n_|_)?[0-9a-hjkmnp-tv-z]*")
"""Parts of `run_01k...`: the ids' alphabet has no i, l, o and u. A part without a digit is a word."""


class BucketKey(NamedTuple):
    """What the runs of one count bucket have in common; `rejected` and `nested` are 0 or 1."""

    tenant: str
    pack: str
    flow: str
    status: str
    rejected: int
    nested: int


def bucket_of(run: HeadRow | NewRunRow, columns: RunColumns | NewRunRow) -> BucketKey:
    """The count bucket of a run whose status and error become those of `columns`."""
    status = columns["status"]
    rejected = is_rejected(status, columns.get("error_code"))
    nested = run["parent_run_id"] is not None
    return BucketKey(run["tenant"], run["pack"], run["flow"], status, int(rejected), int(nested))


@dataclass(frozen=True, slots=True)
class SortKey:
    """Where a run stands in a list: its group, when it was created (microseconds), its id."""

    group: tuple[str, ...]
    created_at: int
    run_id: str


def place_of(row: RunRow, sort: RunSort) -> SortKey:
    """The place of a run's row."""
    return SortKey(tuple(row[name] for name in GROUPS[sort]), row["created_at"], row["run_id"])


def is_before(one: SortKey, other: SortKey, sort: RunSort) -> bool:
    """Whether a list gives `one` before `other`."""
    if one.group != other.group:
        return one.group < other.group
    mine, theirs = (one.created_at, one.run_id), (other.created_at, other.run_id)
    return mine < theirs if sort is RunSort.OLDEST else mine > theirs


def fold(text: str) -> str:
    """Text without the case of ASCII letters, as SQLite's `lower` does it."""
    return text.translate(_LOWER)


def may_be_in_id(text: str) -> bool:
    """Whether a folded text is looked for in the ids of runs."""
    return len(text) >= LEAST_OF_ID and _PART_OF_ID.fullmatch(text) is not None


def micros(moment: datetime | None) -> int | None:
    """Integer microseconds since the epoch."""
    if moment is None:
        return None
    passed = moment.astimezone(UTC) - _EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


def matching(filters: RunFilter) -> Callable[[RunRow, str], bool]:
    """Whether a list with these filters holds a run, told its row and its words."""
    words = None if filters.words is None else wanted_words(filters.words)
    statuses = {status.value for status in filters.status}
    asked = (
        *(("pack", filters.pack), ("flow", filters.flow), ("tenant", filters.tenant)),
        *(("requested_by", filters.requested_by), ("parent_run_id", filters.parent)),
        ("error_code", filters.error),
    )
    named: list[tuple[_Named, str]] = [(cast("_Named", name), one) for name, one in asked if one is not None]
    created = (micros(filters.created_after), micros(filters.created_before))
    ended = (micros(filters.ended_after), micros(filters.ended_before))
    text = fold(filters.text or "")

    def fits(row: RunRow, known: str) -> bool:
        return (
            (words is None or holds_words(known, words))
            and (not statuses or row["status"] in statuses)
            and all(row[name] == one for name, one in named)
            and _is_kind(row, filters)
            and _is_within(row["created_at"], *created)
            and _is_within(row["finished_at"], *ended)
            and (not text or _holds_text(row, text))
        )

    return fits


def _is_kind(row: RunRow, filters: RunFilter) -> bool:
    if filters.nested is not None and filters.nested != (row["parent_run_id"] is not None):
        return False
    return is_wanted_failure(row, filters.rejected)


def is_wanted_failure(row: RunRow, rejected: bool | None) -> bool:
    """Whether a run is none that failed, or one that a person rejected where these are wanted, or one that
    nobody rejected where the others are; None: both."""
    if rejected is None or row["status"] != RunStatus.FAILED:
        return True
    return rejected == is_rejected(row["status"], row["error_code"])


def _is_within(moment: int | None, after: int | None, before: int | None) -> bool:
    if after is not None and (moment is None or moment <= after):
        return False
    return before is None or (moment is not None and moment < before)


def _holds_text(row: RunRow, text: str) -> bool:
    names = (row["pack"], row["flow"], row["requested_by"], row["status"])
    texts = (*names, row["run_id"]) if may_be_in_id(text) else names
    return any(text in fold(name) for name in texts)
