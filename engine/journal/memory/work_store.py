"""The primitives about workers in memory: which runs one may claim, holds and gives back."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from engine.contracts.status import RUN_SLOT_HOLDING, RunStatus
from engine.journal.memory.spending import MemorySpendStore
from engine.journal.memory.tables import Worker

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from engine.journal.records import ClockOffset
    from engine.journal.rows import (
        RunRow,
        SlotRow,
    )
    from engine.journal.rules.slots import LeftOut


class MemoryWorkStore(MemorySpendStore):
    """The primitives about workers of `engine.journal.rules.store.Store`, and runs' rows."""

    def put_run(self, row: RunRow) -> None:
        """Write a run's row."""
        self.put(self.runs, row["run_id"], row)
        if row["ready"]:
            self.put(self.ready, row["run_id"], None)
        else:
            self.remove(self.ready, row["run_id"])

    def _change(self, run_id: str, **columns: Any) -> None:
        if run_id in self.runs:
            self.put_run(cast("RunRow", {**self.runs[run_id], **columns}))

    def claimable(self, now: int, after: str, left_out: LeftOut, limit: int) -> Sequence[RunRow]:
        """See rules."""
        rows = (self.runs[run_id] for run_id in sorted(self.ready) if run_id > after)
        fitting = (
            row
            for row in rows
            if not self.is_held(row, now)
            and (row["slot_key"] not in left_out.full or _holds_slot(row))
            and row["run_id"] not in left_out.damaged
        )
        return list(islice(fitting, limit))

    def claimable_run(self, run_id: str, now: int) -> RunRow | None:
        """See rules."""
        row = self.runs.get(run_id)
        return None if row is None or self.is_held(row, now) else row

    def is_held(self, run: RunRow, now: int) -> bool:
        """Whether a living worker holds the run."""
        worker = self.workers.get(run["lease_worker"] or "")
        return worker is not None and worker.expires_at >= now

    def slots(self, now: int) -> list[SlotRow]:
        """See rules."""
        found: dict[str, SlotRow] = {}
        for row in (self.runs[run_id] for run_id in self.ready):
            key, limit = row["slot_key"], row["slot_limit"]
            if key is None or limit is None:
                continue
            used = self.counters.get(f"slot:{key}", 0)
            slot = found.setdefault(key, {"slot_key": key, "slot_limit": limit, "used": used})
            slot["slot_limit"] = min(slot["slot_limit"], limit)
            slot["used"] += self.is_held(row, now) and not _holds_slot(row)
        return list(found.values())

    def take_lease(self, run_id: str, worker_id: str | None) -> None:
        """See rules."""
        epoch = self.runs[run_id]["lease_epoch"] + 1
        self._change(run_id, lease_worker=worker_id, lease_epoch=epoch, ready=1)

    def drop_lease(self, run_id: str, epoch: int, *, ready: bool) -> None:
        """See rules."""
        row = self.runs.get(run_id)
        if row is not None and row["lease_epoch"] == epoch:
            self._change(run_id, lease_worker=None, ready=int(ready))

    def at_work(self, damaged: Collection[str]) -> bool:
        """See rules."""
        held = any(
            self.runs[run_id]["lease_worker"] is not None for run_id in self.ready if run_id not in damaged
        )
        return held or any(
            row["status"] == RunStatus.RETRYING.value and row["run_id"] not in damaged
            for row in self.runs.values()
        )

    def put_worker(
        self, worker_id: str, host: str, pid: int, process: str, now: int, expires_at: int
    ) -> None:
        """See rules."""
        known = self.workers.get(worker_id, Worker(host, pid, process, now))
        self.put(self.workers, worker_id, known._replace(expires_at=expires_at))

    def end_leases(self, workers: Sequence[str]) -> None:
        """See rules."""
        for name in workers:
            if name in self.workers:
                self.put(self.workers, name, self.workers[name]._replace(expires_at=-1))

    def clock_offset(self, boot_id: str) -> int | None:
        """See rules."""
        return self.clock_offsets.get(boot_id)

    def put_clock_offset(self, clock: ClockOffset) -> None:
        """See rules."""
        self.put(self.clock_offsets, clock.boot_id, clock.ahead)

    def remove_worker(self, worker_id: str) -> None:
        """See rules."""
        self.remove(self.workers, worker_id)

    def forget_dead_workers(self, now: int) -> None:
        """See rules."""
        for name in [name for name, worker in self.workers.items() if worker.expires_at < now]:
            if not self.runs_held(name):
                self.remove(self.workers, name)

    def runs_held(self, worker_id: str) -> int:
        """How many runs a worker holds."""
        return sum(self.runs[run_id]["lease_worker"] == worker_id for run_id in self.ready)


def _holds_slot(run: RunRow) -> bool:
    return RunStatus(run["status"]) in RUN_SLOT_HOLDING
