"""A plan as its author asks for it, and the steps that are written while it is made, shown and worked.

It works in turns, one branch each: a model proposes a plan, a person decides on it, its calls are made in
their order. A turn whose plan does not fit or was rejected brings another turn instead of calls.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar, Literal

from pydantic import Field

from engine.contracts.flows.agent_step import CALL, MAX_IMAGES, MODEL, MODEL_RETRY, ModelStep
from engine.contracts.flows.step import RetryPolicy, Seconds, Step, StepFields
from engine.contracts.flows.tool_step import ToolStep
from engine.contracts.runs.plan import MAX_PLANNED
from engine.contracts.status import RequestKind, Risk

MAX_REPLANS = 10
REVIEW, STEPS = "review", "steps"
"""Ids of the steps inside: `<plan>/<turn>/model`, `.../review`, `.../steps/<number>/call`."""


class ReviewStep(StepFields):
    """Parks the run until a person approves the plan of this turn, or rejects it."""

    asks = RequestKind.APPROVAL

    type: Literal["plan_review"]


class PlannedCallStep(ToolStep):
    """A call of an approved plan: which tool, and with what, is known when it starts."""

    chosen = True

    @property
    def target(self) -> str | None:
        """Nobody knows yet."""
        return None


class PlanStepsStep(StepFields):
    """The calls of an approved plan, one after another."""

    composite = True

    type: Literal["plan_steps"]
    lists_of: tuple[tuple[Step, ...], ...]

    @property
    def lists(self) -> tuple[tuple[Step, ...], ...]:
        """The one list that every call is."""
        return self.lists_of

    def list_of(self, branch: int) -> tuple[Step, ...]:
        """The same for every call."""
        return self.lists_of[0]

    def joined(self, given: Any, outputs: list[tuple[int, Any]]) -> Any:
        """The turn: what was proposed and said of it, and what came of the calls."""
        return {"turn": given, "results": {"$list": [output for _, output in outputs]}}


class PlanProposalStep(StepFields):
    """A model proposes calls of tools, a person approves, edits or rejects them, then they are made."""

    composite = True
    templates: ClassVar[tuple[str, ...]] = ("instructions", "prompt", "context", "images", "script")
    templates_of_turns: ClassVar[tuple[str, ...]] = ("context",)

    type: Literal["plan_proposal"]
    instructions: str = Field(
        min_length=1,
        max_length=20_000,
        description="What the plan is for; the pack's role and soul come first.",
    )
    prompt: str = Field(min_length=1, max_length=200_000, description="What it is asked to plan.")
    context: str | None = Field(
        default=None,
        max_length=20_000,
        description="What it is told in one question alone, rendered anew for each; it knows `turn`.",
    )
    images: tuple[str, ...] = Field(
        default=(),
        max_length=MAX_IMAGES,
        description="Images that it is asked about: templates that give images which steps brought.",
    )
    tools: tuple[str, ...] | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="Tools that the plan may name; default those that the pack's tools layer offers.",
    )
    model: str | None = Field(
        default=None,
        min_length=1,
        max_length=60,
        description="A model or a tier of the settings, or a purpose.",
    )
    max_steps: int = Field(default=10, ge=1, le=MAX_PLANNED, description="How many steps a plan may have.")
    max_replans: int = Field(
        default=3,
        ge=0,
        le=MAX_REPLANS,
        description="How often a rejection brings another plan; one more ends the step.",
    )
    risk: Risk = Field(default=Risk.MEDIUM, description="Least risk of the approval.")
    expires_after: Seconds | None = Field(
        default=None, description="Seconds in which a plan is decided on; then the step has failed."
    )
    max_tokens: int | None = Field(default=None, ge=1, description="Bound of each answer.")
    temperature: float | None = Field(default=None, ge=0.0, le=2.0)
    script: tuple[dict[str, Any] | str, ...] = Field(
        default=(), max_length=50, description="Plans that the scripted model proposes, turn by turn."
    )
    retry: RetryPolicy | None = Field(default=None, description="Of each time the model is asked.")

    @cached_property
    def _lists(self) -> tuple[tuple[Step, ...], ...]:
        model = ModelStep.model_construct(type="model", id=MODEL, retry=self.retry or MODEL_RETRY)
        review = ReviewStep.model_construct(
            type="plan_review",
            id=REVIEW,
            name=f"{self.name or self.id}: plan",
            timeout=self.expires_after,
            on_failure="continue",
        )
        call = PlannedCallStep.model_construct(type="tool", id=CALL, tool="")
        steps = PlanStepsStep.model_construct(type="plan_steps", id=STEPS, lists_of=((call,),))
        return ((model, review, steps),)

    @property
    def lists(self) -> tuple[tuple[Step, ...], ...]:
        """What every turn works through."""
        return self._lists

    def list_of(self, branch: int) -> tuple[Step, ...]:
        """The same for every turn."""
        return self._lists[0]

    @property
    def target(self) -> str | None:
        """The model it asks for, where it names one."""
        return self.model

    def joined(self, given: Any, outputs: list[tuple[int, Any]]) -> Any:
        """The last turn: its plan is the one that was worked."""
        return {"$list": [output for _, output in outputs[-1:]]}
