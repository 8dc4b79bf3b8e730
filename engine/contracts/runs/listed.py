"""Runs as lists show them, and what lists are asked for.

Plain classes: they are made of what our own journal holds, and a command that lists runs needs no pydantic.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar

from engine.contracts.checks import Described
from engine.contracts.status import AutonomyLevel, RequestStatus, RunStatus, StepErrorCode, WaitKind
from engine.contracts.times import Timestamp  # noqa: TC001 - pydantic reads the annotation

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Page(Generic[T]):
    """One page of a list; `next` is the cursor to pass as `after`, None on the last page.

    `unreadable` holds the ids of what stands on this page and is damaged: the others are shown.
    """

    items: tuple[T, ...]
    next: str | None = None
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RunError:
    """Why a run or step failed. `code` is a StepErrorCode."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    code: str
    message: str
    step_id: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RunEnding:
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


@dataclass(frozen=True, kw_only=True)
class WaitingFor:
    """What a run waits for: a request or a child run by its id, a worker, a resume, a retry, a moment, a word
    about a soft cap, money or tokens that other calls hold."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    kind: WaitKind
    id: Annotated[
        str | None,
        Described("Id of the request or of the child run; the moment (RFC 3339); which cap, in words."),
    ] = None

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
        if self.kind is WaitKind.TOKENS:
            return "tokens that other questions hold, below the ceiling of the run"
        return f"child {self.id}" if self.kind is WaitKind.CHILD else self.kind.value


def is_rejected(status: str, error_code: str | None) -> bool:
    """Whether a run with this status and error ended because a person said no."""
    return status == RunStatus.FAILED and error_code == StepErrorCode.APPROVAL_REJECTED


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """One row of the runs list."""

    run_id: str
    status: RunStatus
    pack: str
    pack_version: str
    flow: str
    tenant: str
    subject: str | None = None
    """What it is about: the title of its flow."""
    autonomy_level: str | None = None
    """How much its flow may do by itself; not known of runs of earlier versions."""
    requested_by: str
    created_at: Timestamp
    started_at: Timestamp | None = None
    finished_at: Timestamp | None = None
    updated_at: Timestamp
    current_step: str | None = None
    waiting_for: WaitingFor | None = None
    parent_run_id: str | None = None
    children: int | None = None
    """Runs that its steps started; told in lists."""
    error: RunError | None = None
    ending: RunEnding | None = None
    """How it will end, while its `finally` steps run."""
    steps_executed: int = 0
    tool_calls: int = 0
    tokens_used: int = 0
    cost: int = 0
    """Of its models: billionths of a US dollar."""
    unpriced_calls: int = 0
    """Calls of models that are not in `cost`: unknown."""

    excluded: str | None = None
    """Why this failed run does not count for the service level of its pack."""
    flagged: str | None = None
    """What it told that is not so, as a person said of it."""
    confidence: float | None = None
    """The lowest that its agents stated, from 0 to 1; null: none did."""
    doubtful: str | None = None
    """Which agent was less sure than its pack asks for, as nobody took back."""

    @property
    def rejected(self) -> bool:
        """It ended because a person said no, which is no fault."""
        return is_rejected(self.status, self.error.code if self.error is not None else None)

    @property
    def flow_text(self) -> str:
        """Pack and flow, with the level of autonomy where that is not the usual one, for people."""
        usual = self.autonomy_level in {None, AutonomyLevel.SEMI_AUTO}
        return f"{self.pack}/{self.flow}{'' if usual else f' · {self.autonomy_level}'}"


@dataclass(frozen=True, kw_only=True)
class RunView(RunSummary):
    """A run with its input and output (masked)."""

    pack_digest: str
    flow_version: str
    engine_schema: int
    run_seq: int
    input: Any = None
    output: Any = None
    handed_off_from: str | None = None
    """Run that this one took over from."""
    handoff: Any = None
    """What that run told it (docs/flows.md)."""
    folder: str | None = None
    """Folder with inputs, outputs, response document."""
    cancel_requested: str | None = None
    pause_requested: bool = False
    held_by: str | None = None
    """Worker that works the run now."""
    trace_id: str | None = None
    """W3C trace: its starter's, or one of its own."""
    session_id: str | None = None
    """The conversation it belongs to."""


@dataclass(frozen=True, kw_only=True)
class RunFilter:
    """Which runs to list; empty fields match all."""

    status: tuple[RunStatus, ...] = ()
    rejected: bool | None = None
    """Of runs that FAILED only those that a person rejected, or only the others."""
    nested: bool | None = None
    """Only runs that a step of another run started, or only the others."""
    parent: str | None = None
    """Started by a step of this run."""
    pack: str | None = None
    flow: str | None = None
    tenant: str | None = None
    requested_by: str | None = None
    created_after: Timestamp | None = None
    """Younger than this moment."""
    created_before: Timestamp | None = None
    """Older than this moment."""
    ended_after: Timestamp | None = None
    """Ended after this moment."""
    ended_before: Timestamp | None = None
    """Ended before this moment."""
    error: str | None = None
    """Failed with this code."""
    words: str | None = None
    """All of them begin words of title, input, error or output as these are shown (masked): of the first
    1,000 different words of each; of the last two once the run has ended."""
    text: str | None = None
    """Found in pack, flow, requester or status; in a run id when it is the beginning of it, or has 4
    characters with a digit among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFilter:
    """Which requests of a kind to list; empty fields match all."""

    status: RequestStatus | None = None
    run_id: str | None = None
    tenant: str | None = None


class RunSort(StrEnum):
    """Orders of the runs list; runs that are equal in one stand newest first."""

    NEWEST = "newest"
    OLDEST = "oldest"
    STATUS = "status"
    FLOW = "flow"
    REQUESTER = "requester"
