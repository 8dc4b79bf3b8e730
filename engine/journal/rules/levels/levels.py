"""Service levels: a run that ends is counted in the transaction that ends it, a request likewise."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypedDict

from engine.contracts.actor import Role
from engine.contracts.status import RequestKind, RequestStatus, RunStatus, StepErrorCode
from engine.journal.rules.levels.confidence import count_confidence
from engine.slo.buckets import (
    AGES,
    DAY,
    HOUR,
    LENGTHS,
    MOST_DAYS,
    SHORTEST,
    Bucket,
    RoleCounts,
    folded,
    start_of,
)
from engine.slo.sketch import bin_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.journal.rows import FlowNames, HeadRow, RequestColumns, RequestRow, RunColumns, RunRow
    from engine.journal.rules.store import Store

Levels = dict[tuple[str, str], list[Bucket]]
"""What was counted, by tenant and pack, ordered by time."""


class HourRow(TypedDict):
    """What ended in an hour (counted since the epoch) of runs of a pack."""

    pack: str
    hour: int
    good: int
    bad: int


GOOD = RunStatus.COMPLETED
BAD = frozenset({RunStatus.FAILED, RunStatus.DEAD_LETTER})
NO_FAULT = frozenset({StepErrorCode.APPROVAL_REJECTED, StepErrorCode.RUN_REFUSED})
"""A person said no, or the run never began: such a run does not count."""
_DECIDED = frozenset({RequestStatus.APPROVED, RequestStatus.REJECTED, RequestStatus.ANSWERED})


def count_end(store: Store, head: HeadRow | RunRow, columns: RunColumns) -> None:
    """Count the run that `columns` end, and note in them that it was: a run counts once, by its first end.

    A run that another one started does not count: what it does is part of that one.
    """
    ended = columns["finished_at"]
    if head["counted_at"] is not None:
        columns.pop("confidence", None)  # the row keeps what was counted: that is taken back with the run
    if ended is None or head["counted_at"] is not None or head["parent_run_id"] is not None:
        return
    status = columns["status"]
    if status == GOOD:
        priced = not columns.get("unpriced", 0)
        counted = Bucket(
            ended,
            good=1,
            times={bin_of(columns["worked"]): 1},
            cost=columns.get("cost", 0) if priced else 0,
            priced=int(priced),
            tokens=columns.get("tokens_used", 0),
            metered=1,
        )
    elif status in BAD and columns["error_code"] not in NO_FAULT:
        counted = Bucket(ended, bad=1, codes={columns["error_code"] or StepErrorCode.UNKNOWN: 1})
    else:
        return
    count_confidence(store, head, columns, counted)
    _count(store, head, counted)
    columns["counted_at"] = ended


def count_request(store: Store, request: RequestRow, columns: RequestColumns) -> None:
    """Count a request that `columns` end: how long people took, or that they took too long."""
    ended, status = columns.get("decided_at"), columns.get("status")
    role = (Role.OPERATOR if request["kind"] == RequestKind.FORM else Role.APPROVER).value
    if ended is None:
        return
    if status == RequestStatus.EXPIRED:
        roles = {role: RoleCounts(asked=1, expired=1)}
        _count(store, request, Bucket(ended, asked=1, expired=1, roles=roles))
    elif status in _DECIDED:
        waits = {bin_of(ended - request["requested_at"]): 1}
        roles = {role: RoleCounts(asked=1, waits=waits)}
        _count(store, request, Bucket(ended, asked=1, waits=waits, roles=roles))


def counted_in(store: Store, head: HeadRow, may_hold: Callable[[Bucket], bool]) -> Bucket | None:
    """The bucket that holds an ended run by now: counts are moved to longer buckets as they grow old."""
    moment = head["counted_at"] or 0
    for width in LENGTHS:
        bucket = store.level(head["tenant"], head["pack"], start_of(moment, width), width)
        if bucket is not None and may_hold(bucket):
            return bucket
    return None


def _count(store: Store, of: FlowNames, counts: Bucket) -> None:
    tenant, pack, start = of["tenant"], of["pack"], start_of(counts.start)
    bucket = store.level(tenant, pack, start, SHORTEST)
    if bucket is None:
        if not store.levels_of(tenant, pack, SHORTEST, start_of(start, HOUR), start):
            _fold(store, tenant, pack, start)
        bucket = Bucket(start)
    bucket.add(counts)
    store.put_level(tenant, pack, bucket)


def _fold(store: Store, tenant: str, pack: str, now: int) -> None:
    """With the first end of an hour: what has become old is kept in less room.

    Times go to their day at once: no rule asks for those of an hour, and a report adds up fewer.
    """
    for (width, age), longer in zip(AGES, LENGTHS[1:], strict=True):
        old = store.levels_of(tenant, pack, width, 0, start_of(now - age, longer))
        for bucket in folded(old, longer):
            _add(store, tenant, pack, replace(bucket, times={}, waits={}) if longer < DAY else bucket)
        if longer < DAY:
            for day in folded(old, DAY):
                _add(store, tenant, pack, Bucket(day.start, DAY, times=day.times, waits=day.waits))
        for bucket in old:
            store.drop_level(tenant, pack, bucket.start, width)
        if old and longer == DAY:
            for day in store.levels_of(tenant, pack, DAY, 0, now)[:-MOST_DAYS]:
                store.drop_level(tenant, pack, day.start, DAY)


def _add(store: Store, tenant: str, pack: str, bucket: Bucket) -> None:
    whole = store.level(tenant, pack, bucket.start, bucket.width) or Bucket(bucket.start, bucket.width)
    whole.add(bucket)
    store.put_level(tenant, pack, whole)
