"""Exit statuses of the command line: one closed table from error code to status (docs/cli.md)."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any

from engine.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Mapping


class ExitCode(IntEnum):
    """What a shell or a program sees. 129, 130, 141 and 143 are the shell's own for signals."""

    OK = 0
    USAGE = 2
    NOT_FOUND = 3
    INVALID_INPUT = 4
    REFUSED = 5
    RUN_FAILED = 6
    UNAVAILABLE = 7
    NO_ANSWER_YET = 8
    HUNG_UP = 129
    INTERRUPTED = 130
    PIPE_CLOSED = 141
    TERMINATED = 143


EXIT_BY_ERROR: Mapping[ErrorCode, ExitCode] = {
    ErrorCode.NOT_FOUND: ExitCode.NOT_FOUND,
    ErrorCode.INVALID_INPUT: ExitCode.INVALID_INPUT,
    ErrorCode.PAYLOAD_TOO_LARGE: ExitCode.INVALID_INPUT,
    ErrorCode.PACK_INVALID: ExitCode.INVALID_INPUT,
    ErrorCode.CONFIG_INVALID: ExitCode.USAGE,
    ErrorCode.ALREADY_DECIDED: ExitCode.REFUSED,
    ErrorCode.APPROVAL_CHANGED: ExitCode.REFUSED,
    ErrorCode.REQUEST_WITHDRAWN: ExitCode.REFUSED,
    ErrorCode.REQUEST_EXPIRED: ExitCode.REFUSED,
    ErrorCode.ALREADY_CLAIMED: ExitCode.REFUSED,
    ErrorCode.INVALID_TRANSITION: ExitCode.REFUSED,
    ErrorCode.IDEMPOTENCY_CONFLICT: ExitCode.REFUSED,
    ErrorCode.POLICY_DENIED: ExitCode.REFUSED,
    ErrorCode.ROLE_MISSING: ExitCode.REFUSED,
    ErrorCode.OWN_REQUEST: ExitCode.REFUSED,
    ErrorCode.TOKEN_INVALID: ExitCode.REFUSED,
    ErrorCode.TOKEN_EXPIRED: ExitCode.REFUSED,
    ErrorCode.DECISION_FROM_RUN: ExitCode.REFUSED,
    ErrorCode.PACK_UNTRUSTED: ExitCode.REFUSED,
    ErrorCode.SANDBOX_UNAVAILABLE: ExitCode.REFUSED,
    ErrorCode.HANDOFF_UNDECLARED: ExitCode.REFUSED,
    ErrorCode.CODE_CHANGED: ExitCode.REFUSED,
    ErrorCode.CAP_CHANGED: ExitCode.REFUSED,
    ErrorCode.VERSION_CONFLICT: ExitCode.REFUSED,
    ErrorCode.SIGNATURE_INVALID: ExitCode.REFUSED,
    ErrorCode.JOURNAL_UNAVAILABLE: ExitCode.UNAVAILABLE,
    ErrorCode.JOURNAL_LOCKED: ExitCode.UNAVAILABLE,
    ErrorCode.JOURNAL_CORRUPT: ExitCode.UNAVAILABLE,
    ErrorCode.JOURNAL_NEWER: ExitCode.UNAVAILABLE,
    ErrorCode.DISK_FULL: ExitCode.UNAVAILABLE,
    ErrorCode.READ_ONLY: ExitCode.UNAVAILABLE,
    ErrorCode.ENGINE_STOPPED: ExitCode.UNAVAILABLE,
    ErrorCode.LEASE_LOST: ExitCode.UNAVAILABLE,
}


class CommandError(Exception):
    """What only a command line can get wrong; the engine's own errors are `VasiniError`."""

    def __init__(
        self, code: str, message: str, status: ExitCode, details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.details: dict[str, Any] = dict(details or {})


class UsageError(CommandError):
    """The command was not written as it has to be."""

    def __init__(self, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__("usage", message, ExitCode.USAGE, details)


class TerminalError(CommandError):
    """There is no terminal the console could open on."""

    def __init__(self, message: str) -> None:
        super().__init__("terminal_unavailable", message, ExitCode.UNAVAILABLE)


class ModelError(CommandError):
    """A model gave no answer; `details` say why, and whether to try again."""

    def __init__(self, message: str, details: Mapping[str, Any]) -> None:
        super().__init__("model_error", message, ExitCode.UNAVAILABLE, details)


class InternalError(CommandError):
    """A fault of the program itself; `log` names the file that holds what happened."""

    def __init__(self, kind: str, log: str) -> None:
        message = f"internal error ({kind}); please report it with the end of {log}"
        super().__init__("internal", message, ExitCode.UNAVAILABLE, {"log": log})
