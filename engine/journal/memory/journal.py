"""The journal in memory: the same contract without a file, for tests and trials. Nothing outlives it."""

from __future__ import annotations

import asyncio
from itertools import count, islice, takewhile
from typing import TYPE_CHECKING, TypeVar, cast

from engine.contracts.runs.event_head import EventHead
from engine.errors import ErrorCode, Unavailable
from engine.journal.changes import NOTHING, ChangeNotifier
from engine.journal.encoding import readable_input, stored_event
from engine.journal.memory.levels import MemoryLevelReads
from engine.journal.memory.lists import MemoryRunLists
from engine.journal.memory.notes import MemoryNotes, MemorySharedNotes
from engine.journal.memory.packs import MemoryPacks
from engine.journal.memory.spending import MemorySpending, tree_of
from engine.journal.memory.store import MemoryStore
from engine.journal.memory.upkeep import MemoryUpkeep
from engine.journal.memory.view_rows import (
    comments,
    earlier_view_rows,
    limits_around,
    payload_of,
    request_view_row,
    request_view_rows,
    request_view_rows_below,
    run_view_row,
    step_view_rows,
)
from engine.journal.records import TreeUsage, WorkerRow
from engine.journal.rows import StepHeadRow
from engine.journal.rules.journal_writes import JournalWrites
from engine.journal.rules.rows.projecting import CLAIMS
from engine.journal.rules.working import any_ready

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from engine.contracts.runs.listed import RequestFilter
    from engine.contracts.status import RequestKind, RequestStatus
    from engine.journal.changes import ChangeSet, Listener
    from engine.journal.records import StoredEvent
    from engine.journal.rows import (
        CommentRow,
        EventRow,
        RequestViewRow,
        RunRow,
        RunViewRow,
        StepViewRow,
        TimeLimit,
    )
    from engine.machine.model.inputs import Input

T = TypeVar("T")


