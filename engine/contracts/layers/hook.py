"""A rule that stops an agent: of a pack's guardrails, or of an operator's policies."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from engine.contracts.model import Contract


class HookPoint(StrEnum):
    """Where an agent is looked at, in the order of its work."""

    START = "start"
    BEFORE_MODEL = "before_model"
    AFTER_MODEL = "after_model"
    BEFORE_TOOL = "before_tool"
    AFTER_TOOL = "after_tool"
    COMPLETED = "completed"


class Hook(Contract):
    """A rule that stops an agent, or one of its calls, before anything comes of it."""

    id: str = Field(min_length=1, max_length=80, pattern=r"^[a-z0-9][a-z0-9_-]*$", description="Its name.")
    at: HookPoint = Field(description="Where it looks.")
    tool: str | None = Field(
        default=None, max_length=120, description="Only at this tool; `*` stands for any characters."
    )
    contains: tuple[str, ...] = Field(
        default=(),
        max_length=100,
        description="Only where one of these texts stands; case and width make no difference.",
    )
    reason: str = Field(min_length=1, max_length=500, description="Why, for people and for the model.")
    ends: bool = Field(
        default=False, description="`before_tool`: the agent ends, instead of being told the reason."
    )
