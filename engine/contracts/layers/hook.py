"""A rule that stops an agent: of a pack's guardrails, or of an operator's policies."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from engine.contracts.model import Contract
from engine.safe_text import has_hidden


class HookPoint(StrEnum):
    """Where an agent is looked at, in the order of its work."""

    START = "start"
    BEFORE_MODEL = "before_model"
    AFTER_MODEL = "after_model"
    BEFORE_TOOL = "before_tool"
    AFTER_TOOL = "after_tool"
    COMPLETED = "completed"


def _seen(text: str) -> str:
    """A text of which nothing is seen stands in every other one: its hook would stop everything, unsaid."""
    if not any(one.isprintable() and not one.isspace() and not has_hidden(one) for one in text):
        raise ValueError("a text that is looked for has a character that is seen")
    return text


class Hook(Contract):
    """A rule that stops an agent, or one of its calls, before anything comes of it."""

    id: str = Field(min_length=1, max_length=80, pattern=r"^[a-z0-9][a-z0-9_-]*$", description="Its name.")
    at: HookPoint = Field(description="Where it looks.")
    tool: str | None = Field(
        default=None, max_length=120, description="Only at this tool; `*` stands for any characters."
    )
    contains: tuple[Annotated[str, AfterValidator(_seen), Field(min_length=1)], ...] = Field(
        default=(),
        max_length=100,
        description="Only where one of these texts stands; case and width make no difference.",
    )
    reason: str = Field(min_length=1, max_length=500, description="Why, for people and for the model.")
    ends: bool = Field(
        default=False, description="`before_tool`: the agent ends, instead of being told the reason."
    )
