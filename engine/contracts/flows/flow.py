"""Flow files: one frozen model per step type."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Literal

from pydantic import ConfigDict, Field

from engine.contracts.flows.agent_step import AgentStep
from engine.contracts.flows.plan_step import PlanProposalStep
from engine.contracts.flows.step import (
    STEP_TYPES,
    BranchNeeds,
    RetryPolicy,
    RunIf,
    Seconds,
    Step,
    StepFields,
    StepId,
)
from engine.contracts.flows.tool_step import ToolStep
from engine.contracts.flows.trigger import MAX_TRIGGERS, Trigger
from engine.contracts.model import Contract
from engine.contracts.status import AutonomyLevel, RequestKind, Risk

GATES_NOTHING = "none"
FINALLY = "finally"
"""Id of the step that holds what runs however the run ends."""
FINALLY_SECONDS = 3600
"""How long that may take."""


class ApprovalStep(StepFields):
    """Parks the run until an operator approves or rejects; freezes the gated step's parameters."""

    asks = RequestKind.APPROVAL
    templates = ("message", "title", "form", "params")

    type: Literal["human_approval"]
    message: str = Field(min_length=1, max_length=20_000)
    title: str | None = Field(default=None, max_length=500)
    form: dict[str, Any] = Field(default_factory=dict)
    risk: Risk = Risk.MEDIUM
    gates: str | None = Field(
        default=None,
        description="Id of the step it gates; default the next one. `none` binds nothing.",
    )
    params: dict[str, Any] = Field(default_factory=dict)

    def gated_id(self, following: str | None) -> str | None:
        """What it names, else the step after it; nothing for an acknowledgement."""
        return None if self.gates == GATES_NOTHING else self.gates or following


class UserInputStep(StepFields):
    """Parks the run until a valid form response; params is a UserInputRequest."""

    asks = RequestKind.FORM
    templates = ("params",)

    type: Literal["user_input"]
    params: dict[str, Any]

    @property
    def target(self) -> str | None:
        """The form's id, where it is written out."""
        form = self.params.get("form_id")
        return form if isinstance(form, str) else None


class SubflowStep(StepFields):
    """Runs another flow as a child run and returns its output."""

    composite = True
    starts_run = True
    templates = ("params",)

    type: Literal["subflow"]
    subflow: str = Field(min_length=1, max_length=200, description="`pack/flow` or `flow` of the same pack.")
    params: dict[str, Any] = Field(default_factory=dict)
    retry: RetryPolicy | None = None

    @property
    def target(self) -> str | None:
        """The flow."""
        return self.subflow

    @property
    def retry_policy(self) -> RetryPolicy | None:
        """As its author wrote it."""
        return self.retry


class ParallelStep(StepFields):
    """Runs lists of steps side by side."""

    composite = True
    shows_steps = True

    type: Literal["parallel"]
    branches: tuple[tuple[Step, ...], ...] = Field(min_length=1, max_length=100)
    join: Literal["all", "any"] = "all"
    max_concurrent: int = Field(default=16, ge=1, le=100)

    @property
    def lists(self) -> tuple[tuple[Step, ...], ...]:
        """Its branches."""
        return self.branches

    @property
    def branches_at_once(self) -> int:
        """As its author wrote it."""
        return self.max_concurrent

    @property
    def joining(self) -> Literal["all", "any"] | None:
        """As its author wrote it."""
        return self.join


class ForEachStep(StepFields):
    """Runs the same steps once per item."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    composite = True
    templates = ("items",)

    type: Literal["for_each"]
    items: str | list[Any]
    as_: str = Field(
        default="item", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", validation_alias="as", serialization_alias="as"
    )
    steps: tuple[Step, ...] = Field(min_length=1)
    max_concurrent: int = Field(default=4, ge=1, le=100)

    @property
    def target(self) -> str | None:
        """Its items, in short."""
        return self.items if isinstance(self.items, str) else f"{len(self.items)} items"

    @property
    def lists(self) -> tuple[tuple[Step, ...], ...]:
        """The one list that every item works through."""
        return (self.steps,)

    def list_of(self, branch: int) -> tuple[Step, ...]:
        """The same for every item."""
        return self.steps

    @property
    def item_name(self) -> str | None:
        """As its author wrote it."""
        return self.as_

    @property
    def branches_at_once(self) -> int:
        """As its author wrote it."""
        return self.max_concurrent


class GraphStep(StepFields):
    """Runs its steps side by side, each once what it needs has ended."""

    composite = True
    shows_steps = True
    by_needs = True

    type: Literal["graph"]
    steps: tuple[Step, ...] = Field(min_length=1, max_length=100)
    max_concurrent: int = Field(default=4, ge=1, le=100)

    @cached_property
    def _lists(self) -> tuple[tuple[Step, ...], ...]:
        return tuple((step,) for step in self.steps)

    @cached_property
    def _needs(self) -> tuple[BranchNeeds, ...]:
        place = {step.id: index for index, step in enumerate(self.steps)}
        return tuple(
            BranchNeeds(tuple(place[name] for name in step.needs), step.run_if or RunIf.SUCCESS)
            for step in self.steps
        )

    @property
    def lists(self) -> tuple[tuple[Step, ...], ...]:
        """A list of one for each step."""
        return self._lists

    @property
    def branches_at_once(self) -> int:
        """As its author wrote it."""
        return self.max_concurrent

    @property
    def branch_needs(self) -> tuple[BranchNeeds, ...] | None:
        """As its author wrote it, by index."""
        return self._needs

    def joined(self, given: Any, outputs: list[tuple[int, Any]]) -> Any:
        """The outputs by step."""
        return {self._lists[number][0].id: output for number, output in outputs}


class WaitStep(StepFields):
    """Parks the run for a time, or until a moment; exactly one of the two is named."""

    templates = ("duration", "until")

    type: Literal["wait"]
    duration: float | str | None = Field(
        default=None,
        union_mode="left_to_right",
        description="Seconds, a text such as `30m`, `2d` or `1h30m`, or a template that gives either.",
    )
    until: str | None = Field(
        default=None, description="A moment with its offset (RFC 3339), or a template that gives one."
    )

    @property
    def target(self) -> str | None:
        """For how long, or until when."""
        return f"until {self.until}" if self.until is not None else f"for {self.duration}"


class FlowDef(Contract):
    """A flow as its author wrote it, checked and normalized."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    id: str = Field(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    title: str | None = Field(
        default=None,
        min_length=1,
        max_length=2_000,
        description="Template over `payload`, `run` and `handoff`: what a run of it is about, in every list.",
    )
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
    finally_: tuple[Step, ...] = Field(
        default=(),
        validation_alias="finally",
        serialization_alias="finally",
        description="Steps that run however the run ends; they know `ending`.",
    )
    triggers: tuple[Trigger, ...] = Field(
        default=(), max_length=MAX_TRIGGERS, description="What starts runs of it without a person."
    )
    metadata: dict[str, Any] = Field(default_factory=dict)

    @property
    def outermost(self) -> tuple[Step, ...]:
        """Its outermost steps, with those that run however it ends."""
        return (*self.steps, *self.finally_)


STEP_TYPES.read_by(FlowDef)
for _type in (
    *(ToolStep, ApprovalStep, UserInputStep, SubflowStep),
    *(ParallelStep, ForEachStep, GraphStep, WaitStep, AgentStep, PlanProposalStep),
):
    STEP_TYPES.add(_type)
