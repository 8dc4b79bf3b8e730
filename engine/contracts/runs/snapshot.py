"""What the agents of a run stand at, for whoever has to find out why: bounded, and without what was said."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from engine.contracts.model import Contract
from engine.contracts.runs.listed import RunError, WaitingFor
from engine.contracts.status import CancelMode, RequestKind, RunStatus, StepStatus
from engine.contracts.times import Timestamp

SNAPSHOT_VERSION = 1


class AgentPhase(StrEnum):
    """What an agent is at."""

    ASKING = "asking"
    """Its model is asked, or is to be asked."""
    WAITING_TO_ASK = "waiting_to_ask"
    """It is asked again later."""
    CALLING = "calling"
    MESSAGE = "waiting_for_message"
    DECISION = "waiting_for_decision"
    """A person decides on a plan."""
    BETWEEN = "between_turns"
    PROGRAM = "program"
    """Another program is the agent."""
    ENDED = "ended"


class TerminalCause(StrEnum):
    """Why an agent has ended."""

    COMPLETED = "completed"
    TURN_LIMIT = "turn_limit"
    TIME_BUDGET = "time_budget"
    TOKEN_BUDGET = "token_budget"  # noqa: S105 - a word
    """The next question might have passed the ceiling of tokens of the run."""
    COST_BUDGET = "cost_budget"
    """The next question might have passed a hard cap."""
    CANCELLED = "cancelled"
    MODEL_ERROR = "model_error"
    CONTRACT_VIOLATION = "contract_violation"
    DENIED = "denied"
    LOOP_DETECTED = "loop_detected"
    FAILED = "failed"
    """None of these; `error` says which."""


class ToolBound(Contract):
    """Which tools a person leaves to models: `only` these, `without` those; `*` in them any characters."""

    only: tuple[str, ...] | None = None
    without: tuple[str, ...] = ()


class UsedLimit(Contract):
    """A ceiling, and what is used of it."""

    name: str = Field(description="The setting or field that it is.")
    limit: int
    used: int


class AgentTools(Contract):
    """The tools of an agent as its next question to a model would have them."""

    own: tuple[str, ...] = Field(description="Those that it is told of, if nothing hides them.")
    deferred: int = Field(default=0, description="So many more it may find.")
    found: tuple[str, ...] = Field(default=(), description="Those that it has found.")
    hidden: tuple[str, ...] = Field(default=(), description="Those that people have hidden.")
    blind: tuple[str, ...] = Field(
        default=(), description="Those that its model was not offered last: it is shown no images."
    )


class LeftOutSkill(Contract):
    """A skill that the agent is not told."""

    key: str
    reason: str = Field(description="`not_found`, `tool_not_visible` or `too_large`.")
    tool: str | None = Field(default=None, description="The one that the agent lacks.")


class AgentSkills(Contract):
    """The skills of its pack, as it is told them."""

    told: tuple[str, ...] = Field(default=(), description="With their text, 100 at most.")
    listed: int | None = Field(default=None, description="By name and trigger; null: nobody knows.")
    left_out: tuple[LeftOutSkill, ...] = Field(
        default=(), description="Named, or of its pack, and not told; 100 at most."
    )
    fault: str | None = Field(default=None, description="Why what its pack has cannot be told.")


class AskedModel(Contract):
    """Which model answered last, and how the question stands that is put now."""

    provider: str = ""
    model: str = ""
    attempt: int = 1
    max_attempts: int | None = Field(
        default=None, description="The last attempt that there may be; None: its flow cannot be read."
    )
    retry_at: Timestamp | None = None


class MadeCall(Contract):
    """A call of the newest turns; its arguments and what it brought stand in the conversation."""

    step_id: str
    tool: str
    status: StepStatus | None = Field(default=None, description="None: it has not begun.")
    attempt: int = 1
    code: str | None = Field(default=None, description="Why it failed, where it did.")


class PendingRequest(Contract):
    """What a person is asked."""

    request_id: str
    kind: RequestKind
    step_id: str


class AgentSnapshot(Contract):
    """An agent or a plan of the run."""

    step_id: str
    type: str
    status: StepStatus
    phase: AgentPhase
    terminal_cause: TerminalCause | None = Field(default=None, description="None: it has not ended.")
    error: RunError | None = None
    turn: int = Field(default=0, description="The newest one, from 1; 0: it has none.")
    max_turns: int | None = Field(default=None, description="Of a conversation for one answer.")
    unfit_answers: int = Field(default=0, description="Answers in a row that did not fit its `output`.")
    max_unfit_answers: int = 0
    tools: AgentTools
    skills: AgentSkills | None = Field(description="Null: another program is the agent, which is told none.")
    model: AskedModel
    last_calls: tuple[MadeCall, ...] = Field(default=(), description="The newest last, ten at most.")
    calls_pending: int = Field(
        default=0, description="Calls of its newest turn that have not ended; of a plan the one under way."
    )
    child_run_ids: tuple[str, ...] = Field(default=(), description="Runs of flows that wait for their end.")


class RunSnapshot(Contract):
    """The document of `vasini show RUN --snapshot`."""

    schema_version: int = SNAPSHOT_VERSION
    run_id: str
    pack: str
    flow: str
    tenant: str
    parent_run_id: str | None = Field(default=None, description="The run whose step started it.")
    depth: int = Field(default=0, description="So many runs stand above it; 8 at most.")
    status: RunStatus
    run_seq: int = Field(description="The event after which it stands so.")
    held_by: str | None = Field(description="The worker that has it; a dead one until its lease is over.")
    pause_requested: bool
    cancel: CancelMode | None = Field(description="`boundary`: what is under way ends first.")
    waiting_for: WaitingFor | None = None
    error: RunError | None = None
    steps_executed: int
    tool_calls: int
    tokens_used: int
    cost: int = Field(description="Billionths of a US dollar.")
    unpriced_calls: int
    limits: tuple[UsedLimit, ...] = Field(description="Used: by this run and all that hang together with it.")
    narrowed: ToolBound | None = Field(description="What people hide from the next turn on.")
    narrowed_once: ToolBound | None = Field(description="What they hide in the next turn alone.")
    messages_waiting: int = Field(description="What people said for the next turn alone, and nobody heard.")
    requests: tuple[PendingRequest, ...] = Field(description="The oldest first, 100 at most.")
    agents: tuple[AgentSnapshot, ...] = Field(description="The newest last, 20 at most.")
    agents_before: int = Field(default=0, description="So many others began before these.")
