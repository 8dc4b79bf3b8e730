"""The tables of the journal in memory, with transactions: all of an operation or nothing of it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine.journal.rules.publishing import GoodPack, PublishedPack, TrustedCode

Row = dict[str, Any]
Table = dict[Any, Any]

_NONE = object()


class MemoryStore:
    """Plain dicts. Stored values are never changed, only replaced, so that a reader's row stays as it is."""

    def __init__(self) -> None:
        self.runs: dict[str, Row] = {}
        self.ready: dict[str, None] = {}
        self.successors: dict[str, tuple[str, ...]] = {}
        self.events: dict[int, Row] = {}
        self.histories: dict[str, dict[int, Row]] = {}
        self.steps: dict[str, dict[str, Row]] = {}
        self.requests: dict[str, Row] = {}
        self.timers: dict[tuple[str, str], int] = {}
        self.mailbox: dict[int, tuple[str, str]] = {}
        self.workers: dict[str, Row] = {}
        self.idempotency: dict[tuple[str, str], Row] = {}
        self.blobs: dict[str, bytes] = {}
        self.snapshots: dict[str, tuple[int, bytes]] = {}
        self.contents: dict[str, str] = {}
        self.good_packs: dict[str, GoodPack] = {}
        self.pack_versions: dict[tuple[str, str], PublishedPack] = {}
        self.trusted_code: dict[tuple[str, str], TrustedCode] = {}
        self.counters: dict[str, int] = {}
        self.cells: dict[tuple[str, str, str, str], int] = {}
        self.claims: dict[str, Row] = {}
        self.drafts: dict[tuple[str, str], Row] = {}
        self.filters: dict[tuple[str, str], str] = {}
        self.sequences: dict[str, int] = {}
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

    def change_run(self, run_id: str, **columns: Any) -> None:
        """Change columns of a run's row; what is not there stays so."""
        if run_id in self.runs:
            self.put_run({**self.runs[run_id], **columns})

    def put_run(self, row: Row) -> None:
        """Write a run's row."""
        self.put(self.runs, row["run_id"], row)
        if row["ready"]:
            self.put(self.ready, row["run_id"], None)
        else:
            self.remove(self.ready, row["run_id"])

    def is_held(self, run: Row, now: int) -> bool:
        """Whether a living worker holds the run."""
        worker = self.workers.get(run["lease_worker"])
        return worker is not None and worker["expires_at"] >= now

    def mail_of(self, run_id: str) -> list[tuple[int, str]]:
        """A run's waiting inputs as text, oldest first."""
        return sorted((mail_id, text) for mail_id, (owner, text) in self.mailbox.items() if owner == run_id)

    def cell_of(self, run: Row, status: str) -> int:
        """The number of the cell that holds runs of this tenant, pack, flow and status."""
        key = (run["tenant"], run["pack"], run["flow"], status)
        if key not in self.cells:
            self.put(self.cells, key, self.number("cells"))
        return self.cells[key]

    def count(self, name: str, change: int) -> None:
        """Move a counter."""
        self.put(self.counters, name, self.counters.get(name, 0) + change)

    def keep_blobs(self, blobs: Mapping[str, bytes]) -> None:
        """Store values by digest; what is there stays."""
        for digest, data in blobs.items():
            if digest not in self.blobs:
                self.put(self.blobs, digest, bytes(data))
