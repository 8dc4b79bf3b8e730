"""One transaction: many transitions, and the counts that they change written once, before its end.

Runs that move together change the same few counts. To write a count for each of them costs more than the
runs' own rows do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.journal.rules.run_filter import TIME_BUCKET
from engine.journal.spend_rows import added
from engine.journal.sqlite.file.connection import ImmediateTransaction
from engine.journal.sqlite.queries import query

if TYPE_CHECKING:
    import sqlite3

    from engine.journal.rules.run_filter import BucketKey
    from engine.journal.spend_rows import SpendRow
    from engine.slo.buckets import Bucket


class Transaction(ImmediateTransaction):
    """What an operation writes through; as a context, one transaction. The counts that it keeps are in the
    file after `write_counts`, and so at its end."""

    __slots__ = (
        "_buckets",
        "_by_time",
        "_by_whole",
        "_counters",
        "_levels",
        "_spent",
        "clock_offsets",
        "execute",
    )

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self.execute = connection.execute
        self.clock_offsets: dict[str, int | None] = {}
        """Of each boot, as far as it was asked for: every decision asks."""
        self._buckets: dict[BucketKey, int] = {}
        self._by_whole: dict[int, int] = {}
        self._by_time: dict[tuple[int, int], int] = {}
        self._counters: dict[str, int] = {}
        self._levels: dict[tuple[str, str, int, int], Bucket] = {}
        self._spent: dict[tuple[object, ...], SpendRow] = {}

    def complete(self) -> None:
        """See ImmediateTransaction."""
        self.write_counts()

    def enter_bucket(self, key: BucketKey, created_at: int) -> int:
        """Count a run in; the count bucket it is in from now on."""
        bucket = self._buckets.get(key)
        if bucket is None:
            row = self.execute(query("find_bucket"), key).fetchone()
            row = row or self.execute(query("make_bucket"), key).fetchone()
            bucket = self._buckets[key] = int(row[0])
        self._count(bucket, created_at, 1)
        return bucket

    def leave_bucket(self, bucket: int, created_at: int) -> None:
        """Count a run out of its count bucket."""
        self._count(bucket, created_at, -1)

    def _count(self, bucket: int, created_at: int, change: int) -> None:
        self._by_whole[bucket] = self._by_whole.get(bucket, 0) + change
        place = bucket, created_at // TIME_BUCKET
        self._by_time[place] = self._by_time.get(place, 0) + change

    def count(self, name: str, change: int) -> None:
        """Move a counter."""
        self._counters[name] = self._counters.get(name, 0) + change

    def spend(self, row: SpendRow) -> None:
        """Add what a call of a model used to the sums of its quarter of an hour."""
        names = row["tenant"], row["pack"], row["flow"], row["step"], row["model"], row["slot"]
        before = self._spent.get(names)
        self._spent[names] = row if before is None else added(before, row)

    def level(self, tenant: str, pack: str, start: int, width: int) -> Bucket | None:
        """What was counted of a pack in one stretch; it may be changed and put back."""
        place = tenant, pack, start, width
        found = self._levels.get(place)
        if found is None:
            from engine.journal.sqlite.level_rows import read_level  # noqa: PLC0415 - whoever reads counts nothing

            row = self.execute(query("select_level"), place).fetchone()
            found = None if row is None else read_level(row)
        return found

    def put_level(self, tenant: str, pack: str, bucket: Bucket) -> None:
        """Keep what was counted of a pack in a stretch in place of what was there."""
        self._levels[tenant, pack, bucket.start, bucket.width] = bucket

    def write_counts(self) -> None:
        """Write what was counted so far: before the end, and before anything else reads it."""
        for bucket, change in self._by_whole.items():
            if change:
                self.execute(query("count_bucket"), (change, bucket))
        for place, change in self._by_time.items():
            if change:
                self.execute(query("count_time_bucket"), (*place, change))
        for counter in self._counters.items():
            self.execute(query("count"), counter)
        for spent in self._spent.values():
            self.execute(query("add_spending"), {**spent})
        if self._levels:
            self._write_levels()
        self._by_whole.clear()
        self._by_time.clear()
        self._counters.clear()
        self._spent.clear()

    def _write_levels(self) -> None:
        from engine.journal.sqlite.level_rows import level_row  # noqa: PLC0415 - see level

        for (tenant, pack, _, _), level in self._levels.items():
            self.execute(query("put_level"), (tenant, pack, *level_row(level)))
        for tenant, pack in dict.fromkeys(place[:2] for place in self._levels):
            self.execute(query("mark_level"), (tenant, pack))
        self._levels.clear()
