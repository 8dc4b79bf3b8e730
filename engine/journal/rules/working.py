"""What workers and verbs write: leases, mail, timers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.status import RunStatus, StepStatus
from engine.errors import InvalidTransition, Unavailable
from engine.journal.errors import damaged_history, reading, require_text
from engine.journal.records import Claim, StoredRun
from engine.journal.rules.rows.time_limits import started_by
from engine.journal.rules.slots import LeftOut, Slots
from engine.journal.rules.verb_rules import changes, unknown_run
from engine.journal.rules.waits import tell_waits
from engine.machine.model.inputs import ChildEnded, Retry, TimerFired
from engine.machine.model.timers import TimerKind

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from engine.journal.known_states import KnownStates
    from engine.journal.records import ClockOffset, Commit
    from engine.journal.rows import RunRow
    from engine.journal.rules.store import Store
    from engine.machine.model.inputs import Input

CLOCK_WAS_SET = 1_000_000
"""Microseconds by which a wall clock differs that was set, and not only kept right."""


def claim(
    store: Store,
    worker_id: str,
    now: int,
    limit: int,
    run_id: str | None,
    damaged: dict[str, str],
    known: KnownStates,
) -> list[Claim]:
    """Take leases on up to `limit` runs that have work (or on `run_id`), oldest first.

    Runs of a limited flow are left while its slots are taken; slots count RUNNING and RETRYING
    across processes. A run that cannot be read is left alone, and noted in `damaged` with the reason; one
    that is asked for raises Unavailable (`journal_corrupt`).
    """
    if run_id is not None:
        row = store.claimable_run(run_id, now)
        return [] if row is None else [_take(store, worker_id, row, known)]
    slots = Slots(store.slots(now))
    claims: list[Claim] = []
    after = ""
    while len(claims) < limit:
        rows = store.claimable(now, after, LeftOut(slots.full(), damaged), limit - len(claims))
        if not rows:
            break
        after = rows[-1]["run_id"]
        for row in rows:
            if slots.take(row):
                try:
                    claims.append(_take(store, worker_id, row, known))
                except Unavailable as error:
                    damaged[row["run_id"]] = error.message
    return claims


def read_free(store: Store, row: RunRow, now: int, known: KnownStates) -> StoredRun | None:
    """All of a run that nobody works, unless it needs a slot or cannot be read; None then."""
    if row["slot_key"] is not None:
        return None
    if row["lease_worker"] is not None and store.claimable_run(row["run_id"], now) is None:
        return None
    try:
        return _read(store, row, known)
    except Unavailable:
        return None


def taken(run: StoredRun) -> Claim:
    """The claim of whoever takes the run, under the next epoch."""
    return Claim(run=run, epoch=run.row["lease_epoch"] + 1, lost=run.row["lease_worker"] is not None)


def _take(store: Store, worker_id: str, row: RunRow, known: KnownStates) -> Claim:
    """Reads all of the run before it is touched. Raises Unavailable (`journal_corrupt`)."""
    run = _read(store, row, known)
    store.take_lease(row["run_id"], worker_id)
    return taken(run)


def _read(store: Store, row: RunRow, known: KnownStates) -> StoredRun:
    whole: RunRow = {**row}  # SQLite's own row is none
    run_id = row["run_id"]
    require_text(whole, run_id)
    if (row["slot_key"] is None) is not (row["slot_limit"] is None):
        raise damaged_history(run_id, "a limit belongs to a flow")
    left = known.find(run_id)
    if left is not None and left.state.run_seq > row["run_seq"]:
        left = None  # the journal was put back to an earlier copy since
    run_seq, snapshot = (left.state.run_seq, None) if left else store.snapshot(run_id) or (0, None)
    events = store.events_after(run_id, run_seq) if run_seq < row["run_seq"] else []
    if run_seq + len(events) != row["run_seq"]:
        missing = f"{len(events)} events are there after its event {run_seq}, and it has {row['run_seq']}"
        raise damaged_history(run_id, missing)
    mail = readable_mail(store, run_id)
    return StoredRun(row=whole, snapshot=snapshot, events=events, mail=mail, known=left)


def readable_mail(store: Store, run_id: str) -> list[tuple[int, Input]]:
    """A run's waiting inputs; what this program cannot read is set aside and holds nobody up."""
    found: list[tuple[int, Input]] = []
    for mail_id, given in store.mail_of(run_id):
        if given is None:
            store.set_mail_aside(mail_id)
        else:
            found.append((mail_id, given))
    return found


def release(store: Store, run_id: str, epoch: int, *, ready: bool) -> None:
    """Give a lease back; a run with mail stays ready."""
    store.drop_lease(run_id, epoch, ready=ready or bool(readable_mail(store, run_id)))


