"""The storage port: what the runtime and the facade ask of a journal.

SQLite and memory keep it alike. Times are microseconds UTC, writes are durable; all may raise Unavailable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from engine.contracts.runs.listed import RunFilter, RunSort
    from engine.contracts.runs.run import EventFilter
    from engine.contracts.status import RequestKind, RequestStatus, RunStatus
    from engine.journal.changes import Listener
    from engine.journal.records import (
        Claim,
        ClockOffset,
        Commit,
        Decided,
        Decision,
        NewRun,
        Owner,
        StoredEvent,
        WorkerRow,
    )
    from engine.journal.rows import ListedRow, RequestViewRow, RunRow, RunViewRow, StepHeadRow, StepViewRow
    from engine.journal.rules.id_parts import IdKind
    from engine.journal.rules.levels.alerts import AlertLook
    from engine.journal.rules.levels.level_reads import LevelReads
    from engine.journal.rules.pruning import Upkeep
    from engine.journal.rules.publishing import PackStore
    from engine.journal.rules.run_filter import SortKey
    from engine.journal.rules.spending.holding import Begun, PaidCall
    from engine.journal.rules.spending.spend_store import Spending
    from engine.journal.shown_cap import Shown
    from engine.journal.spend_rows import CapRow, NewActRow
    from engine.machine.events.event import Fact
    from engine.machine.model.inputs import Input


class RunLists(Protocol):
    """What may take long to read: the runs that fit a filter in an order, and searches of a history."""

    async def page(
        self,
        filters: RunFilter,
        sort: RunSort,
        limit: int,
        *,
        after: SortKey | None = None,
        offset: int = 0,
    ) -> Sequence[ListedRow]:
        """Rows after a place in the list, or after `offset` rows."""
        ...

    async def count(self, filters: RunFilter) -> int:
        """How many runs fit."""
        ...

    async def position(self, run_id: str, filters: RunFilter, sort: RunSort) -> int | None:
        """How many rows the list gives before this run; None when it does not hold it."""
        ...

    async def ids_like(self, part: str, kind: IdKind, tenant: str | None, limit: int) -> list[str]:
        """Ids that are, begin or end with a part (rules/id_parts.py), the newest first."""
        ...

    async def by_status(self, tenant: str | None) -> Mapping[str, int]:
        """How many runs of a tenant, or of all, have each status."""
        ...

    async def failed_after(self, moment: int, tenant: str | None) -> int:
        """How many runs of a tenant, or of all, failed after a moment (not those that a person rejected)."""
        ...

    async def find_events(self, run_id: str, filters: EventFilter, after: int, until: int) -> list[int]:
        """The `run_seq` of a run's events that fit, after `after` and up to `until`."""
        ...


class Notes(Protocol):
    """What is kept for operators, by tenant: drafts and saved filters."""

    async def draft(self, owner: Owner, key: str) -> str | None:
        """A draft as JSON text."""
        ...

    async def keep_draft(self, owner: Owner, key: str, draft: str, now: int, at_most: int) -> None:
        """Store a draft; of more than `at_most` of the owner the oldest go."""
        ...

    async def drop_draft(self, owner: Owner, key: str) -> None:
        """Forget a draft."""
        ...

    async def filters(self, owner: Owner) -> list[tuple[str, str]]:
        """(name, text) by name."""
        ...

    async def save_filter(self, owner: Owner, name: str, text: str, at_most: int) -> bool:
        """Store a filter; False, with nothing stored, when it is new and the owner has `at_most`."""
        ...

    async def drop_filter(self, owner: Owner, name: str) -> None:
        """Forget a filter."""
        ...


class TriggerNotes(Protocol):
    """What triggers have seen, so that each counts once over all processes."""

    async def seen(self, trigger: str) -> tuple[int, str] | None:
        """(version, JSON text) of a trigger; None before it was noted first."""
        ...

    async def note(self, trigger: str, text: str, before: int) -> bool:
        """Store the next version after `before` (0 for none); False, with nothing stored, when another was
        quicker."""
        ...


