"""Every error the engine raises on purpose, with one closed set of codes.

    VasiniError
    ├── NotFound            a run, request, pack or flow that is not there (or belongs to another tenant)
    ├── InvalidInput        outside data that breaks its schema, size or syntax
    │   └── PackInvalid     a pack or flow file that cannot be loaded
    ├── Refused             the state or a policy forbids it
    │   ├── AlreadyDecided  somebody decided first
    │   └── InvalidTransition
    └── Unavailable         the engine's own storage or surroundings are not usable

`code` is for programs and never changes its meaning, `message` is for a person (what, where,
what to do), `details` is data. docs/errors.md maps code -> exit status -> test.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class ErrorCode(StrEnum):
    """The closed set of codes an operator's request can end with."""

    NOT_FOUND = "not_found"
    INVALID_INPUT = "invalid_input"
    PAYLOAD_TOO_LARGE = "payload_too_large"
    PACK_INVALID = "pack_invalid"
    CONFIG_INVALID = "config_invalid"
    ALREADY_DECIDED = "already_decided"
    APPROVAL_CHANGED = "approval_changed"
    REQUEST_WITHDRAWN = "request_withdrawn"
    REQUEST_EXPIRED = "request_expired"
    ALREADY_CLAIMED = "already_claimed"
    INVALID_TRANSITION = "invalid_transition"
    IDEMPOTENCY_CONFLICT = "idempotency_conflict"
    POLICY_DENIED = "policy_denied"
    ROLE_MISSING = "role_missing"
    OWN_REQUEST = "own_request"
    TOKEN_INVALID = "token_invalid"  # noqa: S105 - a code
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 - a code
    DECISION_FROM_RUN = "decision_from_run"
    PACK_UNTRUSTED = "pack_untrusted"
    SANDBOX_UNAVAILABLE = "sandbox_unavailable"
    HANDOFF_UNDECLARED = "handoff_undeclared"
    CODE_CHANGED = "code_changed"
    CAP_CHANGED = "cap_changed"
    VERSION_CONFLICT = "version_conflict"
    SIGNATURE_INVALID = "signature_invalid"
    JOURNAL_UNAVAILABLE = "journal_unavailable"
    JOURNAL_LOCKED = "journal_locked"
    JOURNAL_CORRUPT = "journal_corrupt"
    JOURNAL_NEWER = "journal_newer"
    DISK_FULL = "disk_full"
    READ_ONLY = "read_only"
    ENGINE_STOPPED = "engine_stopped"
    LEASE_LOST = "lease_lost"


class VasiniError(Exception):
    """Base of all deliberate errors: a closed code, words for a person, data for a program."""

    def __init__(self, code: ErrorCode, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details: dict[str, Any] = dict(details or {})


class NotFound(VasiniError):
    """What was named does not exist for this tenant."""

    def __init__(self, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(ErrorCode.NOT_FOUND, message, details)


class InvalidInput(VasiniError):
    """Outside data is not what was asked for; `details["errors"]` lists every fault at once."""

    def __init__(
        self,
        message: str,
        details: Mapping[str, Any] | None = None,
        *,
        code: ErrorCode = ErrorCode.INVALID_INPUT,
    ) -> None:
        super().__init__(code, message, details)


class PackInvalid(InvalidInput):
    """A pack or flow file is broken; `details["problems"]` holds file, line, column, field for each."""

    def __init__(self, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message, details, code=ErrorCode.PACK_INVALID)


class Refused(VasiniError):
    """State or policy forbids the request; nothing was changed."""


class AlreadyDecided(Refused):
    """Another decision on this request came first; details say who, when and what."""

    def __init__(self, message: str, details: Mapping[str, Any]) -> None:
        super().__init__(ErrorCode.ALREADY_DECIDED, message, details)


class InvalidTransition(Refused):
    """The run machine has no row for this input in this state."""

    def __init__(self, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(ErrorCode.INVALID_TRANSITION, message, details)


class Unavailable(VasiniError):
    """Storage or surroundings are not usable right now; nothing was half-written."""

    @property
    def may_pass(self) -> bool:
        """Whether it is worth to try again: what is missing or damaged does not come back."""
        return self.code is not ErrorCode.JOURNAL_CORRUPT


class EventUnreadable(Unavailable):
    """A stored event or step that this version does not know; `details` name it, and its run."""

    def __init__(self, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(ErrorCode.JOURNAL_CORRUPT, message, details)

    def of_run(self, run_id: str, run_seq: int) -> EventUnreadable:
        """The same, naming the run and the place in its history."""
        message = f"event {run_seq} of run {run_id} cannot be read: {self.message}"
        return EventUnreadable(message, {**self.details, "run_id": run_id, "run_seq": run_seq})
