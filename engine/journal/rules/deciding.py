"""Decisions on requests, where the first valid one wins, and claims. Each is one transaction."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.contracts.status import RequestStatus, WaitKind
from engine.journal.errors import DecidedBefore, WaitingDecisions, require_text
from engine.journal.records import Decided, StoredEvent
from engine.journal.rules.request_rules import (
    MAY_END,
    cancelled_meanwhile,
    decision_event,
    decision_input,
    expired,
    is_past,
    refuse_claim,
    refuse_closed,
    refuse_decision,
    refuse_past_limit,
    unknown_request,
)
from engine.journal.rules.rows.projecting import CLAIMS, record
from engine.journal.rules.rows.time_limits import limit_around, started_by
from engine.journal.rules.spending.acts import record_act
from engine.journal.rules.spending.changing import require_as_shown
from engine.journal.rules.working import follow_clock, read_free, taken
from engine.machine.events.event import ENGINE, Event, Fact
from engine.machine.events.request_facts import RequestExpired
from engine.machine.model.inputs import Cancel, TimerFired

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.errors import Refused
    from engine.journal.known_states import KnownStates
    from engine.journal.records import Decision, StoredRun
    from engine.journal.rows import RequestRow, RunColumns, RunRow
    from engine.journal.rules.store import Store
    from engine.machine.model.inputs import Input


def decide(store: Store, decision: Decision, known: KnownStates) -> Decided | Refused:
    """Record the decision, cancel the request's timer, and post the input to the run.

    Past its time the request ends EXPIRED instead, whether or not a worker has seen to its timer: that is
    written, so the refusal is returned. Raises NotFound, AlreadyDecided, Unavailable (`journal_corrupt`),
    Refused (`request_withdrawn`, `approval_changed`, `request_expired` for the time of what is around it),
    DecidedBefore.
    """
    request_id = decision.request_id
    if decision.clock is not None:
        follow_clock(store, decision.clock)
    row = store.request(request_id)
    if row is None or row["kind"] != decision.kind:
        raise unknown_request(decision.kind, request_id)
    run_id, path = row["run_id"], row["step_id"]
    require_text({**row}, run_id)
    refuse_closed(row)
    run = store.run(run_id)
    if run is None:
        raise unknown_request(decision.kind, request_id)
    if is_past(row, decision.now):
        ts = max(decision.now, run["updated_at"])
        record(store, run, Event(RequestExpired(request_id), ts, ENGINE, path), request=row)
        return expired(row)
    _refuse_what_comes_to_nothing(store, run, row, decision)
    refuse_decision(row, decision)
    store.put_blobs(decision.blobs)
    require_as_shown(store, decision.cap)
    for act in decision.acts:
        record_act(store, act)
    free = read_free(store, run, decision.uptime, known) if decision.worker_id is not None else None
    event, given = decision_event(decision, path, run["updated_at"]), decision_input(decision, path)
    record(store, run, event, _goes_on(run, decision, free), request=row)
    if row["expires_at"] is not None:  # without a limit no timer was set
        store.set_timer(run_id, f"timeout:{path}", None)
    mail_id = store.put_mail(run_id, given, wake=False)
    if free is None:
        return Decided(run_id, path)
    written = StoredEvent(0, run_id, run["run_seq"] + 1, event)
    now: RunRow = {**free.row, "run_seq": written.run_seq, "updated_at": event.ts}
    told = replace(free, row=now, events=[*free.events, written], mail=[*free.mail, (mail_id, given)])
    return Decided(run_id, path, taken(told))


def _refuse_what_comes_to_nothing(store: Store, run: RunRow, request: RequestRow, decision: Decision) -> None:
    """Raises Refused when whatever is said comes to nothing, or to an action after its time, though no worker
    has seen to it: `request_expired` when the time of something around the request is over,
    `request_withdrawn` when its run, or one above, was told to end. Raises DecidedBefore when other decisions
    wait there, or in any run below these, that were not weighed."""
    mail: dict[str, list[tuple[int, Input]]] = {}
    at_step = {run["run_id"]: request["step_id"]}

    def parent_of(run_id: str) -> tuple[str, str] | None:
        at = run if run_id == run["run_id"] else store.run(run_id)
        above = started_by(at) if at is not None else None
        at_step.update([above] if above is not None else ())
        return above

    def due(run_id: str, timer: str) -> int | None:
        if run_id not in mail:
            mail[run_id] = [(number, given) for number, given in store.mail_of(run_id) if given is not None]
        fired = (
            given.now for _, given in mail[run_id] if isinstance(given, TimerFired) and given.timer == timer
        )
        moment = store.timer(run_id, timer)
        return next(fired, None) if moment is None else moment

    refuse_past_limit(request, limit_around(run["run_id"], request["step_id"], parent_of, due), decision.now)
    for run_id, given in mail.items():
        for _, one in given:
            if isinstance(one, Cancel):
                raise cancelled_meanwhile(request, run_id, late=one.late)
    *_, outermost = at_step
    _require_weighed(decision, at_step, store.mail_below(outermost) | mail)


def _require_weighed(
    decision: Decision, at_step: Mapping[str, str], mail: Mapping[str, Sequence[tuple[int, Input]]]
) -> None:
    """Raises DecidedBefore."""
    said = {
        run_id: tuple((number, one) for number, one in given if isinstance(one, MAY_END))
        for run_id, given in mail.items()
    }
    if any(number not in decision.weighed for given in said.values() for number, _ in given):
        waiting = [WaitingDecisions(run_id, given) for run_id, given in said.items() if given]
        raise DecidedBefore(waiting, at_step)


def _goes_on(run: RunRow, decision: Decision, free: StoredRun | None) -> RunColumns:
    """A run that waited for this request waits for a worker now, and for nobody's word; one that is `free`
    is the decision's worker's."""
    columns: RunColumns = {"ready": 1}
    if run["waiting_for_id"] == decision.request_id:
        columns |= {"waiting_for": WaitKind.WORKER.value, "waiting_for_id": None}
    if free is not None:
        columns |= {"lease_worker": decision.worker_id, "lease_epoch": run["lease_epoch"] + 1}
    return columns


def note(store: Store, request_id: str, fact: Fact, by: str, via: str, now: int) -> bool:
    """Record a fact about an open request; False when it is not open any more."""
    row = store.request(request_id)
    if row is None or row["status"] != RequestStatus.PENDING:
        return False
    head = store.head(row["run_id"])
    if head is None:
        return False
    ts = max(now, head["updated_at"])
    record(store, head, Event(fact, ts, by, row["step_id"], via), request=row)
    return True


def claim_request(store: Store, request_id: str, kind: str, by: str, now: int, until: int) -> None:
    """Note who looks at a request. Raises NotFound, AlreadyDecided, Refused."""
    row = store.request(request_id)
    if row is None or row["kind"] != kind:
        raise unknown_request(kind, request_id)
    refuse_claim(row, store.request_claim(request_id), by, now)
    store.put_request_claim(request_id, {"claimed_by": by, "expires_at": until})
    store.count(CLAIMS, 1)


def release_request(store: Store, request_id: str, by: str) -> bool:
    """Forget one's own claim; whether there was one."""
    claim = store.request_claim(request_id)
    if claim is None or claim["claimed_by"] != by:
        return False
    store.put_request_claim(request_id, None)
    store.count(CLAIMS, 1)
    return True
