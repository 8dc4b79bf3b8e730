"""Flow files: one frozen model per step type (design: flows-and-runs, Flow file).

Durations are seconds. Templates are kept as text here and compiled by `engine.templates`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, ConfigDict, Field

from engine.contracts.model import Contract
from engine.contracts.status import Risk

StepId = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Seconds = Annotated[float, Field(gt=0, le=31_536_000)]


class AutonomyLevel(StrEnum):
    """How much a flow may do by itself."""

    SUGGEST_ONLY = "suggest_only"
    SEMI_AUTO = "semi_auto"
    FULL_AUTO = "full_auto"


class Backoff(StrEnum):
    """How waits between attempts grow."""

    FIXED = "fixed"
    EXPONENTIAL = "exponential"


class RetryPolicy(Contract):
    """Attempts of one step; an empty `retry_on_codes` retries any code."""

    max_attempts: int = Field(default=1, ge=1, le=10)
    backoff_seconds: float = Field(default=0.0, ge=0.0, le=60.0)
    backoff: Backoff = Backoff.FIXED
    max_backoff_seconds: float = Field(default=60.0, ge=0.0, le=3600.0)
    retry_on_codes: tuple[str, ...] = Field(
        default=(), validation_alias=AliasChoices("retry_on_codes", "retry_on")
    )


class StepFields(Contract):
    """Fields every step type has."""

    id: StepId
    name: str | None = Field(default=None, max_length=200)
    when: str | bool | None = Field(default=None, description="Expression; false skips the step.")
    timeout: Seconds | None = None
    on_success: str | None = Field(default=None, description="Step id, `fail`, `continue` or `done`.")
    on_failure: str | None = Field(default=None, description="Step id, `fail`, `continue` or `done`.")
    max_visits: int | None = Field(default=None, ge=1, le=100, description="Needed to be jumped back to.")


class ToolStep(StepFields):
    """Calls a tool through the executor."""

    type: Literal["tool"]
    tool: str = Field(min_length=1, max_length=120)
    params: dict[str, Any] = Field(default_factory=dict)
    retry: RetryPolicy | None = None
    backend: Literal["local", "remote", "mcp"] | None = None


class ApprovalStep(StepFields):
    """Parks the run until an operator approves or rejects; freezes the gated step's parameters."""

    type: Literal["human_approval"]
    message: str = Field(min_length=1, max_length=20_000)
    title: str | None = Field(default=None, max_length=500)
    form: dict[str, Any] = Field(default_factory=dict)
    risk: Risk = Risk.MEDIUM
    gates: str | None = Field(default=None, description="Gated step id; default the next step.")
    params: dict[str, Any] = Field(default_factory=dict)


class UserInputStep(StepFields):
    """Parks the run until a valid form response; params is a UserInputRequest."""

    type: Literal["user_input"]
    params: dict[str, Any]


class SubflowStep(StepFields):
    """Runs another flow as a child run and returns its output."""

    type: Literal["subflow"]
    subflow: str = Field(min_length=1, max_length=200, description="`pack/flow` or `flow` of the same pack.")
    params: dict[str, Any] = Field(default_factory=dict)
    retry: RetryPolicy | None = None


class ParallelStep(StepFields):
    """Runs lists of steps side by side."""

    type: Literal["parallel"]
    branches: tuple[tuple[Step, ...], ...] = Field(min_length=1, max_length=100)
    join: Literal["all", "any"] = "all"
    max_concurrent: int = Field(default=16, ge=1, le=100)


class ForEachStep(StepFields):
    """Runs the same steps once per item."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    type: Literal["for_each"]
    items: str | list[Any]
    as_: str = Field(
        default="item", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", validation_alias="as", serialization_alias="as"
    )
    steps: tuple[Step, ...] = Field(min_length=1)
    max_concurrent: int = Field(default=4, ge=1, le=100)


Step = Annotated[
    ToolStep | ApprovalStep | UserInputStep | SubflowStep | ParallelStep | ForEachStep,
    Field(discriminator="type"),
]


class FlowDef(Contract):
    """A flow as its author wrote it, checked and normalized."""

    id: str = Field(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    description: str | None = None
    version: str = Field(default="v1", max_length=80)
    autonomy_level: AutonomyLevel = AutonomyLevel.SEMI_AUTO
    input: dict[str, Any] = Field(default_factory=dict, description="JSON Schema of the start payload.")
    concurrency: int | None = Field(default=None, ge=1, le=10_000)
    max_duration: Seconds | None = None
    escalation: StepId | None = Field(
        default=None,
        description="Approval of the outermost list that is gone to when a step or the time fails the run.",
    )
    steps: tuple[Step, ...] = Field(min_length=1)
    metadata: dict[str, Any] = Field(default_factory=dict)


ParallelStep.model_rebuild()
ForEachStep.model_rebuild()
FlowDef.model_rebuild()
