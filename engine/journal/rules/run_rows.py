"""Runs to rows: what a new run and a transition write on the runs row. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.status import RUN_SLOT_HOLDING, RUN_TERMINAL, RunStatus
from engine.journal.encoding import encode
from engine.machine.events.event import RUN_END, Kind

if TYPE_CHECKING:
    from engine.journal.records import Columns, Commit, NewRun

Row = dict[str, Any]


def new_run(run: NewRun) -> Row:
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
        "status": _first_status(run).value,
        "created_at": now,
        "updated_at": now,
        "finished_at": None if queued else now,
        "run_seq": len(run.events),
        "ready": int(queued),
        "slot_key": f"{run.pack}/{run.flow}" if run.slot_limit is not None else None,
        "slot_limit": run.slot_limit,
        "parent_run_id": run.parent_run_id,
        "parent_path": run.parent_path,
        "depth": run.depth,
        "handed_off_from": run.handed_off_from,
        "error": encode(run.error) if run.error else None,
        "waiting_for": "a worker" if queued else None,
    }


def _first_status(run: NewRun) -> RunStatus:
    """A run that is begun in the same commit stands at once where that takes it: it moves once less."""
    if run.first is None or run.slot_limit is not None:  # slots are counted as the status changes
        return run.status
    return run.first.head.status


def run_change(commit: Commit, old: Columns, *, ready: bool) -> Row:
    """The columns a transition changes beside the status; `old` is the row before it.

    A run ends when its last end event says so: what is written later (its document, a late timer)
    leaves `finished_at` alone, and a retry clears it.
    """
    head = commit.head
    started, output_seq, ended = old["started_at"], old["output_seq"], old["finished_at"]
    for run_seq, event in enumerate(commit.events, commit.expected_seq + 1):
        if event.kind is Kind.RUN_STARTED:
            started = event.ts
        elif event.kind in RUN_END:
            ended = event.ts
            if event.kind is Kind.RUN_COMPLETED:
                output_seq = run_seq
    return {
        "started_at": started,
        "finished_at": ended if head.status in RUN_TERMINAL else None,
        "updated_at": commit.now,
        "run_seq": commit.expected_seq + len(commit.events),
        "ready": int(ready),
        "lease_worker": None if commit.release else old["lease_worker"],
        "current_step": head.current_step,
        "waiting_for": head.waiting_for,
        "error": encode(head.error) if head.error else None,
        "output_seq": output_seq,
        "steps_executed": head.steps_executed,
        "tool_calls": head.tool_calls,
        "tokens_used": head.tokens_used,
        "cancel": head.cancel,
        "pause": int(head.pause),
    }


def slots_change(old: Columns, new: RunStatus) -> int:
    """How many slots of its flow the run of the row `old` takes, or gives back, when it becomes `new`."""
    if old["slot_key"] is None:
        return 0
    return (new in RUN_SLOT_HOLDING) - (old["status"] in RUN_SLOT_HOLDING)
