"""Runs, steps and events as readers see them: masked, resolved, ready for JSON."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Generic, Literal, TypeVar

from pydantic import Field

from engine.contracts.model import Contract, Timestamp
from engine.contracts.runs.request import ApprovalView, FormView, OutcomeView
from engine.contracts.runs.timeline import FailedTry
from engine.contracts.status import RunStatus, StepErrorCode, StepStatus, WaitKind
from engine.contracts.tool import ToolMeta

T = TypeVar("T")


class Page(Contract, Generic[T]):
    """One page of a list; `next` is the cursor to pass as `after`, None on the last page.

    `unreadable` holds the ids of what stands on this page and is damaged: the others are shown.
    """

    items: tuple[T, ...]
    next: str | None = None
    unreadable: tuple[str, ...] = ()


class RunError(Contract):
    """Why a run or step failed. `code` is a StepErrorCode or a pack tool's own code."""

    code: str
    message: str
    step_id: str | None = None
    details: dict[str, Any] = Field(default_factory=dict)


class RunEnding(Contract):
    """How a run will end once its `finally` steps are over."""

    outcome: Literal["completed", "failed", "rejected", "cancelled"]
    error: RunError | None = None

    @property
    def text(self) -> str:
        """In words, for people."""
        if self.error is None:
            return self.outcome
        where = f" at {self.error.step_id}" if self.error.step_id else ""
        return f"{self.outcome}, {self.error.code}{where}: {self.error.message}"


class WaitingFor(Contract):
    """What a run waits for: a request or a child run by its id, a worker, a resume, a retry, a moment, a word
    about a soft cap, money that other calls hold."""

    kind: WaitKind
    id: str | None = Field(
        default=None,
        description="Id of the request or of the child run; the moment (RFC 3339); which cap, in words.",
    )

    @property
    def text(self) -> str:
        """In words, for people."""
        if self.kind is WaitKind.WORKER:
            return "a worker"
        if self.kind is WaitKind.MOMENT and self.id is not None:
            return f"until {self.id[5:16].replace('T', ' ')}Z"
        if self.kind is WaitKind.SOFT_CAP:
            return f"a word about the soft cap of {self.id}"
        if self.kind is WaitKind.MONEY:
            return f"money that other calls hold, below the cap of {self.id}"
        return f"child {self.id}" if self.kind is WaitKind.CHILD else self.kind.value


def is_rejected(status: str, error_code: str | None) -> bool:
    """Whether a run with this status and error ended because a person said no."""
    return status == RunStatus.FAILED and error_code == StepErrorCode.APPROVAL_REJECTED


class RunSummary(Contract):
    """One row of the runs list."""

    run_id: str
    status: RunStatus
    pack: str
    pack_version: str
    flow: str
    tenant: str
    subject: str | None = Field(default=None, description="What it is about: the title of its flow.")
    requested_by: str
    created_at: Timestamp
    started_at: Timestamp | None = None
    finished_at: Timestamp | None = None
    updated_at: Timestamp
    current_step: str | None = None
    waiting_for: WaitingFor | None = None
    parent_run_id: str | None = None
    children: int | None = Field(default=None, description="Runs that its steps started; told in lists.")
    error: RunError | None = None
    ending: RunEnding | None = Field(
        default=None, description="How it will end, while its `finally` steps run."
    )
    steps_executed: int = 0
    tool_calls: int = 0
    tokens_used: int = 0
    cost: int = Field(default=0, description="Of its models: billionths of a US dollar.")
    unpriced_calls: int = Field(default=0, description="Calls of models that are not in `cost`: unknown.")

    excluded: str | None = Field(
        default=None, description="Why this failed run does not count for the service level of its pack."
    )
    flagged: str | None = Field(
        default=None, description="What it told that is not so, as a person said of it."
    )
    confidence: float | None = Field(
        default=None, description="The lowest that its agents stated, from 0 to 1; null: none did."
    )
    doubtful: str | None = Field(
        default=None, description="Which agent was less sure than its pack asks for, as nobody took back."
    )

    @property
    def rejected(self) -> bool:
        """It ended because a person said no, which is no fault."""
        return is_rejected(self.status, self.error.code if self.error is not None else None)


class RunView(RunSummary):
    """A run with its input and output (masked)."""

    pack_digest: str
    flow_version: str
    engine_schema: int
    run_seq: int
    input: Any = None
    output: Any = None
    handed_off_from: str | None = Field(default=None, description="Run that this one took over from.")
    handoff: Any = Field(default=None, description="What that run told it (docs/flows.md).")
    folder: str | None = Field(default=None, description="Folder with inputs, outputs, response document.")
    cancel_requested: str | None = None
    pause_requested: bool = False
    held_by: str | None = Field(default=None, description="Worker that works the run now.")
    trace_id: str | None = Field(default=None, description="W3C trace: its starter's, or one of its own.")
    session_id: str | None = Field(default=None, description="The conversation it belongs to.")


class StepView(Contract):
    """One execution of a step; `step_id` is its path (`scan/2/read`, a second visit `scan/2/read~2`)."""

    step_id: str
    type: str
    name: str
    status: StepStatus
    attempt: int
    recoveries: int = 0
    started_at: Timestamp | None = None
    finished_at: Timestamp | None = None
    retry_at: Timestamp | None = None
    input: Any = None
    output: Any = None
    error: RunError | None = None
    tries: tuple[FailedTry, ...] = Field(default=(), description="Tries that failed before the last one.")
    item: str | None = Field(
        default=None, description="In a `for_each`: the item it is for, in a few masked words."
    )
    meta: ToolMeta | None = Field(default=None, description="How the last call went, for steps that call.")
    child_run_id: str | None = None
    request_id: str | None = None


