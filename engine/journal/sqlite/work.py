"""What workers and verbs write: leases, mail, timers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from engine.contracts.status import RunStatus
from engine.journal.encoding import decode_input, stored_event
from engine.journal.records import Claim, StoredRun
from engine.journal.rules.slots import Slots
from engine.journal.rules.verb_rules import changes, unknown_run
from engine.journal.sqlite.append import post
from engine.journal.sqlite.queries import query
from engine.machine.model.inputs import TimerFired

if TYPE_CHECKING:
    import sqlite3

    from engine.machine.model.inputs import Input


def claim(
    connection: sqlite3.Connection, worker_id: str, now: int, limit: int, run_id: str | None = None
) -> list[Claim]:
    """Take leases on up to `limit` runs that have work (or on `run_id`), oldest first.

    Runs of a capped flow are left while its slots are taken; slots count RUNNING and RETRYING
    across processes.
    """
    if run_id is not None:
        rows = connection.execute(query("claimable_one"), (run_id, now)).fetchall()
        return [_take(connection, worker_id, row) for row in rows]
    slots = Slots(connection.execute(query("slots"), (now,)))
    claims: list[Claim] = []
    after = ""
    while len(claims) < limit:
        arguments = (after, now, json.dumps(slots.full()), limit - len(claims))
        rows = connection.execute(query("claimable"), arguments).fetchall()
        if not rows:
            break
        after = rows[-1]["run_id"]
        claims += [_take(connection, worker_id, row) for row in rows if slots.take(row)]
    return claims


def claim_uncapped(connection: sqlite3.Connection, worker_id: str, now: int, run_id: str) -> Claim | None:
    """Take the lease on a run that nobody works, unless it needs a slot; None then."""
    row = connection.execute(query("claimable_one"), (run_id, now)).fetchone()
    return _take(connection, worker_id, row) if row is not None and row["slot_key"] is None else None


def _take(connection: sqlite3.Connection, worker_id: str, row: sqlite3.Row) -> Claim:
    connection.execute(query("take_lease"), (worker_id, row["run_id"]))
    return Claim(
        run=load(connection, row), epoch=row["lease_epoch"] + 1, lost=row["lease_worker"] is not None
    )


def load(connection: sqlite3.Connection, row: sqlite3.Row) -> StoredRun:
    """A run with its newest snapshot, the events since and its mail."""
    run_id = row["run_id"]
    snapshot = connection.execute(query("select_snapshot"), (run_id,)).fetchone()
    after = snapshot["run_seq"] if snapshot is not None else 0
    events = [stored_event(item) for item in connection.execute(query("events_after"), (run_id, after))]
    return StoredRun(
        row=dict(row),
        snapshot=snapshot["state"] if snapshot is not None else None,
        events=events,
        mail=mail_of(connection, run_id),
    )


def mail_of(connection: sqlite3.Connection, run_id: str) -> list[tuple[int, Input]]:
    """A run's waiting inputs, oldest first."""
    return [
        (item["mail_id"], decode_input(item["input"]))
        for item in connection.execute(query("select_mail"), (run_id,))
    ]


def release(connection: sqlite3.Connection, run_id: str, epoch: int, *, ready: bool) -> None:
    """Give a lease back; a run with mail stays ready."""
    has_mail = connection.execute(query("has_mail"), (run_id,)).fetchone() is not None
    connection.execute(query("drop_lease"), (int(ready or has_mail), run_id, epoch))


def fire_timers(connection: sqlite3.Connection, now: int, limit: int) -> int:
    """Turn due timers into mail, exactly once; how many there were."""
    due = connection.execute(query("due_timers"), (now, limit)).fetchall()
    for row in due:
        post(connection, row["run_id"], TimerFired(now=now, actor="timer", timer=row["timer"]))
        connection.execute(query("cancel_timer"), (row["run_id"], row["timer"]))
    return len(due)


def steer(connection: sqlite3.Connection, run_id: str, verb: Input) -> tuple[RunStatus, bool]:
    """Post an operator's verb; (status, whether it changes anything).

    Raises NotFound, InvalidTransition.
    """
    row = connection.execute(query("select_run"), (run_id,)).fetchone()
    if row is None:
        raise unknown_run(run_id)
    waiting = [given for _, given in mail_of(connection, run_id)]
    changed = changes(row, waiting, verb)
    if changed:
        post(connection, run_id, verb)
    return RunStatus(row["status"]), changed


def any_busy(connection: sqlite3.Connection, now: int) -> bool:
    """Whether a run is held, could be claimed, or waits for its retry."""
    retrying = connection.execute(query("any_retrying")).fetchone()
    if retrying is not None or connection.execute(query("any_held")).fetchone() is not None:
        return True
    slots = Slots(connection.execute(query("slots"), (now,)).fetchall())
    full = json.dumps(slots.full())
    return connection.execute(query("claimable"), ("", now, full, 1)).fetchone() is not None
