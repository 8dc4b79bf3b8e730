"""What was counted of a pack in a stretch, as a row of SQLite."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING

from engine.slo.buckets import Bucket, RoleCounts
from engine.slo.sketch import decode, encode

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

_MOST = 2**62
"""A column holds no more."""
_COLUMNS = len(fields(Bucket))
_DAMAGED = (ValueError, TypeError, AttributeError)


def level_row(bucket: Bucket) -> tuple[object, ...]:
    """The columns of a bucket after those that say whose it is."""
    return (
        bucket.start,
        bucket.width,
        bucket.good,
        bucket.bad,
        bucket.excluded,
        bucket.asked,
        bucket.expired,
        json.dumps(bucket.codes) if bucket.codes else "{}",
        encode(bucket.times),
        encode(bucket.waits),
        min(bucket.cost, _MOST),
        bucket.priced,
        min(bucket.tokens, _MOST),
        bucket.metered,
        bucket.flagged,
        bucket.stated,
        bucket.doubtful,
        _encoded(bucket.roles) if bucket.roles else "{}",
    )


def read_level(row: sqlite3.Row) -> Bucket:
    """A row as a bucket: its last columns are the fields of one, in their order.

    Damaged codes or roles count as none: whatever ends in that stretch is counted in the row.
    """
    bucket = Bucket(*row[-_COLUMNS:])
    bucket.codes = _codes(row["codes"]) if row["codes"] != "{}" else {}
    bucket.times, bucket.waits = decode(row["times"]), decode(row["waits"])
    bucket.roles = _decoded(row["roles"]) if row["roles"] != "{}" else {}
    return bucket


def _codes(text: str) -> dict[str, int]:
    try:
        return {code: int(count) for code, count in json.loads(text).items()}
    except _DAMAGED:
        return {}


def _encoded(roles: Mapping[str, RoleCounts]) -> str:
    return json.dumps({role: [one.asked, one.expired, one.waits] for role, one in roles.items()})


def _decoded(text: str) -> dict[str, RoleCounts]:
    try:
        return {
            role: RoleCounts(
                int(asked), int(expired), {int(bin_): int(count) for bin_, count in waits.items()}
            )
            for role, (asked, expired, waits) in json.loads(text).items()
        }
    except _DAMAGED:
        return {}
