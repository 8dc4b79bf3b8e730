"""Whether a failed call is tried again, why not, and after which wait; pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

from engine.contracts.flows.step import Backoff
from engine.contracts.status import StepErrorCode, StepStatus

if TYPE_CHECKING:
    from engine.contracts.flows.step import RetryPolicy, Step
    from engine.machine.model.state import Execution

_NEVER_AGAIN = frozenset(
    {
        StepErrorCode.PERMISSION_DENIED,
        StepErrorCode.POLICY_BLOCKED,
        StepErrorCode.APPROVAL_REJECTED,
        StepErrorCode.CANCELLED,
    }
)
"""What a policy or a person said is not tried again, whatever a retry names."""


class NoRetry(StrEnum):
    """Why no further attempt follows a failed one."""

    NO_POLICY = "no_retry_policy"
    ATTEMPTS_USED = "max_attempts_reached"
    NOT_RETRYABLE = "error_code_not_retryable"


def why_not_again(
    policy: RetryPolicy | None, execution: Execution, error: Mapping[str, object]
) -> NoRetry | None:
    """Why the attempt that failed so was the last one; None: another one follows."""
    if policy is None:
        return NoRetry.NO_POLICY
    if execution.attempt - execution.budget_from >= policy.max_attempts:
        return NoRetry.ATTEMPTS_USED
    return None if _retryable(policy, error) else NoRetry.NOT_RETRYABLE


def why_last(step: Step, execution: Execution | None, error: Mapping[str, object]) -> NoRetry | None:
    """The same of a step that fails now; None also where no attempt of it was under way."""
    if execution is None or execution.status is not StepStatus.RUNNING:
        return None
    tried = execution.call or step.starts_run
    return why_not_again(step.retry_policy, execution, error) if tried else None


def is_final(error: Mapping[str, object]) -> bool:
    """Whether no further try may be made: a policy or a person said no, or it would fail the same way."""
    details = error.get("details")
    told = isinstance(details, Mapping) and details.get("recoverable") is False
    return told or error.get("code") in _NEVER_AGAIN


def _retryable(policy: RetryPolicy, error: Mapping[str, object]) -> bool:
    if is_final(error):
        return False
    details = error.get("details")
    reason = details.get("reason") if isinstance(details, Mapping) else None
    # compared one by one: a tool of somebody else's may give any JSON as its reason
    return not policy.retry_on_codes or any(
        said in (error.get("code"), reason) for said in policy.retry_on_codes
    )


def wait_micros(policy: RetryPolicy, failures: int, jitter: float, error: Mapping[str, object]) -> int:
    """Wait before the next attempt, in microseconds: that of the policy, or what a server asked for."""
    return max(backoff_micros(policy, failures, jitter), _asked_to_wait(error))


def backoff_micros(policy: RetryPolicy, failures: int, jitter: float) -> int:
    """Wait as the policy has it, in microseconds; `failures` counts from 1, `jitter` is in [0, 1)."""
    seconds = policy.backoff_seconds
    if policy.backoff is Backoff.EXPONENTIAL:
        grown = min(seconds * 2.0 ** (failures - 1), policy.max_backoff_seconds)
        seconds = grown * (0.5 + jitter / 2)
    return round(seconds * 1_000_000)


def _asked_to_wait(error: Mapping[str, object]) -> int:
    """Microseconds that a server asked to wait for, at most an hour."""
    details = error.get("details")
    seconds = details.get("retry_after_seconds") if isinstance(details, Mapping) else None
    return round(min(max(seconds, 0), 3600) * 1_000_000) if isinstance(seconds, int | float) else 0
