"""How working with an agent of another program fails: one closed set of reasons."""

from __future__ import annotations

from enum import StrEnum
from typing import Any


class AgentReason(StrEnum):
    """The closed set of ways in which it fails."""

    NOT_CONFIGURED = "not_configured"
    EXTRA_MISSING = "extra_missing"
    CANNOT_START = "cannot_start"
    ENDED = "ended"
    SPOKE_FIRST = "spoke_first"
    MALFORMED = "malformed"
    LINE_TOO_LONG = "line_too_long"
    FLOOD = "flood"
    NOT_READING = "not_reading"
    VERSION = "version"
    AUTH_REQUIRED = "auth_required"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    ASKED_TWICE = "asked_twice"
    TOO_MANY_ASKED = "too_many_asked"
    STOPPED = "stopped"


_AGAIN = frozenset({AgentReason.ENDED, AgentReason.TIMEOUT})
"""A process that died may live the next time; one that breaks the protocol breaks it again."""


class AgentFailure(Exception):
    """A prompt that brought no answer. `details` holds nothing secret."""

    def __init__(self, reason: AgentReason, message: str, **details: Any) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self._details = details

    @property
    def details(self) -> dict[str, Any]:
        """As the step's error carries them."""
        return {**self._details, "reason": self.reason.value, "recoverable": self.reason in _AGAIN}
