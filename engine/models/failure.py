"""How a model call fails: one closed set of codes, with what a caller needs to try again or to give up."""

from __future__ import annotations

from enum import StrEnum
from typing import Any


class ModelErrorCode(StrEnum):
    """The closed set of ways in which a model call fails."""

    MISSING_API_KEY = "missing_api_key"
    AUTH_ERROR = "auth_error"
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    CONTEXT_LENGTH = "context_length"
    INVALID_REQUEST = "invalid_request"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    NETWORK_ERROR = "network_error"
    HTTP_ERROR = "http_error"
    MALFORMED = "malformed"
    NO_ANSWER = "no_answer"
    DENIED = "denied"
    CIRCUIT_OPEN = "circuit_open"


class TimeoutPhase(StrEnum):
    """Which of the times of a call was over."""

    CONNECT = "connect"
    FIRST_TOKEN = "first_token"  # noqa: S105 - a token of text
    BETWEEN_TOKENS = "between_tokens"
    TOTAL = "total"


_RETRYABLE = frozenset(
    {
        ModelErrorCode.RATE_LIMITED,
        ModelErrorCode.OVERLOADED,
        ModelErrorCode.TIMEOUT,
        ModelErrorCode.NETWORK_ERROR,
        ModelErrorCode.CIRCUIT_OPEN,
        ModelErrorCode.NO_ANSWER,
    }
)


PASSING = frozenset({408, 500, 502, 504, *range(520, 528)})
"""Statuses of what may be over a little later; those from 520 on come from what stands before a server."""


class ModelFailure(Exception):
    """A model call that brought no answer. No field of it holds a secret.

    `retry_after` is in seconds, as the server asked; `body` is the masked beginning of what it sent.
    """

    def __init__(
        self,
        code: ModelErrorCode,
        message: str,
        *,
        status: int | None = None,
        phase: TimeoutPhase | None = None,
        retry_after: float | None = None,
        request_id: str | None = None,
        provider_code: str | None = None,
        body: str = "",
        passing: bool = False,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.phase = phase
        self.retry_after = retry_after
        self.request_id = request_id
        self.provider_code = provider_code
        self.body = body
        self._passing = passing

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed a little later."""
        return self.code in _RETRYABLE or self._passing or self.status in PASSING

    def details(self) -> dict[str, Any]:
        """What is known, as data; what is not is left out."""
        known = {
            "reason": self.code.value,
            "retryable": self.retryable,
            "http_status": self.status,
            "phase": self.phase.value if self.phase is not None else None,
            "retry_after_seconds": self.retry_after,
            "request_id": self.request_id,
            "provider_code": self.provider_code,
            "response_body": self.body or None,
        }
        return {name: value for name, value in known.items() if value is not None}


class ModelRefused(ModelFailure):
    """No model may be asked. `model` is the one that was wanted, `reason` why it may not be, of the closed
    set of policies, `rule` the setting that says so."""

    def __init__(self, message: str, model: str, reason: str, rule: str) -> None:
        super().__init__(ModelErrorCode.DENIED, message)
        self.model = model
        self.reason = reason
        self.rule = rule


def ended_without_reason() -> ModelFailure:
    """The server's stream is over, and it did not say why the model stopped."""
    return malformed("the server ended its answer without a reason")


def malformed(message: str) -> ModelFailure:
    """The server sent what its wire format does not have."""
    return ModelFailure(ModelErrorCode.MALFORMED, message)
