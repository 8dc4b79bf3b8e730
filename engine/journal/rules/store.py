"""What a store has to be able to do, so that the rules of the journal can be written once.

Each primitive reads or writes rows and decides nothing. A store runs the rules inside its own
transactions: all of an operation or nothing of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from engine.journal.rules.spend_store import SpendStore

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from engine.journal.alert_rows import AlertRow, NewAlertRow
    from engine.journal.records import ClockOffset, StoredEvent
    from engine.journal.rows import (
        ClaimRow,
        HeadRow,
        KeyRow,
        NewRequestRow,
        NewRunRow,
        NewStepRow,
        RequestColumns,
        RequestRow,
        RunColumns,
        RunRow,
        SlotRow,
        StatedRow,
        StepColumns,
        StepRow,
        TimerRow,
    )
    from engine.journal.rules.slots import LeftOut
    from engine.machine.events.event import Event
    from engine.machine.model.inputs import Input
    from engine.machine.model.timers import TimerKind
    from engine.slo.buckets import Bucket


class Store(SpendStore, Protocol):
    """One transaction's view of a journal."""

    # runs and their history

    def head(self, run_id: str) -> HeadRow | None:
        """What a transition of the run is compared with."""
        ...

    def run(self, run_id: str) -> RunRow | None:
        """A run's row."""
        ...

    def insert_run(self, row: NewRunRow) -> int:
        """A new run, counted in the lists; its count bucket. Raises Unavailable when its id is taken."""
        ...

    def change_run(self, run: HeadRow | RunRow, columns: RunColumns) -> None:
        """Change columns of a run whose row was `run`; another status counts it elsewhere in the lists."""
        ...

    def insert_events(self, run_id: str, after_seq: int, events: Sequence[Event]) -> None:
        """Append events after the number `after_seq`. Raises Unavailable when a number is taken."""
        ...

    def events_after(self, run_id: str, run_seq: int) -> list[StoredEvent]:
        """A run's events after `run_seq`, in order."""
        ...

    def first_event(self, run_id: str, kinds: Collection[str]) -> StoredEvent | None:
        """A run's first event of some kinds."""
        ...

    def snapshot(self, run_id: str) -> tuple[int, bytes] | None:
        """(run_seq, state) of the newest snapshot."""
        ...

    def put_snapshot(self, run_id: str, run_seq: int, state: bytes) -> None:
        """Keep a snapshot in place of the one before."""
        ...

    def put_blobs(self, blobs: Mapping[str, bytes]) -> None:
        """Keep values by digest; what is there stays."""
        ...

    def key(self, tenant: str, key: str) -> KeyRow | None:
        """What an idempotency key stands for."""
        ...

    def put_key(self, tenant: str, key: str, row: KeyRow) -> None:
        """Let an idempotency key stand for a run."""
        ...

    # executions

    def insert_step(self, run_id: str, row: NewStepRow) -> bool:
        """A new execution; False, with nothing written, when it is there."""
        ...

    def step(self, run_id: str, path: str) -> StepRow | None:
        """An execution."""
        ...

    def stated(self, run_id: str) -> Sequence[StatedRow]:
        """What agents of a run stated of their confidence, visit by visit."""
        ...

    def change_step(self, run_id: str, path: str, columns: StepColumns) -> None:
        """Change columns of an execution, if it is there."""
        ...

    # requests

    def request(self, request_id: str) -> RequestRow | None:
        """A request."""
        ...

    def insert_request(self, run_id: str, row: NewRequestRow) -> None:
        """A new request. Raises Unavailable when its id is taken."""
        ...

    def change_request(self, request_id: str, columns: RequestColumns) -> None:
        """Change columns of a request."""
        ...

    def request_claim(self, request_id: str) -> ClaimRow | None:
        """Who looks at a request."""
        ...

    def put_request_claim(self, request_id: str, row: ClaimRow | None) -> None:
        """Note who looks at a request; None for nobody."""
        ...

    # mail, timers, counters

    def put_mail(self, run_id: str, given: Input, *, wake: bool = True) -> int:
        """An input for a run, which whoever works runs may take now; its number. Without `wake` the caller
        makes it `ready` itself."""
        ...

    def mail_of(self, run_id: str) -> list[tuple[int, Input | None]]:
        """Waiting inputs of a run with their numbers, oldest first; None for one that cannot be read."""
        ...

    def mail_below(self, run_id: str) -> dict[str, list[tuple[int, Input]]]:
        """What can be read of the same for the runs below one that go on, by run."""
        ...

    def set_mail_aside(self, mail_id: int) -> None:
        """Keep an input that cannot be read where it waits for nobody."""
        ...

    def take_mail(self, mail_id: int) -> None:
        """Forget an input that was worked in."""
        ...

    def has_mail(self, run_id: str) -> bool:
        """Whether inputs wait for a run."""
        ...

    def set_timer(self, run_id: str, timer: str, due: int | None) -> None:
        """Set a timer, or cancel it with None."""
        ...

    def timer(self, run_id: str, timer: str) -> int | None:
        """When a timer is due; None when it is not set."""
        ...

    def timers_of(self, kind: TimerKind) -> list[TimerRow]:
        """All timers of a kind that belong to executions."""
        ...

    def due_timers(self, now: int, limit: int) -> list[TimerRow]:
        """Timers that are due, the oldest first."""
        ...

    def count(self, name: str, change: int) -> None:
        """Move a counter."""
        ...

    # service levels

    def level(self, tenant: str, pack: str, start: int, width: int) -> Bucket | None:
        """What was counted of a pack in one stretch: whoever asks may change it and put it back."""
        ...

    def levels_of(self, tenant: str, pack: str, width: int, start: int, end: int) -> list[Bucket]:
        """What was counted of a pack in stretches of a width that begin from `start` on, before `end`."""
        ...

    def put_level(self, tenant: str, pack: str, bucket: Bucket) -> None:
        """Keep what was counted in a stretch in place of what was there."""
        ...

    def drop_level(self, tenant: str, pack: str, start: int, width: int) -> None:
        """Forget what was counted in a stretch."""
        ...

    def standing_alerts(self, tenant: str, pack: str) -> Sequence[AlertRow]:
        """Alerts of a pack that have not ended, in order."""
        ...

    def add_alert(self, row: NewAlertRow) -> None:
        """Record that an alert begins or ends."""
        ...

    # leases

    def claimable(self, now: int, after: str, left_out: LeftOut, limit: int) -> Sequence[RunRow]:
        """Runs after the id `after` that have work, that no living worker holds and that are not left out,
        by id."""
        ...

    def claimable_run(self, run_id: str, now: int) -> RunRow | None:
        """The run, unless a living worker holds it."""
        ...

    def slots(self, now: int) -> list[SlotRow]:
        """Slots of limited flows whose runs have work: used by runs at work, and by those that a living
        worker has claimed and not begun."""
        ...

    def take_lease(self, run_id: str, worker_id: str | None) -> None:
        """Give a run to a worker, under the next epoch."""
        ...

    def drop_lease(self, run_id: str, epoch: int, *, ready: bool) -> None:
        """Take a run from its worker, if the epoch is still this one."""
        ...

    def at_work(self, damaged: Collection[str]) -> bool:
        """Whether a worker, living or dead, holds a run, or a run waits for its retry: one not `damaged`."""
        ...

    def put_worker(
        self, worker_id: str, host: str, pid: int, process: str, now: int, expires_at: int
    ) -> None:
        """Register a worker, or prolong its leases."""
        ...

    def end_leases(self, workers: Sequence[str]) -> None:
        """Let the leases of workers end at once."""
        ...

    def clock_offset(self, boot_id: str) -> int | None:
        """How far the wall clock was ahead when it was last noted in this boot."""
        ...

    def put_clock_offset(self, clock: ClockOffset) -> None:
        """Note how far the wall clock is ahead."""
        ...

    def move_due_times(self, by: int) -> None:
        """Move timers, and the expiry of requests that wait and of claims, by so many microseconds."""
        ...

    def remove_worker(self, worker_id: str) -> None:
        """Forget a worker."""
        ...

    def forget_dead_workers(self, now: int) -> None:
        """Forget workers whose leases have ended and that hold no run."""
        ...

    def put_words(self, run_id: str, words: str, *, lasting: bool) -> None:
        """Keep the words a run is found by in place of those before; `lasting` ones may be put in order."""
        ...

    def put_content(self, digest: str, content: str) -> None:
        """Keep a pack's content; what is there stays."""
        ...
