"""The steps of an agent that another program brings, written while it runs: its prompt, and what it asks for.

The prompt is one long call: it holds the program. Whatever the program wants permission for is a branch
beside it, which ends with it at the latest.
"""

from __future__ import annotations

from typing import Literal

from engine.contracts.flows.step import Backoff, RetryPolicy, StepFields
from engine.contracts.flows.tool_step import ToolStep

PROMPT, PERMISSION = "prompt", "call"
"""Ids of the steps inside: `<agent>/0/prompt`, `<agent>/<number>/call` from 1 on."""
PROMPT_TYPE, PERMISSION_TYPE = "prompt", "permission"
ASKED_AT_ONCE = 8
"""Permissions that people are asked for together; further ones wait."""
PREFIX = "acp:"
"""What stands before the name of an agent of the settings."""

_RETRY = RetryPolicy(max_attempts=3, backoff_seconds=1.0, backoff=Backoff.EXPONENTIAL)


class PromptStep(StepFields):
    """Gives the prompt to the other program, which works on it until it has an answer."""

    asks_model = True

    type: Literal["prompt"]
    retry: RetryPolicy

    @property
    def retry_policy(self) -> RetryPolicy | None:
        """That of the agent."""
        return self.retry


class PermissionStep(ToolStep):
    """What the other program asks permission for: it does it itself, once a person has said so."""

    tells_failure = True
    chosen = True

    type: Literal["permission"]  # type: ignore[assignment]  # it is no tool of ours that is called

    @property
    def target(self) -> str | None:
        """What it wants to do; nobody knows before it asks."""
        return self.tool or None


def asked_step(tool: str) -> ToolStep:
    """The step that a permission is once it is known what for: what an approval shows and is bound to."""
    return PermissionStep.model_construct(type="permission", id=PERMISSION, tool=tool)


def prompt_step(retry: RetryPolicy | None) -> PromptStep:
    """The first branch of an agent; `retry` is what its author wrote."""
    return PromptStep.model_construct(type="prompt", id=PROMPT, retry=retry or _RETRY)


def permission_step() -> PermissionStep:
    """Every other branch of an agent."""
    return PermissionStep.model_construct(type="permission", id=PERMISSION, tool="", on_failure="continue")
