"""Event kinds and the event itself. Names are the reference's where it has one."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """Everything that can happen to a run."""

    RUN_QUEUED = "run_queued"
    RUN_REFUSED = "run_refused"
    RUN_STARTED = "run_started"
    RUN_PAUSE_REQUESTED = "run_pause_requested"
    RUN_PAUSED = "run_paused"
    RUN_RESUMED = "run_resumed"
    RUN_CANCEL_REQUESTED = "run_cancel_requested"
    RUN_CANCELLED = "run_cancelled"
    RUN_RETRIED = "run_retried"
    RUN_COMPLETED = "run_completed"
    RUN_FAILED = "run_failed"
    RUN_DEAD_LETTERED = "run_dead_lettered"
    OUTPUT_WRITTEN = "output_written"
    STEP_STARTED = "step_started"
    STEP_COMPLETED = "step_completed"
    STEP_FAILED = "step_failed"
    STEP_SKIPPED = "step_skipped"
    STEP_CANCELLED = "step_cancelled"
    STEP_RECOVERED = "step_recovered"
    ATTEMPT_FAILED = "tool_call_attempt_failed"
    RETRY_SCHEDULED = "tool_call_retry_scheduled"
    ATTEMPT_STARTED = "tool_call_attempt_started"
    SUBFLOW_RETRY_DUE = "subflow_retry_due"
    PENDING_HUMAN = "pending_human"
    APPROVAL_DECIDED = "approval_decided"
    APPROVAL_VOIDED = "approval_voided"
    USER_INPUT_REQUESTED = "user_input_requested"
    USER_INPUT_RECEIVED = "user_input_received"
    REQUEST_WITHDRAWN = "request_withdrawn"
    BRANCH_COMPLETED = "branch_completed"
    BRANCH_FAILED = "branch_failed"
    BRANCH_CANCELLED = "branch_cancelled"


RUN_END = frozenset({Kind.RUN_COMPLETED, Kind.RUN_FAILED, Kind.RUN_CANCELLED, Kind.RUN_DEAD_LETTERED})


@dataclass(frozen=True, slots=True)
class Event:
    """One fact. `ts` is microseconds UTC, `step_id` the execution's or branch's path."""

    kind: Kind
    ts: int
    actor: str
    step_id: str | None = None
    payload: dict[str, Any] = field(default_factory=dict)
