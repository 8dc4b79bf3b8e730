"""Approvals and forms: what a run asks a person."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field, model_validator

from engine.contracts.model import Contract
from engine.contracts.runs.plan import PLAN, ShownStep
from engine.contracts.runs.preview import Preview
from engine.contracts.status import OutcomeDecision, RequestStatus, Risk
from engine.contracts.times import Timestamp

TOLD = "told"
"""Key of what stands beside the answer, in the body of a form that a call opened."""


class GatedAction(Contract):
    """What exactly will happen after an approval: the gated step with its frozen parameters."""

    step: str = Field(description="The gated step as its flow calls it.")
    kind: str = Field(description="Step type of the gated step.")
    target: str | None = Field(default=None, description="Tool or subflow name.")
    params: Any = None


class RequestView(Contract):
    """What every request says of itself: whose it is, how it stands, since when it waits."""

    run_id: str
    step_id: str
    pack: str
    pack_version: str
    flow: str
    tenant: str
    subject: str | None = Field(default=None, description="What the run is about.")
    status: RequestStatus
    requested_by: str
    requested_at: Timestamp
    expires_at: Timestamp | None = Field(
        default=None, description="From then on a decision is refused: the earliest of all limits."
    )
    expires_with: str | None = Field(
        default=None,
        description="Whose limit that is, where it is not the request's own: a step around it, or a run.",
    )


class ApprovalView(RequestView):
    """One approval; `digest` binds a decision to exactly what was shown."""

    approval_id: str
    risk: Risk
    title: str
    message: str
    action: GatedAction | None = Field(
        default=None, description="None: nothing is bound, it is an acknowledgement."
    )
    preview: Preview | None = Field(
        default=None, description="What the call would do, looked at when it was asked; the digest covers it."
    )
    origin: Literal["flow", "policy"] = Field(
        default="flow", description="`policy`: no step asks; the tools layer or the guardrails do."
    )
    intent: str = ""
    form: dict[str, Any] = Field(default_factory=dict, description="What the flow shows beside the message.")
    context: dict[str, Any] = Field(default_factory=dict, description="`params` of the step, rendered.")
    autonomy_level: str | None = Field(default=None, description="How much the flow may do by itself.")
    digest: str
    decision: str | None = None
    decided_by: str | None = None
    decided_at: Timestamp | None = None
    comment: str | None = None
    changeable: bool = Field(
        default=False,
        description="A call that a model chose: who decides may change it, and it asks again as it is then.",
    )
    changes: str | None = Field(
        default=None,
        description="Of a plan, or a call, that who decided changed: the diff. Read with one approval.",
    )
    claimed_by: str | None = Field(default=None, description="Who is looking at it; advice, not a lock.")
    claimed_until: Timestamp | None = None
    pack_digest: str = Field(default="", description="The pack content that the run is pinned to.")
    recoveries: int = Field(default=0, description="How often the run was taken over from a lost worker.")

    @property
    def planned(self) -> tuple[ShownStep, ...]:
        """The steps of the plan that it is about; none when it is about anything else."""
        if self.action is None or self.action.kind != PLAN:
            return ()
        return tuple(ShownStep.model_validate(one) for one in self.action.params["steps"])

    @property
    def changeable_steps(self) -> tuple[ShownStep, ...]:
        """What who decides may change: the steps of a plan, or the one call that a model chose."""
        action = self.action
        if not self.changeable or action is None:
            return self.planned
        step = ShownStep.model_construct(
            step_id=action.step,
            tool=action.target or "",
            description="",
            params=action.params,
            risk=self.risk,
            asks_again=None,
        )
        return (step,)


class OutcomeView(RequestView):
    """A call that was interrupted: nobody knows whether it had its effect, and a person has to say."""

    request_id: str
    action: GatedAction = Field(description="The call as it was made.")
    gated: bool = Field(description="It had been approved; that approval is used up.")
    lost: bool = Field(description="Its worker died; else the worker gave the run back in the middle of it.")
    attempt: int
    recoveries: int = Field(description="How often a worker was lost during this step.")
    idempotency_key: str = Field(description="What the tool was handed to recognize a second call by.")
    started_at: Timestamp | None = None
    decision: OutcomeDecision | None = None
    decided_by: str | None = None
    decided_at: Timestamp | None = None
    comment: str | None = None


class DecisionView(Contract):
    """The outcome of approve or reject."""

    approval_id: str
    run_id: str
    decision: str
    decided_by: str
    decided_at: Timestamp


class UserInputRequest(Contract):
    """What a user_input step asks for. `schema` keeps its wire name; the attribute is `json_schema`."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    schema_version: str = "1.0"
    form_id: str = Field(min_length=1, max_length=200)
    prompt: str = ""
    title: str | None = None
    input_type: Literal["text", "select", "number", "boolean"] | None = None
    mode: Literal["choice_input", "free_text_input"] = "choice_input"
    description: str | None = None
    json_schema: dict[str, Any] = Field(
        default_factory=dict, validation_alias="schema", serialization_alias="schema"
    )
    defaults: dict[str, Any] = Field(default_factory=dict)
    options: dict[str, Any] | None = None
    required: tuple[str, ...] = ()
    choices: tuple[dict[str, Any], ...] | None = None
    constraints: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _title_stands_in_for_prompt(cls, data: Any) -> Any:
        if isinstance(data, dict) and not data.get("prompt"):
            if not data.get("title"):
                raise ValueError("prompt (or title) is required")
            return {**data, "prompt": str(data["title"])}  # a title that is no text is one fault, not two
        return data


class FormView(RequestView):
    """One form a run waits for. `schema` is the full JSON Schema the answer is checked against."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    request_id: str
    form_id: str
    title: str
    prompt: str
    description: str | None = None
    note: str | None = Field(default=None, description="What became since of what it asks about.")
    json_schema: dict[str, Any] = Field(validation_alias="schema", serialization_alias="schema")
    defaults: dict[str, Any] = Field(default_factory=dict)
    autonomy_level: str | None = None
    mode: str | None = None
    answered_by: str | None = None
    answered_at: Timestamp | None = None


class AnswerToken(Contract):
    """What answers one form once, from outside. It is told this once, and kept nowhere."""

    request_id: str
    run_id: str
    token: str
    expires_at: Timestamp


class AnswerView(Contract):
    """The outcome of submitting a form."""

    request_id: str
    run_id: str
    form_id: str
    answered_by: str
    answered_at: Timestamp


class FieldError(Contract):
    """One fault of one field: where (JSON pointer-like path, `""` for the whole) and what."""

    field: str
    message: str