class Journal(Protocol):
    """Durable memory of runs."""

    @property
    def lists(self) -> RunLists:
        """The runs list."""
        ...

    @property
    def notes(self) -> Notes:
        """Drafts and saved filters."""
        ...

    @property
    def triggers(self) -> TriggerNotes:
        """What triggers have seen."""
        ...

    @property
    def levels(self) -> LevelReads:
        """What service levels are computed from."""
        ...

    @property
    def packs(self) -> PackStore:
        """Last good contents, the registry, trusted code."""
        ...

    @property
    def spending(self) -> Spending:
        """What models used and cost."""
        ...

    @property
    def upkeep(self) -> Upkeep:
        """What keeps it small."""
        ...

    async def create_run(self, run: NewRun) -> tuple[str, bool]:
        """Queue a run: (run id, created). Raises Refused(idempotency_conflict)."""
        ...

    async def begin_call(self, call: PaidCall) -> Begun:
        """Hold what a call of a model may cost, which lets it begin; what is in its way. Raises LeaseLost."""
        ...

    async def lower_hold(self, hold_id: str, amount: int) -> None:
        """A call has ended that cost so much, if that is less than is held: no more is held for it."""
        ...

    async def change_cap(
        self, row: CapRow, act: NewActRow, shown: Shown | None = None, *, remove: bool = False
    ) -> None:
        """Set a cap, or take it back, and record who did, unless it is not as it was shown any more: then
        raises Refused (`cap_changed`)."""
        ...

    async def end_wait(self, run_id: str) -> None:
        """A run waits at a soft cap no more, if it did."""
        ...

    async def record_act(self, act: NewActRow, shown: Shown | None = None) -> None:
        """Record what a person did to a cap: a top-up counts from then on. Raises InvalidInput, Refused as
        `change_cap`."""
        ...

    async def append(self, commit: Commit) -> None:
        """Append one transition. Raises SeqConflict, LeaseLost."""
        ...

    async def decide(self, decision: Decision) -> Decided:
        """Record a decision. Raises NotFound, AlreadyDecided, Refused."""
        ...

    async def claim_request(self, request_id: str, kind: RequestKind, by: str, now: int, until: int) -> None:
        """Note who looks at a request. Raises NotFound, AlreadyDecided, Refused (`already_claimed`)."""
        ...

    async def release_request(self, request_id: str, by: str) -> bool:
        """Forget one's own claim; whether there was one."""
        ...

    async def note(self, request_id: str, fact: Fact, by: str, via: str, now: int) -> bool:
        """Record a fact about an open request as an event of its run; False when it is open no more."""
        ...

    async def exclude(self, run_id: str, reason: str, by: str, via: str, now: int) -> bool:
        """Let a failed run not count; False when it does not already. Raises NotFound, InvalidInput."""
        ...

    async def flag(self, run_id: str, comment: str, by: str, via: str, now: int, *, on: bool) -> bool:
        """Flag a run, or take that back; False when it is so already. Raises NotFound, InvalidInput."""
        ...

    async def note_alerts(self, look: AlertLook) -> bool:
        """Record alerts that begin and end; False, with nothing recorded, when another was quicker."""
        ...

    async def claims_version(self) -> int:
        """A number that grows with every change to claims."""
        ...

    async def steer(self, run_id: str, verb: Input) -> tuple[RunStatus, bool]:
        """Post an operator's verb: (status, changed). Raises NotFound, InvalidTransition."""
        ...

    async def pin_content(self, digest: str, content: str) -> None:
        """Keep a pack's content for the runs that pinned it."""
        ...

    async def heartbeat(
        self,
        worker_id: str,
        host: str,
        pid: int,
        now: int,
        expires_at: int,
        *,
        process: str = "",
        dead: Sequence[str] = (),
        clock: ClockOffset | None = None,
    ) -> None:
        """Register a worker or prolong its leases.

        Leases count from the machine's start: so do `now` and `expires_at` here, and `now` of `claim`,
        `any_ready` and `any_busy`. Leases of the workers `dead` end at once. When `clock` says that the
        wall clock was set since the last heartbeat, timers and expiries move with it.
        """
        ...

    async def retire(self, worker_id: str) -> None:
        """Forget a worker that has given back all its runs."""
        ...

    async def claim(self, worker_id: str, now: int, limit: int, run_id: str | None = None) -> list[Claim]:
        """Take leases on runs that have work to do."""
        ...

    async def release(self, run_id: str, epoch: int, *, ready: bool) -> None:
        """Give a lease back without a transition."""
        ...

    async def work_failed(self, run_id: str, epoch: int) -> int:
        """Count that the work on a run ended in a defect; how often it did since its last transition."""
        ...

    async def fire_timers(self, now: int, clock: ClockOffset | None = None) -> int:
        """Turn some due timers into mail, the oldest first; how many. See `heartbeat` for `clock`."""
        ...

    async def next_timer(self) -> int | None:
        """When the next timer is due."""
        ...

    async def mail_for(self, worker_id: str) -> list[tuple[int, str, Input]]:
        """Mail for the runs a worker holds: (mail id, run id, input)."""
        ...

    async def has_mail(self, run_id: str) -> bool:
        """Whether inputs wait in a run's mailbox."""
        ...

    async def events_after(self, run_id: str, run_seq: int) -> list[StoredEvent]:
        """A run's events after `run_seq`."""

    async def snapshot(self, run_id: str) -> tuple[int, bytes] | None:
        """The newest snapshot of a run's state, with the `run_seq` that it stands at."""

    async def page_events(self, run_id: str, after: int, limit: int) -> list[StoredEvent]:
        """At most `limit` of a run's events after `after`."""

    async def feed_events(self, after_seq: int, limit: int) -> list[StoredEvent]:
        """Events of all runs after a place in the journal."""
        ...

    async def last_seq(self) -> int:
        """The journal's newest place."""
        ...

    async def any_ready(self, now: int) -> bool:
        """Whether `claim` would find a run: it has work, no living worker holds it, its slot is free."""
        ...

    async def any_busy(self, now: int) -> bool:
        """Whether a run could be claimed, is held by a worker, living or dead, or waits for its retry: all
        looked at in one moment."""
        ...

    async def run_row(self, run_id: str) -> RunRow | None:
        """A run's row."""
        ...

    async def tree_usage(self, run_id: str) -> tuple[int, int]:
        """Steps and tool calls of the run together with those it was started by and those it started."""
        ...

    async def run_view_row(self, run_id: str) -> RunViewRow | None:
        """A run's row with the payloads of its first event and of the event with its output."""
        ...

    async def successors(self, run_id: str) -> list[tuple[str, int]]:
        """Runs that took over from this one, oldest first: (run id, when it was created)."""
        ...

    async def session_runs(self, session_id: str) -> list[str]:
        """Ids of the runs of a session, oldest first, of every tenant."""
        ...

    async def step_rows(self, run_id: str, path: str | None = None) -> Sequence[StepViewRow]:
        """Executions of a run with the payloads of their input, output and error events."""
        ...

    async def step_rows_below(self, run_id: str, paths: Sequence[str]) -> Sequence[StepViewRow]:
        """The same of the executions below some paths, in no order."""

    async def count_below(self, run_id: str, path: str, type_: str) -> int:
        """How many executions of a type there are below a path."""

    async def step_outputs(self, run_id: str, paths: Sequence[str]) -> dict[str, str]:
        """Payloads of the events with the outputs of some executions of a run, by path."""
        ...

    async def step_heads(self, run_id: str, limit: int) -> tuple[Sequence[StepHeadRow], int]:
        """The first executions of a run without their payloads, and how many there are."""
        ...

    async def request_row(self, request_id: str) -> RequestViewRow | None:
        """A request with its run's fields and the payload of the event that opened it."""
        ...

    async def request_rows(
        self,
        kind: RequestKind,
        status: RequestStatus | None,
        limit: int,
        after: str | None,
        run_id: str | None = None,
        tenant: str | None = None,
    ) -> Sequence[RequestViewRow]:
        """Requests, oldest first, after the id `after`; of one run or one tenant when they are given."""
        ...

    async def earlier_rows(self, request_id: str, limit: int) -> Sequence[RequestViewRow]:
        """Requests decided before it on the same step of the same flow and tenant, newest first."""
        ...

    async def counters(self) -> dict[str, int]:
        """Counters by name: `approval:PENDING/tenant`, `slot:pack/flow`, `claims`."""
        ...

    async def move_counter(self, name: str, change: int) -> None:
        """Move a counter."""
        ...

    async def blob(self, digest: str) -> bytes | None:
        """A stored value."""
        ...

    async def blobs(self, digests: Sequence[str]) -> dict[str, bytes]:
        """Stored values by digest, those that are there."""
        ...

    async def content(self, digest: str) -> str | None:
        """A pinned pack content."""
        ...

    async def workers(self) -> list[WorkerRow]:
        """Registered workers."""
        ...

    def on_change(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` (in the loop) after writes of this or another process; returns the undo."""
        ...

    async def close(self) -> None:
        """Write what is queued and close."""
        ...
