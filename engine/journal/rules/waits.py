"""Until when a run waits that waits for a time: its timer says it, also after the clock was set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.status import WaitKind
from engine.contracts.times import from_micros, rfc3339
from engine.machine.model.timers import TimerKind, timer_name

if TYPE_CHECKING:
    from engine.journal.records import RunHead
    from engine.journal.rules.store import Store


def waits_until(store: Store, run_id: str, head: RunHead) -> str | None:
    """The moment (RFC 3339) for which the run waits by its timer; None when it waits for no time."""
    if head.waiting_for is None or head.waiting_for.kind is not WaitKind.MOMENT:
        return None
    due = store.timer(run_id, timer_name(TimerKind.WAIT, head.current_step or ""))
    return None if due is None else rfc3339(from_micros(due))


def tell_waits(store: Store) -> None:
    """All runs that wait for a time say until when, after the timers were moved."""
    for row in store.timers_of(TimerKind.WAIT):
        run, head = store.run(row["run_id"]), store.head(row["run_id"])
        if run is None or head is None or run["waiting_for"] != WaitKind.MOMENT.value:
            continue
        if row["timer"] == timer_name(TimerKind.WAIT, run["current_step"] or ""):
            store.change_run(head, {"waiting_for_id": rfc3339(from_micros(row["due"]))})
