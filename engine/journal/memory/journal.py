"""The journal in memory: the same contract without a file, for tests and trials. Nothing outlives it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from engine.contracts.status import RunStatus
from engine.errors import ErrorCode, Unavailable
from engine.journal.changes import CLAIMED, NOTHING, WORK, ChangeNotifier, change_of, created
from engine.journal.encoding import decode_input, stored_event
from engine.journal.memory import work as memory_work
from engine.journal.memory import writes as memory_writes
from engine.journal.memory.lists import MemoryNotes, MemoryRunLists
from engine.journal.memory.packs import MemoryPacks
from engine.journal.memory.store import MemoryStore
from engine.journal.records import WorkerRow
from engine.journal.rules.step_rows import CLAIMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from engine.contracts.status import RequestKind, RequestStatus
    from engine.journal.changes import ChangeSet, Listener
    from engine.journal.memory.store import Row
    from engine.journal.records import Claim, Commit, Decided, Decision, NewRun, StoredEvent
    from engine.machine.model.inputs import Input

T = TypeVar("T")


class MemoryJournal:
    """Implements `engine.journal.port.Journal`."""

    def __init__(self, store: MemoryStore | None = None) -> None:
        self._store = store or MemoryStore()
        self._news = ChangeNotifier()
        self._closed = False
        self.lists = MemoryRunLists(self._read)
        self.notes = MemoryNotes(self._read, self._write)
        self.packs = MemoryPacks(self._write, self._read)

    async def close(self) -> None:
        """See port."""
        self._closed = True

    def on_change(self, listener: Listener) -> Callable[[], None]:
        """See port."""
        return self._news.subscribe(listener)

    # writing

    async def create_run(self, run: NewRun) -> tuple[str, bool]:
        """See port."""
        return await self._write(partial(memory_writes.create_run, run=run), created(run))

    async def append(self, commit: Commit) -> None:
        """See port."""
        change = change_of(commit)
        if commit.release:  # mail may have kept it ready, and no other process's news comes later
            change = replace(change, work=True)
        await self._write(partial(memory_writes.append, commit=commit), change)

    async def decide(self, decision: Decision) -> Decided:
        """See port."""
        return await self._write(partial(memory_work.decide, decision=decision), WORK)

    async def claim_request(self, request_id: str, kind: RequestKind, by: str, now: int, until: int) -> None:
        """See port."""
        operation = partial(
            memory_writes.claim_request, request_id=request_id, kind=kind.value, by=by, now=now, until=until
        )
        await self._write(operation, CLAIMED)

    async def release_request(self, request_id: str, by: str) -> bool:
        """See port."""
        operation = partial(memory_writes.release_request, request_id=request_id, by=by)
        return await self._write(operation, CLAIMED)

    async def steer(self, run_id: str, verb: Input) -> tuple[RunStatus, bool]:
        """See port."""
        return await self._write(partial(memory_writes.steer, run_id=run_id, verb=verb), WORK)

    async def pin_content(self, digest: str, content: str) -> None:
        """See port."""
        await self._write(lambda store: store.contents.setdefault(digest, content))

    async def heartbeat(self, worker_id: str, host: str, pid: int, now: int, expires_at: int) -> None:
        """See port."""
        await self._write(lambda store: memory_work.heartbeat(store, worker_id, host, pid, now, expires_at))

    async def retire(self, worker_id: str) -> None:
        """See port."""
        await self._write(lambda store: store.remove(store.workers, worker_id))

    async def claim(self, worker_id: str, now: int, limit: int, run_id: str | None = None) -> list[Claim]:
        """See port."""
        return await self._write(
            partial(memory_work.claim, worker_id=worker_id, now=now, limit=limit, run_id=run_id)
        )

    async def release(self, run_id: str, epoch: int, *, ready: bool) -> None:
        """See port."""
        await self._write(partial(memory_work.release, run_id=run_id, epoch=epoch, ready=ready), WORK)

    async def fire_timers(self, now: int) -> int:
        """See port."""
        return await self._write(partial(memory_work.fire_timers, now=now), WORK)

    # reading

    async def next_timer(self) -> int | None:
        """See port."""
        store = await self._read()
        return min(store.timers.values(), default=None)

    async def mail_for(self, worker_id: str) -> list[tuple[int, str, Input]]:
        """See port."""
        store = await self._read()
        return [
            (mail_id, run_id, decode_input(text))
            for mail_id, (run_id, text) in sorted(store.mailbox.items())
            if run_id in store.ready and store.runs[run_id]["lease_worker"] == worker_id
        ]

    async def has_mail(self, run_id: str) -> bool:
        """See port."""
        return bool((await self._read()).mail_of(run_id))

    async def events_after(self, run_id: str, run_seq: int) -> list[StoredEvent]:
        """See port."""
        return list(_history(await self._read(), run_id, run_seq))

    async def page_events(self, run_id: str, after: int, limit: int) -> list[StoredEvent]:
        """See port."""
        return list(islice(_history(await self._read(), run_id, after), limit))

    async def feed_events(self, after_seq: int, limit: int) -> list[StoredEvent]:
        """See port."""
        store = await self._read()
        last = min(len(store.events), after_seq + limit)
        return [stored_event(store.events[seq]) for seq in range(after_seq + 1, last + 1)]

    async def last_seq(self) -> int:
        """See port."""
        return len((await self._read()).events)

    async def any_ready(self, now: int) -> bool:
        """See port."""
        return any(True for _ in memory_work.claimable(await self._read(), now))

    async def any_held(self) -> bool:
        """See port."""
        store = await self._read()
        return any(store.runs[run_id]["lease_worker"] is not None for run_id in store.ready)

    async def any_busy(self, now: int) -> bool:
        """See port."""
        store = await self._read()
        held = any(store.runs[run_id]["lease_worker"] is not None for run_id in store.ready)
        retrying = any(row["status"] == RunStatus.RETRYING.value for row in store.runs.values())
        return held or retrying or any(True for _ in memory_work.claimable(store, now))

    async def run_row(self, run_id: str) -> Mapping[str, Any] | None:
        """See port."""
        row = (await self._read()).runs.get(run_id)
        return None if row is None else dict(row)

    async def run_view_row(self, run_id: str) -> Mapping[str, Any] | None:
        """See port."""
        store = await self._read()
        row = store.runs.get(run_id)
        if row is None:
            return None
        payloads = {
            "first_event": _payload(store, run_id, 1),
            "output_event": _payload(store, run_id, row["output_seq"]),
        }
        return row | payloads

    async def successors(self, run_id: str) -> list[tuple[str, int]]:
        """See port."""
        store = await self._read()
        return [
            (found, store.runs[found]["created_at"]) for found in sorted(store.successors.get(run_id, ()))
        ]

    async def step_rows(self, run_id: str, path: str | None = None) -> Sequence[Mapping[str, Any]]:
        """See port."""
        store = await self._read()
        rows = sorted(store.steps.get(run_id, {}).values(), key=lambda row: int(row["first_seq"]))
        return [
            row
            | {
                f"{name}_event": _payload(store, run_id, row[f"{name}_seq"])
                for name in ("input", "output", "error")
            }
            for row in rows
            if path is None or row["path"] == path
        ]

    async def step_heads(self, run_id: str, limit: int) -> tuple[Sequence[Mapping[str, Any]], int]:
        """See port."""
        steps = (await self._read()).steps.get(run_id, {})
        rows = sorted(steps.values(), key=lambda row: int(row["first_seq"]))
        names = ("path", "first_seq", "type", "name", "status", "started_at", "finished_at", "child_run_id")
        return [{name: row[name] for name in names} for row in rows[:limit]], len(rows)

    async def request_row(self, request_id: str) -> Mapping[str, Any] | None:
        """See port."""
        store = await self._read()
        row = store.requests.get(request_id)
        return None if row is None else _with_run(store, row)

    async def request_rows(
        self,
        kind: RequestKind,
        status: RequestStatus | None,
        limit: int,
        after: str | None,
        run_id: str | None = None,
        tenant: str | None = None,
    ) -> Sequence[Mapping[str, Any]]:
        """See port."""
        store = await self._read()
        oldest_first = (store.requests[request_id] for request_id in sorted(store.requests))
        found = (
            _with_run(store, row)
            for row in oldest_first
            if row["kind"] == kind.value
            and row["request_id"] > (after or "")
            and (status is None or row["status"] == status.value)
            and run_id in {None, row["run_id"]}
            and tenant in {None, row["tenant"]}
        )
        return list(islice(found, limit))

    async def earlier_rows(self, request_id: str, limit: int) -> Sequence[Mapping[str, Any]]:
        """See port."""
        store = await self._read()
        asked = store.requests.get(request_id)
        if asked is None:
            return []
        shape = ("tenant", "pack", "flow", "step", "kind")
        found = [
            row
            for row in store.requests.values()
            if row["decision"] is not None
            and row is not asked
            and (asked["decided_at"] is None or row["decided_at"] <= asked["decided_at"])
            and all(row[name] == asked[name] for name in shape)
        ]
        found.sort(key=lambda row: (row["decided_at"], row["request_id"]), reverse=True)
        return [_with_run(store, row) for row in found[:limit]]

    async def claims_version(self) -> int:
        """See port."""
        return (await self._read()).counters.get(CLAIMS, 0)

    async def counters(self) -> dict[str, int]:
        """See port."""
        return dict((await self._read()).counters)

    async def blob(self, digest: str) -> bytes | None:
        """See port."""
        return (await self._read()).blobs.get(digest)

    async def content(self, digest: str) -> str | None:
        """See port."""
        return (await self._read()).contents.get(digest)

    async def workers(self) -> list[WorkerRow]:
        """See port."""
        store = await self._read()
        return [
            WorkerRow(worker_id=name, runs_held=memory_work.runs_held(store, name), **worker)
            for name, worker in sorted(store.workers.items())
        ]

    async def _write(self, operation: Callable[[MemoryStore], T], change: ChangeSet = NOTHING) -> T:
        """Run `operation`, all of it or nothing, and let the news go round before it is answered."""
        if self._closed:
            raise Unavailable(ErrorCode.ENGINE_STOPPED, "the engine is shutting down; nothing was written")
        with self._store.transaction():
            result = operation(self._store)
        if change is not NOTHING:
            asyncio.get_running_loop().call_soon(self._news.publish, (change,))
        await asyncio.sleep(0)
        return result

    async def _read(self) -> MemoryStore:
        await asyncio.sleep(0)  # a reader lets others run, as with a file
        if self._closed:
            raise Unavailable(ErrorCode.ENGINE_STOPPED, "the engine is shut down")
        return self._store


def _history(store: MemoryStore, run_id: str, after: int) -> Iterable[StoredEvent]:
    history = store.histories.get(run_id, {})
    return (stored_event(row) for run_seq, row in history.items() if run_seq > after)


def _payload(store: MemoryStore, run_id: str, run_seq: int | None) -> str | None:
    return None if run_seq is None else str(store.histories[run_id][run_seq]["payload"])


def _with_run(store: MemoryStore, request: Row) -> Row:
    run = store.runs[request["run_id"]]
    claim = store.claims.get(request["request_id"], {})
    return request | {
        "pack_version": run["pack_version"],
        "requested_by": run["requested_by"],
        "opened_event": _payload(store, request["run_id"], request["opened_seq"]),
        "claimed_by": claim.get("claimed_by"),
        "claimed_until": claim.get("expires_at"),
    }
