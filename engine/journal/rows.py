"""The rows of the journal, one type each. Times are microseconds UTC; `*_seq` are numbers of a run's events.

Rows come from a store as they are kept; they are read by name and never changed.
"""

from __future__ import annotations

from typing import NamedTuple, NotRequired, TypedDict


class FlowNames(TypedDict):
    """Whose flow a run works."""

    tenant: str
    pack: str
    flow: str


class HeadRow(FlowNames):
    """What a transition of a run is compared with, and counted by."""

    run_id: str
    parent_run_id: str | None
    status: str
    created_at: int
    updated_at: int
    started_at: int | None
    finished_at: int | None
    error_code: str | None
    run_seq: int
    output_seq: int | None
    ready: int
    lease_worker: str | None
    lease_epoch: int
    slot_key: str | None
    bucket: int
    worked: int
    counted_at: int | None
    confidence: float | None
    waiting_for: str | None
    waiting_for_id: str | None
    newest_mail: int | None


class NewRunRow(FlowNames):
    """A run that begins; what is not named here is empty, or zero."""

    run_id: str
    pack_version: str
    pack_digest: str
    flow_version: str
    requested_by: str
    subject: str | None
    status: str
    created_at: int
    updated_at: int
    finished_at: int | None
    run_seq: int
    ready: int
    lease_worker: str | None
    lease_epoch: int
    slot_key: str | None
    slot_limit: int | None
    parent_run_id: str | None
    parent_path: str | None
    depth: int
    handed_off_from: str | None
    error: str | None
    error_code: str | None
    waiting_for: str | None
    waiting_for_id: str | None
    trace_id: str
    session_id: str | None
    autonomy_level: str | None


class RunRow(NewRunRow):
    """A run; `error` and `ending` are JSON, `bucket` counts it in lists, `ready`, `pause` are 0 or 1.

    It `worked` so many microseconds; its service level counted it when it ended at `counted_at`.
    """

    started_at: int | None
    current_step: str | None
    output_seq: int | None
    steps_executed: int
    tool_calls: int
    tokens_used: int
    cost: int
    unpriced: int
    cancel: str | None
    pause: int
    bucket: int
    failed_works: int
    ending: str | None
    worked: int
    counted_at: int | None
    excluded: str | None
    flagged: str | None
    confidence: float | None
    doubtful: str | None


class ListedRow(RunRow):
    """A run in a list, with how many runs its steps started."""

    children: int


class RunViewRow(RunRow):
    """A run with the payloads (JSON) of its first event and of the event with its output."""

    first_event: str | None
    output_event: str | None


class RunColumns(TypedDict, total=False):
    """Columns of a run that change."""

    status: str
    started_at: int | None
    finished_at: int | None
    updated_at: int
    run_seq: int
    ready: int
    lease_worker: str | None
    lease_epoch: int
    current_step: str | None
    waiting_for: str | None
    waiting_for_id: str | None
    error: str | None
    error_code: str | None
    output_seq: int | None
    steps_executed: int
    tool_calls: int
    tokens_used: int
    cost: int
    unpriced: int
    cancel: str | None
    pause: int
    failed_works: int
    ending: str | None
    worked: int
    counted_at: int | None
    excluded: str | None
    flagged: str | None
    confidence: float | None
    doubtful: str | None


class NewStepRow(TypedDict):
    """An execution that begins."""

    path: str
    first_seq: int
    type: str
    name: str
    status: str
    attempt: int
    started_at: int | None
    finished_at: int | None
    input_seq: int | None
    error_seq: int | None
    child_run_id: str | None


class StepRow(NewStepRow):
    """An execution of a step."""

    run_id: str
    recoveries: int
    retry_at: int | None
    output_seq: int | None
    request_id: str | None
    confidence: float | None
    least_confidence: float | None


class StepViewRow(StepRow):
    """An execution with the payloads (JSON) of its input, output and error events."""

    input_event: str | None
    output_event: str | None
    error_event: str | None


class StepHeadRow(TypedDict):
    """An execution without its values."""

    path: str
    first_seq: int
    type: str
    name: str
    status: str
    started_at: int | None
    finished_at: int | None
    child_run_id: str | None
    recoveries: int


class StepColumns(TypedDict, total=False):
    """Columns of an execution that change."""

    status: str
    attempt: int
    recoveries: int
    started_at: int | None
    finished_at: int | None
    retry_at: int | None
    input_seq: int | None
    output_seq: int | None
    error_seq: int | None
    child_run_id: str | None
    request_id: str | None
    confidence: float | None
    least_confidence: float | None


class StatedRow(TypedDict):
    """What an agent stated of its confidence, and the least that its pack accepts."""

    path: str
    confidence: float
    least_confidence: float


class NewRequestRow(TypedDict):
    """A question to a person that opens. `step` is the author's id, `step_id` the execution's path."""

    request_id: str
    kind: str
    status: str
    tenant: str
    pack: str
    flow: str
    step_id: str
    step: str
    risk: str | None
    digest: str | None
    opened_seq: int
    requested_at: int
    expires_at: int | None


class RequestRow(NewRequestRow):
    """A question to a person."""

    run_id: str
    decided_at: int | None
    decided_by: str | None
    decision: str | None
    comment: str | None


class TimeLimit(NamedTuple):
    """When the time of something around a request is over: of a step, or of a run, which has no path."""

    due: int
    run_id: str
    path: str


class RequestViewRow(RequestRow):
    """A request with fields of its run, who looks at it, and the payload (JSON) of its first event."""

    pack_version: str
    pack_digest: str
    requested_by: str
    subject: str | None
    recoveries: NotRequired[int]
    """How often a worker was lost during the run; of a request that is read alone."""
    decided_event: NotRequired[str | None]
    """The payload (JSON) of a decision on an approval; of a request that is read alone."""
    around: NotRequired[TimeLimit | None]
    """What is around it and over first; of a request that waits and is shown to people."""
    opened_event: str
    claimed_by: str | None
    claimed_until: int | None


class RequestColumns(TypedDict, total=False):
    """Columns of a request that change."""

    expires_at: int | None
    status: str
    decided_at: int | None
    decided_by: str | None
    decision: str | None
    comment: str | None


class CommentRow(TypedDict):
    """What a person said with a decision on an approval."""

    run_id: str
    step_id: str
    comment: str
    decision: str
    decided_by: str
    decided_at: int


class ClaimRow(TypedDict):
    """Who looks at a request, and until when others are told so."""

    claimed_by: str
    expires_at: int


class KeyRow(TypedDict):
    """The run that an idempotency key started."""

    run_id: str
    request_digest: str | None


class SlotRow(TypedDict):
    """A flow with a limit: how many of its runs may work at once, and how many do."""

    slot_key: str | bytes
    """Bytes where it is damaged."""
    slot_limit: int
    used: int


class TimerRow(TypedDict):
    """A moment that a run waits for."""

    run_id: str
    timer: str
    due: int


class EventRow(TypedDict):
    """An event as stored; `payload` is JSON."""

    seq: int
    run_id: str
    run_seq: int
    ts: int
    kind: str
    step_id: str | None
    actor: str
    payload: str
