"""What workers write to the journal in memory: leases and timers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.contracts.status import RUN_SLOT_HOLDING
from engine.journal.encoding import decode_input, stored_event
from engine.journal.memory import writes as memory_writes
from engine.journal.memory.writes import lease_run, post
from engine.journal.port import TIMERS_AT_ONCE
from engine.journal.records import Claim, StoredRun
from engine.journal.rules.slots import Slots
from engine.machine.model.inputs import TimerFired

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.journal.memory.store import MemoryStore, Row
    from engine.journal.records import Decided, Decision


def heartbeat(store: MemoryStore, worker_id: str, host: str, pid: int, now: int, expires_at: int) -> None:
    """See port. Dead workers that hold nothing are forgotten."""
    for name in [name for name, worker in store.workers.items() if worker["expires_at"] < now]:
        if not runs_held(store, name):
            store.remove(store.workers, name)
    known = store.workers.get(worker_id, {"host": host, "pid": pid})
    store.put(store.workers, worker_id, {**known, "expires_at": expires_at})


def runs_held(store: MemoryStore, worker_id: str) -> int:
    """How many runs a worker holds."""
    return sum(store.runs[run_id]["lease_worker"] == worker_id for run_id in store.ready)


def claimable(store: MemoryStore, now: int) -> Iterator[Row]:
    """Runs that have work, that no living worker holds, and whose slot is free, oldest first."""
    slots = _slots(store, now)
    for run_id in sorted(store.ready):
        row = store.runs[run_id]
        if not store.is_held(row, now) and slots.take(row):
            yield row


def _slots(store: MemoryStore, now: int) -> Slots:
    found: dict[str, Row] = {}
    for row in (store.runs[run_id] for run_id in store.ready):
        key, limit = row["slot_key"], row["slot_limit"]
        if key is None:
            continue
        used = store.counters.get(f"slot:{key}", 0)
        slot = found.setdefault(key, {"slot_key": key, "slot_limit": limit, "used": used})
        slot["slot_limit"] = min(slot["slot_limit"], limit)
        slot["used"] += store.is_held(row, now) and row["status"] not in RUN_SLOT_HOLDING
    return Slots(found.values())


def claim(store: MemoryStore, worker_id: str, now: int, limit: int, run_id: str | None) -> list[Claim]:
    """See port."""
    if run_id is not None:
        row = store.runs.get(run_id)
        rows = [row] if row is not None and not store.is_held(row, now) else []
    else:
        rows = [row for row, _ in zip(claimable(store, now), range(limit), strict=False)]
    return [_take(store, worker_id, row) for row in rows]


def decide(store: MemoryStore, decision: Decision) -> Decided:
    """See port."""
    decided = memory_writes.decide(store, decision)
    row = store.runs[decided.run_id]
    if decision.worker_id is None or row["slot_key"] is not None or store.is_held(row, decision.now):
        return decided
    return replace(decided, claim=_take(store, decision.worker_id, row))


def _take(store: MemoryStore, worker_id: str, row: Row) -> Claim:
    run_id = row["run_id"]
    epoch = lease_run(store, run_id, worker_id)
    after, snapshot = store.snapshots.get(run_id, (0, None))
    events = [stored_event(event) for seq, event in store.histories[run_id].items() if seq > after]
    mail = [(mail_id, decode_input(text)) for mail_id, text in store.mail_of(run_id)]
    run = StoredRun(row=dict(row), snapshot=snapshot, events=events, mail=mail)
    return Claim(run=run, epoch=epoch, lost=row["lease_worker"] is not None)


def release(store: MemoryStore, run_id: str, epoch: int, *, ready: bool) -> None:
    """See port. A run with mail stays ready."""
    row = store.runs.get(run_id)
    if row is not None and row["lease_epoch"] == epoch:
        store.change_run(run_id, lease_worker=None, ready=int(ready or bool(store.mail_of(run_id))))


def fire_timers(store: MemoryStore, now: int) -> int:
    """See port."""
    due = sorted((due, key) for key, due in store.timers.items() if due <= now)[:TIMERS_AT_ONCE]
    for _, (run_id, timer) in due:
        post(store, run_id, TimerFired(now=now, actor="timer", timer=timer))
        store.remove(store.timers, (run_id, timer))
    return len(due)
