"""New runs and transitions: each is written whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.status import RUN_SLOT_HOLDING
from engine.journal.changes import Appended
from engine.journal.errors import LeaseLost, SeqConflict, refuse_other_request
from engine.journal.rules.levels.levels import count_end
from engine.journal.rules.rows.projecting import project
from engine.journal.rules.rows.run_rows import new_run, run_change, whole_row
from engine.journal.rules.waits import waits_until
from engine.journal.rules.working import put_due_times, readable_mail

if TYPE_CHECKING:
    from engine.contracts.status import RunStatus
    from engine.journal.records import Commit, NewRun
    from engine.journal.rows import HeadRow, KeyRow, RunRow
    from engine.journal.rules.store import Store


def create_run(store: Store, run: NewRun) -> tuple[str, bool]:
    """Queue a run; (run id, created). The same idempotency key and request give the same run.

    Raises Refused(idempotency_conflict) for the same key with another request.
    """
    if run.idempotency_key is not None:
        found = store.key(run.tenant, run.idempotency_key)
        if found is not None:
            refuse_other_request(run, found)
            return found["run_id"], False
        kept: KeyRow = {"run_id": run.run_id, "request_digest": run.request_digest}
        store.put_key(run.tenant, run.idempotency_key, kept)
    row = _insert_run(store, run)
    if run.first is not None:
        _append(store, run.first, row, newest_mail=None)
    return run.run_id, True


def _insert_run(store: Store, run: NewRun) -> RunRow:
    row = new_run(run)
    bucket = store.insert_run(row)
    store.put_blobs(run.blobs)
    if run.words is not None:
        store.put_words(run.run_id, run.words, lasting=False)
    store.insert_events(run.run_id, 0, run.events)
    return whole_row(row, bucket)


def append(store: Store, commit: Commit) -> Appended:
    """Append one transition.

    Raises SeqConflict or LeaseLost; then nothing of it is written.
    """
    head = store.head(commit.run_id)
    if head is None:
        raise LeaseLost(commit.run_id)
    return _append(store, commit, head, head["newest_mail"])


def _append(store: Store, commit: Commit, head: HeadRow | RunRow, newest_mail: int | None) -> Appended:
    """The same to a run whose row is `head`, and whose mail is up to `newest_mail`."""
    run_id = commit.run_id
    if head["lease_epoch"] != commit.epoch or head["lease_worker"] is None:
        raise LeaseLost(run_id)
    if head["run_seq"] != commit.expected_seq:
        raise SeqConflict(run_id)
    seen = commit.mail_seen
    if seen is not None and (newest_mail or 0) > seen:
        newest = max((mail_id for mail_id, _ in readable_mail(store, run_id)), default=0)
        if newest > seen:
            raise SeqConflict(run_id)
    store.put_blobs(commit.blobs)
    store.insert_events(run_id, commit.expected_seq, commit.events)
    moved = project(store, run_id, head, commit.expected_seq, commit.events)
    put_due_times(store, commit)
    for mail_id in commit.consumed:
        store.take_mail(mail_id)
    for other, given in commit.mail:
        store.put_mail(other, given)
    for child in commit.children:
        _insert_run(store, child)
    told = newest_mail is not None or commit.mail  # else no mail is there to be looked for
    ready = commit.ready or bool(commit.release and told and store.has_mail(run_id))
    columns = run_change(commit, head, moved, ready=ready)
    if moment := waits_until(store, run_id, commit.head):
        columns["waiting_for_id"] = moment
    count_end(store, head, columns)
    store.change_run(head, columns)
    _count_slot(store, head, commit.head.status)
    if commit.words is not None:
        store.put_words(run_id, commit.words, lasting=True)
    if commit.snapshot is not None:
        store.put_snapshot(run_id, commit.expected_seq + len(commit.events), commit.snapshot)
    slot_free = head["slot_key"] is not None and commit.head.status not in RUN_SLOT_HOLDING
    return Appended(ready, slot_free)


def _count_slot(store: Store, head: HeadRow | RunRow, status: RunStatus) -> None:
    """How many slots of its flow the run takes, or gives back, when it becomes `status`."""
    change = (status in RUN_SLOT_HOLDING) - (head["status"] in RUN_SLOT_HOLDING)
    if change and head["slot_key"] is not None:
        store.count(f"slot:{head['slot_key']}", change)
