"""A step that calls a tool."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from engine.contracts.flows.step import RetryPolicy, StepFields
from engine.contracts.sandbox_level import SandboxWish  # noqa: TC001 - pydantic reads the annotation


class ToolStep(StepFields):
    """Calls a tool through the executor."""

    calls_tool = True
    templates = ("params",)
    chosen: ClassVar[bool] = False
    """Which tool, and with what, a model says."""

    type: Literal["tool"]
    tool: str = Field(min_length=1, max_length=120)
    params: dict[str, Any] = Field(default_factory=dict)
    retry: RetryPolicy | None = None
    backend: Literal["local", "command", "pack", "http", "remote", "mcp"] | None = Field(
        default=None, description="What runs the tool: the back end that it has."
    )
    sandbox: SandboxWish | None = Field(default=None, description="Least level of the call.")

    @property
    def target(self) -> str | None:
        """The tool."""
        return self.tool

    @property
    def retry_policy(self) -> RetryPolicy | None:
        """As its author wrote it."""
        return self.retry