class MemoryJournal(JournalWrites):
    """Implements `engine.journal.port.Journal`."""

    def __init__(self, store: MemoryStore | None = None) -> None:
        super().__init__()
        self._store = store or MemoryStore()
        self._news = ChangeNotifier()
        self._closed = False
        self.lists = MemoryRunLists(self._read)
        self.notes = MemoryNotes(self._read, self.write)
        self.shared_notes = MemorySharedNotes(self._read, self.write)
        self.levels = MemoryLevelReads(self._read)
        self.packs = MemoryPacks(self.write, self._read)
        self.upkeep = MemoryUpkeep(self.write, self._read)
        self.spending = MemorySpending(self._read)

    async def close(self) -> None:
        """See port."""
        self._closed = True

    @property
    def failure(self) -> None:
        """See port: memory is nobody else's."""
        return None

    def on_change(self, listener: Listener) -> Callable[[], None]:
        """See port."""
        return self._news.subscribe(listener)

    # reading

    async def next_timer(self) -> int | None:
        """See port."""
        store = await self._read()
        return min(store.timers.values(), default=None)

    async def mail_for(self, worker_id: str) -> list[tuple[int, str, Input]]:
        """See port."""
        store = await self._read()
        return [
            (mail_id, run_id, given)
            for mail_id, (run_id, text) in sorted(store.mailbox.items())
            if run_id in store.ready
            and store.runs[run_id]["lease_worker"] == worker_id
            and (given := readable_input(text)) is not None
        ]

    async def has_mail(self, run_id: str) -> bool:
        """See port."""
        return (await self._read()).has_mail(run_id)

    async def events_after(self, run_id: str, run_seq: int) -> list[StoredEvent]:
        """See port."""
        return (await self._read()).events_after(run_id, run_seq)

    async def snapshot(self, run_id: str) -> tuple[int, bytes] | None:
        """See port."""
        return (await self._read()).snapshot(run_id)

    async def page_events(self, run_id: str, after: int, limit: int) -> list[StoredEvent]:
        """See port."""
        return list(islice(_history(await self._read(), run_id, after), limit))

    async def step_events(
        self, run_id: str, paths: Sequence[str] | None, after: int, until: int, limit: int
    ) -> list[StoredEvent]:
        """See port."""
        history = _history(await self._read(), run_id, after)
        wanted = {None, *(paths or ())}
        fitting = (one for one in history if paths is None or one.event.step_id in wanted)
        return list(islice(takewhile(lambda one: one.run_seq <= until, fitting), limit))

    async def feed_events(self, after_seq: int, limit: int) -> list[StoredEvent]:
        """See port."""
        events = (await self._read()).events
        later = (events.get(seq) for seq in range(after_seq + 1, _newest(events) + 1))
        return [stored_event(row) for row in islice((row for row in later if row is not None), limit)]

    async def event_heads(self, after_seq: int, limit: int) -> list[EventHead]:
        """See port."""
        store = await self._read()
        later = (store.events.get(seq) for seq in range(after_seq + 1, _newest(store.events) + 1))
        return [_head(store, row) for row in islice((row for row in later if row is not None), limit)]

    async def last_seq(self) -> int:
        """See port."""
        return _newest((await self._read()).events)

    async def any_ready(self, now: int) -> bool:
        """See port."""
        return any_ready(await self._read(), now, self.damaged)

    async def run_row(self, run_id: str) -> RunRow | None:
        """See port."""
        row = (await self._read()).run(run_id)
        return None if row is None else {**row}

    async def tree_usage(self, run_id: str) -> TreeUsage:
        """See port."""
        store = await self._read()
        tree = tree_of(store, run_id)
        counted = [row for row in store.runs.values() if row["run_id"] in tree]
        return TreeUsage(
            sum(row["steps_executed"] for row in counted),
            sum(row["tool_calls"] for row in counted),
            sum(row["tokens_used"] for row in counted),
        )

    async def run_view_row(self, run_id: str) -> RunViewRow | None:
        """See port."""
        return run_view_row(await self._read(), run_id)

    async def successors(self, run_id: str) -> list[tuple[str, int]]:
        """See port."""
        store = await self._read()
        return [
            (found, store.runs[found]["created_at"]) for found in sorted(store.successors.get(run_id, ()))
        ]

    async def session_runs(self, session_id: str) -> list[str]:
        """See port."""
        runs = (await self._read()).runs
        return sorted(run_id for run_id, row in runs.items() if row["session_id"] == session_id)

    async def page_steps(
        self, run_id: str, after: int, limit: int, of_type: str | None = None
    ) -> Sequence[StepViewRow]:
        """See port."""
        rows = step_view_rows(await self._read(), run_id)
        later = (row for row in rows if row["first_seq"] > after and of_type in {None, row["type"]})
        return list(islice(later, limit))

    async def step_rows_below(self, run_id: str, paths: Sequence[str]) -> Sequence[StepViewRow]:
        """See port."""
        below = tuple(f"{path}/" for path in paths)
        rows = step_view_rows(await self._read(), run_id)
        return [row for row in rows if row["path"].startswith(below)]

    async def step_rows_at(self, run_id: str, paths: Sequence[str]) -> Sequence[StepViewRow]:
        """See port."""
        wanted = set(paths)
        return [row for row in step_view_rows(await self._read(), run_id) if row["path"] in wanted]

    async def count_scopes(self, run_id: str, path: str, step: str) -> int:
        """See port."""
        steps = (await self._read()).steps.get(run_id, {})
        return next(number for number in count() if f"{path}/{number}/{step}" not in steps)

    async def step_outputs(self, run_id: str, paths: Sequence[str]) -> dict[str, str]:
        """See port."""
        store = await self._read()
        rows = store.steps.get(run_id, {})
        found = {path: payload_of(store, run_id, rows[path]["output_seq"]) for path in paths if path in rows}
        return {path: payload for path, payload in found.items() if payload is not None}

    async def step_heads(self, run_id: str, limit: int) -> tuple[Sequence[StepHeadRow], int]:
        """See port."""
        steps = (await self._read()).steps.get(run_id, {})
        rows = sorted(steps.values(), key=lambda row: int(row["first_seq"]))
        names = StepHeadRow.__annotations__
        heads = [{name: value for name, value in row.items() if name in names} for row in rows[:limit]]
        return cast("list[StepHeadRow]", heads), len(rows)

    async def outermost_steps(self, run_id: str, limit: int) -> list[str]:
        """See port."""
        rows = (await self._read()).steps.get(run_id, {}).values()
        outermost = sorted(rows, key=lambda row: (row["path"].count("/"), row["first_seq"]))
        return [row["path"] for row in outermost[:limit]]

    async def step_heads_at(self, run_id: str, paths: Sequence[str]) -> Sequence[StepHeadRow]:
        """See port."""
        heads, _ = await self.step_heads(run_id, 2**62)
        wanted = set(paths)
        return [head for head in heads if head["path"] in wanted]

    async def request_row(self, request_id: str) -> RequestViewRow | None:
        """See port."""
        return request_view_row(await self._read(), request_id)

    async def request_rows(
        self,
        kind: RequestKind,
        wanted: RequestFilter,
        limit: int,
        after: str | None = None,
    ) -> Sequence[RequestViewRow]:
        """See port."""
        return request_view_rows(await self._read(), kind, wanted, limit, after)

    async def requests_below(
        self, run_id: str, paths: Sequence[str], status: RequestStatus | None
    ) -> Sequence[RequestViewRow]:
        """See port."""
        return request_view_rows_below(await self._read(), run_id, paths, status)

    async def limits_around(self, requests: Sequence[RequestViewRow]) -> Mapping[str, TimeLimit]:
        """See port."""
        return limits_around(await self._read(), requests)

    async def earlier_rows(self, request_id: str, limit: int) -> Sequence[RequestViewRow]:
        """See port."""
        return earlier_view_rows(await self._read(), request_id, limit)

    async def comments(self, run_ids: Sequence[str]) -> Mapping[str, Sequence[CommentRow]]:
        """See port."""
        return comments(await self._read(), run_ids)

    async def claims_version(self) -> int:
        """See port."""
        return (await self._read()).counters.get(CLAIMS, 0)

    async def counters(self) -> dict[str, int]:
        """See port."""
        return dict((await self._read()).counters)

    async def blob(self, digest: str) -> bytes | None:
        """See port."""
        return (await self._read()).blobs.get(digest)

    async def blobs(self, digests: Sequence[str]) -> dict[str, bytes]:
        """See port."""
        kept = (await self._read()).blobs
        return {digest: kept[digest] for digest in digests if digest in kept}

    async def content(self, digest: str) -> str | None:
        """See port."""
        return (await self._read()).contents.get(digest)

    async def workers(self) -> list[WorkerRow]:
        """See port."""
        store = await self._read()
        return [
            WorkerRow(
                name,
                worker.host,
                worker.pid,
                worker.expires_at,
                store.runs_held(name),
                worker.process,
            )
            for name, worker in sorted(store.workers.items())
        ]

    async def write(
        self, operation: Callable[[MemoryStore], T], change: ChangeSet | Callable[[T], ChangeSet] = NOTHING
    ) -> T:
        """Run `operation`, all of it or nothing, and let the news go round before it is answered."""
        if self._closed:
            raise Unavailable(ErrorCode.ENGINE_STOPPED, "the engine is shutting down; nothing was written")
        with self._store.transaction():
            result = operation(self._store)
        if change is not NOTHING:
            news = change(result) if callable(change) else change
            asyncio.get_running_loop().call_soon(self._news.publish, (news,))
        await asyncio.sleep(0)
        return result

    async def _read(self) -> MemoryStore:
        await asyncio.sleep(0)  # a reader lets others run, as with a file
        if self._closed:
            raise Unavailable(ErrorCode.ENGINE_STOPPED, "the engine is shut down")
        return self._store


def _newest(events: dict[int, EventRow]) -> int:
    return next(reversed(events), 0)


def _history(store: MemoryStore, run_id: str, after: int) -> Iterable[StoredEvent]:
    history = store.histories.get(run_id, {})
    return (stored_event(row) for run_seq, row in history.items() if run_seq > after)


def _head(store: MemoryStore, event: EventRow) -> EventHead:
    run = store.run(event["run_id"])
    return EventHead(
        seq=event["seq"],
        run_id=event["run_id"],
        run_seq=event["run_seq"],
        kind=event["kind"],
        step_id=event["step_id"],
        tenant=run["tenant"] if run is not None else "",
        handed_off_from=run["handed_off_from"] if run is not None and event["run_seq"] == 1 else None,
    )
