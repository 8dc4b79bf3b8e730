"""Tools as data: what one is, what a call returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field, model_validator

from engine.contracts.model import Contract
from engine.contracts.runs.request import UserInputRequest
from engine.contracts.sandbox_level import SandboxLevel, SandboxWish
from engine.contracts.status import Effects, Risk, StepErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable


class ToolSpec(Contract):
    """A tool the registry knows: its name, words for a person, and the schema of its parameters."""

    name: str = Field(min_length=1, max_length=120, pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$")
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=lambda: {"type": "object"})
    output: dict[str, str] = Field(
        default_factory=dict, description="What a call brings, in words by key; of built-in tools."
    )
    backend: str = Field(default="local", pattern=r"^[a-z][a-z0-9_]*$", description="Name of what runs it.")
    risk: Risk = Risk.LOW
    effects: Effects = Field(default=Effects.LOCAL, description="What a call leaves behind.")
    idempotent: bool = Field(
        default=False, description="A call that is made again with the same key has its effect once."
    )
    asks: bool = Field(default=False, description="A person approves each call, whatever else holds.")
    for_images: bool = Field(
        default=False, description="It only shows images: models that are shown none are not offered it."
    )
    sandbox: SandboxWish = Field(default="process", description="The level it wants for its calls.")


class ToolError(Contract):
    """A failed call as data."""

    code: StepErrorCode
    message: str
    recoverable: bool | None = Field(
        default=None, description="false: another try would fail the same way; null: the tool does not say."
    )
    details: dict[str, Any] = Field(default_factory=dict)


class ToolMeta(Contract):
    """How a call went."""

    tool: str
    backend: str
    sandbox: SandboxLevel = "policy"
    latency_ms: float = 0.0
    cost: float | None = None

    def recorded(self) -> dict[str, Any]:
        """As a run's history keeps it."""
        return {
            "tool": self.tool,
            "backend": self.backend,
            "sandbox": self.sandbox,
            "latency_ms": round(self.latency_ms, 3),
            "cost": self.cost,
        }


class AwaitedAnswer(Contract):
    """What a call waits for: an answer from a person or from outside, which becomes what it brought."""

    form: UserInputRequest
    expires_in: float | None = Field(
        default=None, gt=0, le=31_536_000, description="Seconds; the call fails with `timeout` after them."
    )

    def without(self, secrets: Callable[[Any], Any]) -> AwaitedAnswer:
        """The same as `secrets` leaves its values."""
        return AwaitedAnswer.model_validate(secrets(self.model_dump(mode="json", by_alias=True)))


class ToolResult(Contract):
    """The envelope every tool call ends in; the executor never raises instead."""

    ok: bool
    data: Any = None
    error: ToolError | None = None
    awaits: AwaitedAnswer | None = Field(
        default=None, description="`callback_pending`: neither a result nor a failure yet."
    )
    meta: ToolMeta

    @model_validator(mode="after")
    def _one_or_the_other(self) -> ToolResult:
        if self.ok == (self.error is not None):
            raise ValueError("a call that is ok has no error, and one that is not has one")
        return self

    @classmethod
    def failure(cls, error: ToolError, meta: ToolMeta) -> ToolResult:
        """A call that did not."""
        return cls(ok=False, error=error, meta=meta)
