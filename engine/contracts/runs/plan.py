"""Plans as data: what a model proposes, and what a person makes of it before it is approved."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, Field

from engine.contracts.model import Contract
from engine.contracts.status import Risk

PLAN = "plan_proposal"
"""Kind of the action that an approval of a plan shows."""
MAX_PLANNED = 50
"""Steps of one plan at the most."""
OUTPUT_KEY = "$output"
"""A parameter `{"$output": "read.text"}` is the output of an earlier step of the plan, or a part of it."""

PlannedId = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]


class PlannedStep(Contract):
    """One call that a plan wants made."""

    step_id: PlannedId
    description: str = Field(default="", max_length=2_000, description="Why, in words for a person.")
    step_type: Literal["tool"] = "tool"
    tool: str = Field(min_length=1, max_length=120)
    params: dict[str, Any] = Field(
        default_factory=dict,
        description='Of the call; `{"$output": "step.part"}` is what an earlier step brought.',
    )
    requires_approval: bool = Field(
        default=False, description="A person shall see this call once more, just before it is made."
    )


class PlannedApproval(Contract):
    """Why a person shall see a step once more, just before it runs."""

    step_id: PlannedId
    reason: str = Field(default="", max_length=2_000)


class EstimatedCost(Contract):
    """What the model thinks that its plan costs."""

    currency: Literal["USD"] = "USD"
    amount: Decimal = Field(default=Decimal(0), ge=0, max_digits=12, decimal_places=6)
    tokens: int | None = Field(default=None, ge=0, le=10**12)
    details: dict[str, Any] = Field(default_factory=dict, max_length=20)


class PlanProposal(Contract):
    """What a model proposes; an unknown field is refused."""

    schema_version: Literal["1.0"] = "1.0"
    summary: str = Field(min_length=1, max_length=4_000)
    steps: tuple[PlannedStep, ...] = Field(min_length=1, max_length=MAX_PLANNED)
    required_tools: tuple[str, ...] = Field(default=(), max_length=100)
    approvals: tuple[PlannedApproval, ...] = Field(default=(), max_length=MAX_PLANNED)
    estimated_cost: EstimatedCost | None = Field(default=None, description="Left out: unknown.")
    start_index: int | None = Field(
        default=None, ge=0, description="As `start_at`, by its number in the list of steps, from 0."
    )
    start_at: PlannedId | None = Field(
        default=None,
        validation_alias=AliasChoices("start_at", "start_step_id", "start_from", "start_step"),
        description="Id of a step of the flow behind this plan, which goes on there; left out: the next one.",
    )

    @property
    def starts(self) -> bool:
        """Whether it says where the flow goes on."""
        return self.start_index is not None or self.start_at is not None


class ShownStep(Contract):
    """One step of a plan as its approval shows it."""

    step_id: str
    tool: str
    description: str = ""
    params: dict[str, Any]
    risk: Risk
    asks_again: str | None = Field(description="Why a person sees the call once more before it is made.")


class PlanEdit(Contract):
    """One step that stays in a plan; without `params` with those that it has."""

    step_id: PlannedId
    params: dict[str, Any] | None = None


class PlanEdits(Contract):
    """A plan as a person wants it: the steps that stay, in their order. Nothing can be added."""

    steps: tuple[PlanEdit, ...] = Field(min_length=1, max_length=MAX_PLANNED)