def work_failed(store: Store, run_id: str, epoch: int) -> int:
    """Count that the work on a run ended in a defect; how often in a row it did. 0 when it was taken over."""
    row, head = store.run(run_id), store.head(run_id)
    if row is None or head is None or row["lease_epoch"] != epoch:
        return 0
    failed = row["failed_works"] + 1
    store.change_run(head, {"failed_works": failed})
    return failed


def heartbeat(
    store: Store,
    worker_id: str,
    host: str,
    pid: int,
    now: int,
    expires_at: int,
    process: str,
    dead: Sequence[str],
    clock: ClockOffset | None,
) -> None:
    """Register a worker or prolong its leases; dead workers that hold nothing are forgotten."""
    if clock is not None:
        follow_clock(store, clock)
    store.end_leases(dead)
    store.forget_dead_workers(now)
    store.put_worker(worker_id, host, pid, process, now, expires_at)


def follow_clock(store: Store, clock: ClockOffset) -> None:
    """When the wall clock was set, what is due moves with it: so it is due after the same time as before."""
    before = store.clock_offset(clock.boot_id)
    moved = 0 if before is None else clock.ahead - before
    if before is None or abs(moved) >= CLOCK_WAS_SET:
        store.put_clock_offset(clock)
        store.move_due_times(moved)
        if moved:
            tell_waits(store)


def put_due_times(store: Store, commit: Commit) -> None:
    """Timers of a commit, and until when a request that it opens is open, by the clock that all follow.

    It may have been set since they were planned. A moment of the clock stays.
    """
    if not commit.timers:
        return
    behind = _behind(store, commit.clock) if any(commit.timers.values()) else 0
    fixed = f"{TimerKind.UNTIL}:"
    for name, due in commit.timers.items():
        store.set_timer(commit.run_id, name, due if due is None or name.startswith(fixed) else due + behind)
    for event in commit.events if behind else ():
        payload = event.payload
        request_id = payload.get("approval_id") or payload.get("request_id")
        if request_id and payload.get("expires_at") is not None:
            store.change_request(request_id, {"expires_at": payload["expires_at"] + behind})


def _behind(store: Store, clock: ClockOffset | None) -> int:
    """By how much the clock was set since a process looked at it, as far as others have followed it."""
    followed = store.clock_offset(clock.boot_id) if clock is not None else None
    behind = 0 if clock is None or followed is None else followed - clock.ahead
    return behind if abs(behind) >= CLOCK_WAS_SET else 0


def fire_timers(store: Store, now: int, limit: int, clock: ClockOffset | None) -> int:
    """Turn due timers into mail, exactly once; how many there were."""
    if clock is not None:
        follow_clock(store, clock)
    due = store.due_timers(now, limit)
    for row in due:
        store.put_mail(row["run_id"], TimerFired(now=now, actor="timer", timer=row["timer"]))
        store.set_timer(row["run_id"], row["timer"], None)
    return len(due)


def steer(store: Store, run_id: str, verb: Input) -> tuple[RunStatus, bool]:
    """Post an operator's verb; (status, whether it changes anything).

    Raises NotFound, InvalidTransition.
    """
    row = store.run(run_id)
    if row is None:
        raise unknown_run(run_id)
    with reading("the row", run_id):
        status = RunStatus(row["status"])
    if isinstance(verb, Retry):
        _require_own_retry(store, row)
    changed = changes(row, [given for _, given in readable_mail(store, run_id)], verb)
    if changed:
        store.put_mail(run_id, verb)
    return status, changed


def _require_own_retry(store: Store, row: RunRow) -> None:
    """Raise InvalidTransition where the step that started the run has started another in its place, is about
    to, or has not heard yet how it ended: both would do the same side by side."""
    above, run_id = started_by(row), row["run_id"]
    step = None if above is None else store.step(*above)
    if step is None or step["status"] != StepStatus.RUNNING.value:
        return
    parent, words = step["run_id"], f"run {run_id} cannot be retried: run {step['run_id']}, which started it,"
    details = {"run_id": run_id, "parent_run_id": parent, "verb": "retry"}
    if step["retry_at"] is not None or step["child_run_id"] != run_id:
        raise InvalidTransition(f"{words} tries it again as a new run", details)
    told = (given for _, given in readable_mail(store, parent) if isinstance(given, ChildEnded))
    if any(given.child_run_id == run_id for given in told):
        raise InvalidTransition(f"{words} has not gone on since it ended", details)


def any_ready(store: Store, now: int, damaged: Collection[str]) -> bool:
    """Whether `claim` would find a run."""
    left_out = LeftOut(Slots(store.slots(now)).full(), damaged)
    return bool(store.claimable(now, "", left_out, 1))


def any_busy(store: Store, now: int, damaged: Collection[str]) -> bool:
    """Whether a run is held, could be claimed, or waits for its retry."""
    return store.at_work(damaged) or any_ready(store, now, damaged)