class EventView(Contract):
    """One line of a run's history. `run_seq` of a run has no gaps; `seq` orders all runs."""

    seq: int
    run_id: str
    run_seq: int
    ts: Timestamp
    kind: str
    step_id: str | None = None
    actor: str = Field(description="As it is recorded: `ana`, or `ana (as the-ciso)`.")
    account: str | None = Field(default=None, description="The account a person acted from.")
    via: str = Field(default="engine", description="Where from: console, cli, ssh; or the engine itself.")
    trace_id: str | None = Field(default=None, description="The run's W3C trace; older runs have none.")
    payload: dict[str, Any]


class EventPage(Contract):
    """Events of all runs from a place in the journal on."""

    events: tuple[EventView, ...]
    next: int = Field(description="The place to read on from: the `seq` of what was looked at last.")
    ended: bool = Field(description="Nothing more had been written by now.")


class EventFilter(Contract):
    """Which events of a run to find; empty fields match all.

    Texts match parts; the case of ASCII letters does not count.
    """

    kind: str | None = None
    step_id: str | None = None
    actor: str | None = None
    text: str | None = Field(default=None, description="Found in kind, step, actor or the masked payload.")


class EventMatches(Contract):
    """Where events match: their `run_seq`, ascending. Everything up to `scanned_to` was looked at."""

    run_seqs: tuple[int, ...]
    scanned_to: int
    ended: bool = Field(description="Nothing is left to look at now.")


class RunFile(Contract):
    """A file in the run's folder."""

    name: str
    stored_name: str
    role: str
    content_type: str
    size: int
    sha256: str
    path: str
    copy_of: str | None = Field(default=None, description="Where the run wrote it, when this is a copy.")


class FileText(Contract):
    """The beginning of a file in a run's folder as text, masked."""

    run_id: str
    stored_name: str
    path: str
    size: int = Field(description="Bytes of the whole file.")
    text: str = Field(description="Empty when the file is binary.")
    truncated: bool = False
    binary: bool = Field(default=False, description="It is no UTF-8 text.")


class OutputLine(Contract):
    """A line that a call of a step wrote while it ran, masked."""

    ts: Timestamp
    step_id: str
    attempt: int
    stream: Literal["out", "err"]
    text: str


class OutputPage(Contract):
    """Lines of a run's output from a place on."""

    lines: tuple[OutputLine, ...]
    next: int = Field(description="The place to read on from.")
    ended: bool = Field(description="Nothing more had been written by now.")
    coming: tuple[OutputLine, ...] = Field(
        default=(),
        description="Lines that calls of this process are writing, as far as they are.",
    )


class RunDetail(Contract):
    """Everything `show` tells about a run."""

    run: RunView
    steps: tuple[StepView, ...]
    approvals: tuple[ApprovalView, ...]
    forms: tuple[FormView, ...]
    outcomes: tuple[OutcomeView, ...] = ()
    files: tuple[RunFile, ...] = ()
    handed_off_to: tuple[str, ...] = Field(default=(), description="Runs that took over, oldest first.")


class RunFilter(Contract):
    """Which runs to list; empty fields match all."""

    status: tuple[RunStatus, ...] = ()
    rejected: bool | None = Field(
        default=None, description="Of runs that FAILED only those that a person rejected, or only the others."
    )
    nested: bool | None = Field(
        default=None, description="Only runs that a step of another run started, or only the others."
    )
    parent: str | None = Field(default=None, description="Started by a step of this run.")
    pack: str | None = None
    flow: str | None = None
    tenant: str | None = None
    requested_by: str | None = None
    created_after: Timestamp | None = Field(default=None, description="Younger than this moment.")
    created_before: Timestamp | None = Field(default=None, description="Older than this moment.")
    ended_after: Timestamp | None = Field(default=None, description="Ended after this moment.")
    ended_before: Timestamp | None = Field(default=None, description="Ended before this moment.")
    error: str | None = Field(default=None, description="Failed with this code.")
    words: str | None = Field(
        default=None,
        description="All of them begin words of title, input, error or output as these are shown (masked): "
        "of the first 1,000 different words of each; of the last two once the run has ended.",
    )
    text: str | None = Field(
        default=None,
        description="Found in pack, flow, requester or status; in a run id when it is the beginning of it, "
        "or has 4 characters with a digit among them.",
    )


class RunSort(StrEnum):
    """Orders of the runs list; runs that are equal in one stand newest first."""

    NEWEST = "newest"
    OLDEST = "oldest"
    STATUS = "status"
    FLOW = "flow"
    REQUESTER = "requester"


class RunCounts(Contract):
    """Live counters: runs by status, and what waits for a person."""

    runs: dict[RunStatus, int]
    failed_lately: int = Field(
        default=0, description="Runs that failed after the moment asked for; rejected ones have not failed."
    )
    approvals_pending: int = 0
    forms_pending: int = 0
    outcomes_pending: int = 0


class VerbResult(Contract):
    """What a verb did: `changed` is False when the run already was so."""

    run_id: str
    status: RunStatus
    changed: bool
