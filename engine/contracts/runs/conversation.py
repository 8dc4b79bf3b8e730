"""A conversation with a model as people read it: what it was told, what it said, what its calls brought."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from engine.contracts.model import Contract
from engine.contracts.runs.listed import RunError
from engine.contracts.status import RunStatus, StepStatus
from engine.contracts.times import Timestamp


class SpokenCall(Contract):
    """A call that the model asked for, and what became of it."""

    step_id: str = Field(description="Path of the call.")
    tool: str
    arguments: str = Field(description="As the model wrote them, masked.")
    status: StepStatus | None = Field(default=None, description="None: it has not begun.")
    decided: str | None = Field(
        default=None,
        description="`APPROVED by ana`, `CHANGED by ana, APPROVED by ben`, where somebody was asked.",
    )
    changed: str | None = Field(
        default=None, description="What a person changed of the arguments before it was made: the diff."
    )
    waits_with: str | None = Field(
        default=None, description="Request id of the form whose answer it waits for, while it is open."
    )
    child_run_id: str | None = Field(default=None, description="The run of the flow that it started.")
    result: Any = None
    error: RunError | None = None


class ToldSkill(Contract):
    """A skill of the pack as the agent was told it."""

    key: str = Field(description="`pack/skill`.")
    name: str
    digest: str = Field(description="sha256 of the text.")
    size: int = Field(description="Bytes.")
    text: str


class Handover(Contract):
    """That another agent handed the conversation over, and with which message."""

    by: str = Field(description="The step that handed over.")
    message: str


class ToldContext(Contract):
    """What the model was told in one question alone, or its tools were given."""

    by: str = Field(description="Who said it; empty: the flow.")
    text: str = Field(description="Empty where only data was given to tools.")
    data: dict[str, Any] = Field(
        default_factory=dict, description="What the pack's own tools were given in the calls of this turn."
    )


class SpokenTurn(Contract):
    """One time that the model was asked."""

    step_id: str = Field(description="Path of the model's step.")
    said: str = Field(default="", description="What a person said before it, where one did.")
    said_by: str = ""
    said_images: tuple[str, ...] = Field(
        default=(), description="Images that came with it, as `[image 640x480 png]`."
    )
    said_skills: tuple[ToldSkill, ...] = Field(
        default=(), description="Skills of the pack that it named, as its model was told them."
    )
    unseen: int = Field(default=0, description="How many of these its model was told of in words only.")
    context: tuple[ToldContext, ...] = Field(
        default=(), description="What was said in this turn alone; later ones do not have it."
    )
    status: StepStatus
    attempt: int = 1
    retry_at: Timestamp | None = Field(default=None, description="Nothing is asked before: its try failed.")
    text: str = ""
    cut_off: bool = Field(default=False, description="The bound of its tokens was used up before its end.")
    provider: str = Field(default="", description="`scripted`: what is written down, no model was asked.")
    model: str = ""
    input_tokens: int | None = Field(default=0, description="None: an agent of another program told none.")
    output_tokens: int | None = 0
    estimated: bool = Field(default=False, description="The server told no numbers of tokens.")
    cost: int = Field(default=0, description="Billionths of a dollar, failed tries included.")
    unpriced: int = Field(default=0, description="Calls of unknown cost, which are not in it.")
    found: tuple[str, ...] = Field(default=(), description="Deferred tools that it was told of in this turn.")
    hidden: tuple[str, ...] = Field(
        default=(), description="Tools of its own that a person had hidden in this turn."
    )
    calls: tuple[SpokenCall, ...] = Field(default=(), description="None where only turns were asked for.")
    call_count: int = Field(default=0, description="How many it wanted, whether they are told here or not.")
    asks: str | None = Field(default=None, description="Path of the first call that waits for a person.")
    error: RunError | None = None


class Conversation(Contract):
    """What an agent was told and said, masked. All texts are data from outside."""

    run_id: str
    step_id: str = Field(description="Path of the agent.")
    name: str
    status: StepStatus
    run_status: RunStatus = Field(description="Of its run: of one that is paused no agent goes on.")
    instructions: str = ""
    prompt: str = ""
    tools: tuple[str, ...] = ()
    skills: tuple[ToldSkill, ...] = ()
    received: Handover | None = None
    images: tuple[str, ...] = Field(
        default=(), description="Those that it is asked about, as `[image 640x480 png]`."
    )
    handed_over_to: str | None = Field(default=None, description="The agent that goes on in its place.")
    turns: tuple[SpokenTurn, ...] = Field(default=(), description="Those that were asked for.")
    first: int = Field(default=0, description="How many turns there are before them.")
    turn_count: int = Field(default=0, description="How many there are in all.")
    waits_with: str | None = Field(
        default=None,
        description="Request id of the form that takes a person's next message, while it is open.",
    )
    message_schema: dict[str, Any] = Field(
        default_factory=dict, description="JSON Schema of that message; empty while no form is open."
    )
    error: RunError | None = None
