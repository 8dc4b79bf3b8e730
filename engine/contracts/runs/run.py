"""Runs, steps and events as readers see them: masked, resolved, ready for JSON."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from engine.contracts.model import Contract
from engine.contracts.runs.listed import RunError, RunView
from engine.contracts.runs.request import ApprovalView, FormView, OutcomeView
from engine.contracts.runs.timeline import FailedTry
from engine.contracts.status import RunStatus, StepStatus
from engine.contracts.times import Timestamp
from engine.contracts.tool import ToolMeta


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
