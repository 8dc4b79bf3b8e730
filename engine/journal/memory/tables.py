"""The tables of the journal in memory, with transactions: all of an operation or nothing of it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine.journal.alert_rows import AlertRow
    from engine.journal.records import Owner
    from engine.journal.rows import ClaimRow, EventRow, KeyRow, RequestRow, RunRow, StepRow
    from engine.journal.rules.publishing import GoodPack, PublishedPack, TrustedCode
    from engine.journal.rules.run_filter import BucketKey
    from engine.journal.spend_rows import ActRow, CapRow, HoldRow, SpendRow, WaitRow
    from engine.slo.buckets import Bucket

Table = dict[Any, Any]


class Worker(NamedTuple):
    """A worker as registered."""

    host: str
    pid: int
    process: str
    expires_at: int


class Draft(NamedTuple):
    """What an operator typed, and when."""

    draft: str
    updated_at: int


_NONE = object()


class MemoryTables:
    """Plain dicts. Stored values are never changed, only replaced, so that a reader's row stays as it is."""

    def __init__(self) -> None:
        self.runs: dict[str, RunRow] = {}
        self.ready: dict[str, None] = {}
        self.successors: dict[str, tuple[str, ...]] = {}
        self.words: dict[str, str] = {}
        self.events: dict[int, EventRow] = {}
        self.histories: dict[str, dict[int, EventRow]] = {}
        self.steps: dict[str, dict[str, StepRow]] = {}
        self.requests: dict[str, RequestRow] = {}
        self.timers: dict[tuple[str, str], int] = {}
        self.mailbox: dict[int, tuple[str, str]] = {}
        self.unread: dict[int, tuple[str, str]] = {}
        self.workers: dict[str, Worker] = {}
        self.clock_offsets: dict[str, int] = {}
        self.keys: dict[tuple[str, str], KeyRow] = {}
        self.blobs: dict[str, bytes] = {}
        self.snapshots: dict[str, tuple[int, bytes]] = {}
        self.contents: dict[str, str] = {}
        self.good_packs: dict[str, GoodPack] = {}
        self.pack_versions: dict[tuple[str, str], PublishedPack] = {}
        self.trusted_code: dict[tuple[str, str], TrustedCode] = {}
        self.counters: dict[str, int] = {}
        self.levels: dict[tuple[str, str, int, int], Bucket] = {}
        self.level_marks: dict[tuple[str, str], int] = {}
        self.buckets: dict[BucketKey, int] = {}
        self.claims: dict[str, ClaimRow] = {}
        self.triggers: dict[str, tuple[int, str]] = {}
        self.drafts: dict[tuple[Owner, str], Draft] = {}
        self.filters: dict[tuple[Owner, str], str] = {}
        self.sequences: dict[str, int] = {}
        self.spending: dict[tuple[str | int, ...], SpendRow] = {}
        self.soft_waits: dict[str, WaitRow] = {}
        self.held: dict[str, HoldRow] = {}
        self.set_caps: dict[tuple[str, ...], CapRow] = {}
        self.acts: dict[int, ActRow] = {}
        self.alerts: dict[int, AlertRow] = {}
        self._undo: list[tuple[Table, Any, Any]] = []

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep what the block writes, or take it all back when it raises."""
        self._undo.clear()
        try:
            yield
        except BaseException:
            for table, key, before in reversed(self._undo):
                if before is _NONE:
                    table.pop(key, None)
                else:
                    table[key] = before
            raise

    def put(self, table: Table, key: Any, value: Any) -> None:
        """Write one row."""
        self._undo.append((table, key, table.get(key, _NONE)))
        table[key] = value

    def remove(self, table: Table, key: Any) -> None:
        """Remove one row if it is there."""
        if key in table:
            self._undo.append((table, key, table.pop(key)))

    def number(self, sequence: str) -> int:
        """The next number of a sequence, from 1."""
        following = self.sequences.get(sequence, 0) + 1
        self.put(self.sequences, sequence, following)
        return following


def standing(alerts: Mapping[int, AlertRow]) -> list[AlertRow]:
    """Alerts that have not ended, in order."""
    ends = {row["ends"] for row in alerts.values()}
    return [row for number, row in alerts.items() if row["ends"] is None and number not in ends]
