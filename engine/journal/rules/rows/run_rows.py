"""Runs to rows: what a new run and a transition write on the runs row. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.status import RUN_SLOT_HOLDING, RUN_TERMINAL, RunStatus, WaitKind
from engine.journal.encoding import encode
from engine.journal.records import StoredEvent, StoredRun
from engine.machine.events.step_facts import StepRecovered

if TYPE_CHECKING:
    from engine.journal.records import Commit, NewRun
    from engine.journal.rows import HeadRow, NewRunRow, RunColumns, RunRow


def new_run(run: NewRun) -> NewRunRow:
    """The columns of a run that begins."""
    now = run.events[0].ts
    queued = run.status is RunStatus.QUEUED
    return {
        "run_id": run.run_id,
        "tenant": run.tenant,
        "pack": run.pack,
        "pack_version": run.pack_version,
        "pack_digest": run.pack_digest,
        "flow": run.flow,
        "flow_version": run.flow_version,
        "requested_by": run.requested_by,
        "subject": run.subject,
        "status": _first_status(run).value,
        "created_at": now,
        "updated_at": now,
        "finished_at": None if queued else now,
        "run_seq": len(run.events),
        "ready": int(queued and run.first is None),
        "lease_worker": run.worker_id if run.first is not None else None,
        "lease_epoch": run.first.epoch if run.first is not None else 0,
        "slot_key": f"{run.pack}/{run.flow}" if run.slot_limit is not None else None,
        "slot_limit": run.slot_limit,
        "parent_run_id": run.parent_run_id,
        "parent_path": run.parent_path,
        "depth": run.depth,
        "handed_off_from": run.handed_off_from,
        "trace_id": run.trace_id,
        "session_id": run.session_id,
        "autonomy_level": run.autonomy_level,
        "error": encode(run.error) if run.error else None,
        "error_code": run.error["code"] if run.error else None,
        "waiting_for": WaitKind.WORKER.value if queued else None,
        "waiting_for_id": None,
    }


def whole_row(row: NewRunRow, bucket: int = 0) -> RunRow:
    """The row of a run that begins, counted in `bucket`, with what is empty or zero."""
    return {
        **row,
        "started_at": None,
        "current_step": None,
        "output_seq": None,
        "steps_executed": 0,
        "tool_calls": 0,
        "tokens_used": 0,
        "cost": 0,
        "unpriced": 0,
        "cancel": None,
        "pause": 0,
        "bucket": bucket,
        "failed_works": 0,
        "ending": None,
        "worked": 0,
        "counted_at": None,
        "excluded": None,
        "flagged": None,
        "confidence": None,
        "doubtful": None,
    }


def stored_run(run: NewRun) -> StoredRun:
    """The row and history that `create_run` will write, as if they had been read."""
    events = [StoredEvent(0, run.run_id, number, event) for number, event in enumerate(run.events, 1)]
    return StoredRun(row=whole_row(new_run(run)), snapshot=None, events=events)


def _first_status(run: NewRun) -> RunStatus:
    """A run that is begun in the same commit stands at once where that takes it: it moves once less."""
    if run.first is None or run.slot_limit is not None:  # slots are counted as the status changes
        return run.status
    return run.first.head.status


def worked_since(old: HeadRow | RunRow, now: int) -> int:
    """How long (microseconds) a run has worked since its row was written: not while it waits or is queued."""
    return max(0, now - old["updated_at"]) if old["status"] in RUN_SLOT_HOLDING else 0


def run_change(commit: Commit, old: HeadRow | RunRow, moved: RunColumns, *, ready: bool) -> RunColumns:
    """The columns a transition changes; `old` is the row before it, `moved` what its events change.

    A run ends when its last end event says so: what is written later (its document, a late timer)
    leaves `finished_at` alone, and a retry clears it. Where no event happened (it is given back,
    mail is taken) and it stands as it stood, lists tell the moment of its last event.
    """
    head = commit.head
    moment = commit.now if commit.events or head.status.value != old["status"] else old["updated_at"]
    columns: RunColumns = {
        "status": head.status.value,
        "finished_at": old["finished_at"],
        **moved,
        "updated_at": moment,
        "run_seq": commit.expected_seq + len(commit.events),
        "ready": int(ready),
        "lease_worker": None if commit.release else old["lease_worker"],
        "current_step": head.current_step,
        "waiting_for": head.waiting_for.kind.value if head.waiting_for is not None else None,
        "waiting_for_id": head.waiting_for.id if head.waiting_for is not None else None,
        "error": encode(head.error) if head.error else None,
        "error_code": head.error["code"] if head.error else None,
        "ending": encode(head.ending) if head.ending else None,
        "steps_executed": head.steps_executed,
        "tool_calls": head.tool_calls,
        "tokens_used": head.tokens_used,
        "cost": head.cost,
        "unpriced": head.unpriced,
        "cancel": head.cancel,
        "pause": int(head.pause),
        "worked": old["worked"] + worked_since(old, moment),
    }
    if any(event.kind != StepRecovered.kind for event in commit.events):  # to begin anew is no progress
        columns["failed_works"] = 0
    if head.status not in RUN_TERMINAL:
        columns["finished_at"] = None
    return columns
