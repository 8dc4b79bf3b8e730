"""How a tool says that it failed, and how errors of the operating system become such failures."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from engine.contracts.status import TOOL_ERROR_CODES, StepErrorCode
from engine.errors import Refused, VasiniError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MOST_CODE = 100
"""Characters of a code that no tool has."""


class ToolFailure(Exception):
    """A typed failure of one call; the executor turns it into the error of the envelope.

    `recoverable`: False says that another try would fail the same way, so that none is made; None leaves
    it to the retry of the step.
    """

    def __init__(
        self,
        code: StepErrorCode,
        message: str,
        recoverable: bool | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = StepErrorCode(code)
        self.message = message
        self.recoverable = recoverable
        self.details: dict[str, Any] = dict(details or {})


def invalid_input(message: str, details: Mapping[str, Any] | None = None) -> ToolFailure:
    """The parameters or the data they point at are not what the tool takes."""
    return ToolFailure(StepErrorCode.INVALID_INPUT, message, details=details)


def permission_denied(message: str, details: Mapping[str, Any] | None = None) -> ToolFailure:
    """A limit the operator set forbids the call."""
    return ToolFailure(StepErrorCode.PERMISSION_DENIED, message, recoverable=False, details=details)


def not_found(message: str, details: Mapping[str, Any] | None = None) -> ToolFailure:
    """What the parameters name does not exist."""
    return ToolFailure(StepErrorCode.NOT_FOUND, message, details=details)


def late(name: str, seconds: float, limit: str, waited: float = 0.0) -> ToolFailure:
    """The tool was still at work at its deadline; `limit` names what set it, when that is of use. `waited`:
    so many of the seconds the call had waited for others of its tool."""
    words = f"tool {name!r} did not end within {seconds:g} s"
    details: dict[str, Any] = {"timeout": seconds}
    if waited:
        words, details = f"{words}, {waited:.1f} s of which it waited to begin", {**details, "waited": waited}
    if limit:
        words, details = f"{words} ({limit})", {**details, "limit": limit}
    return ToolFailure(StepErrorCode.TIMEOUT, words, recoverable=True, details=details)


def not_begun(name: str, seconds: float, limit: str, value: int) -> ToolFailure:
    """The call still waited for others of its tool at its deadline; `limit` names what let no more in."""
    words = f"tool {name!r} did not begin within {seconds:g} s: {value} of its calls were under way ({limit})"
    details = {"timeout": seconds, "limit": limit, "value": value}
    return ToolFailure(StepErrorCode.TIMEOUT, words, recoverable=True, details=details)


def require_fitting(name: str, faults: Sequence[tuple[str, str]]) -> None:
    """Raises ToolFailure for parameters that break the tool's schema.

    Each fault is a place (JSON pointer) and words.
    """
    if not faults:
        return
    where, what = faults[0]
    raise ToolFailure(
        StepErrorCode.INVALID_INPUT,
        f"parameters of {name!r}: {where or 'the whole'}: {what}",
        recoverable=False,
        details={"errors": [{"field": where, "message": what} for where, what in faults]},
    )


def unknown_tool(name: str) -> ToolFailure:
    """No back end has a tool of that name."""
    return ToolFailure(StepErrorCode.NOT_FOUND, f"there is no tool named {name!r}", recoverable=False)


def crashed(message: str) -> ToolFailure:
    """The tool ended in a way that it did not mean to."""
    return ToolFailure(StepErrorCode.BACKEND_ERROR, message)


def told_failure(code: str, message: str, recoverable: object = None, details: object = None) -> ToolFailure:
    """A failure in the words of code that is not ours; a code that no tool has stands in its details."""
    known = dict(details) if isinstance(details, dict) else {}
    final = recoverable if isinstance(recoverable, bool) else None
    try:
        own = StepErrorCode(code)
    except ValueError:
        own = StepErrorCode.UNKNOWN
    if own not in TOOL_ERROR_CODES or (own is StepErrorCode.UNKNOWN and code != own):
        own, known = StepErrorCode.UNKNOWN, {**known, "code": code[:_MOST_CODE]}
    return ToolFailure(own, message, final, known)


def returned_failure(data: Any) -> ToolFailure | None:
    """The failure that a tool returned: an object of `error` alone, with a `code` in words; else None."""
    error = data.get("error") if isinstance(data, dict) and len(data) == 1 else None
    if not isinstance(error, dict) or not isinstance(error.get("code"), str):
        return None
    message = error.get("message")
    words = (
        message if isinstance(message, str) and message else f"the tool returned the error {error['code']}"
    )
    return told_failure(error["code"], words, error.get("recoverable"), error.get("details"))


def from_exception(error: BaseException) -> ToolFailure:
    """Whatever a tool raised, as its failure."""
    if isinstance(error, Refused):
        return permission_denied(error.message, {"reason": error.code.value, **error.details})
    if isinstance(error, VasiniError):
        return ToolFailure(StepErrorCode.BACKEND_ERROR, error.message, details={"reason": error.code.value})
    if isinstance(error, TimeoutError):
        return ToolFailure(StepErrorCode.TIMEOUT, _words(error), recoverable=True)
    if isinstance(error, ConnectionError):
        return ToolFailure(StepErrorCode.TEMPORARY, _words(error), recoverable=True)
    if isinstance(error, OSError) and error.errno:
        return from_os_error(error, "the tool failed")
    if isinstance(error, FileNotFoundError):
        return not_found(_words(error))
    if isinstance(error, PermissionError):
        return permission_denied(_words(error))
    return crashed(_words(error))


def _words(error: BaseException) -> str:
    try:
        words = str(error)
    except Exception:  # noqa: BLE001 - the edge: a foreign exception may fail to print itself
        words = "(no message)"
    return f"{type(error).__name__}: {words}"


_OS_FAILURES: Mapping[int, tuple[StepErrorCode, str, str]] = {
    errno.ENOENT: (StepErrorCode.NOT_FOUND, "missing", "it does not exist"),
    errno.ENOTDIR: (StepErrorCode.NOT_FOUND, "missing", "a part of the path is not a directory"),
    errno.EACCES: (StepErrorCode.PERMISSION_DENIED, "no_access", "the file system denies access"),
    errno.EPERM: (StepErrorCode.PERMISSION_DENIED, "no_access", "the file system denies access"),
    errno.ELOOP: (StepErrorCode.PERMISSION_DENIED, "symlink", "a symbolic link is in the way"),
    errno.EROFS: (StepErrorCode.PERMISSION_DENIED, "read_only", "the file system is read-only"),
    errno.EISDIR: (StepErrorCode.INVALID_INPUT, "directory", "it is a directory"),
    errno.ENAMETOOLONG: (StepErrorCode.INVALID_INPUT, "name_too_long", "the name is too long"),
    errno.ENOSPC: (StepErrorCode.BACKEND_ERROR, "disk_full", "the disk is full"),
    errno.EDQUOT: (StepErrorCode.BACKEND_ERROR, "disk_full", "the disk quota is used up"),
    errno.EFBIG: (StepErrorCode.BACKEND_ERROR, "file_too_large", "the file would pass the size limit"),
}
OS_REASONS = frozenset({*(reason for _, reason, _ in _OS_FAILURES.values()), "os_error"})
"""The words of `details["reason"]` that these have."""


def from_os_error(error: OSError, action: str) -> ToolFailure:
    """A failure in words: `action` says what was tried, e.g. `cannot read notes.txt`.

    `details["reason"]` is one word for programs (`disk_full`, `read_only`, `missing`, ...).
    """
    code, reason, words = _OS_FAILURES.get(
        error.errno or 0, (StepErrorCode.BACKEND_ERROR, "os_error", error.strerror or "input/output error")
    )
    recoverable = True if reason == "disk_full" else None
    return ToolFailure(code, f"{action}: {words}", recoverable=recoverable, details={"reason": reason})
