"""The program's one edge: a command in, an exit status out, and never a traceback."""

from __future__ import annotations

import asyncio
import errno
import io
import logging
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import ErrorCode, VasiniError
from engine.safe_text import is_unicode
from vasini_tui.cli.call import Invocation
from vasini_tui.cli.open_console import open_console
from vasini_tui.exit_codes import EXIT_BY_ERROR, CommandError, ExitCode, InternalError, UsageError
from vasini_tui.identity import acting
from vasini_tui.log_file import logging_to_file
from vasini_tui.output import Output
from vasini_tui.settings.loading import load_settings, load_what_can_be
from vasini_tui.wiring import OpenEngine, Session, open_embedded

if TYPE_CHECKING:
    from collections.abc import Sequence

_log = logging.getLogger("vasini")

_STORAGE = {
    errno.ENOSPC: (ErrorCode.DISK_FULL, "the disk is full; nothing more can be written"),
    errno.EDQUOT: (ErrorCode.DISK_FULL, "the disk quota is used up; nothing more can be written"),
    errno.EROFS: (ErrorCode.READ_ONLY, "the file system is read-only; nothing can be written"),
}


def main(argv: Sequence[str] | None = None, *, opener: OpenEngine = open_embedded) -> int:
    """Perform one command line and return its exit status (vasini_tui.exit_codes)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    _open_closed_streams()
    _accept_any_text()
    out = Output(as_json=_wants_json(arguments), stdout=sys.stdout, stderr=sys.stderr)
    try:
        status = _guarded(arguments, out, opener)
    except BrokenPipeError:
        status = ExitCode.PIPE_CLOSED
    try:
        sys.stdout.flush()
    except OSError:
        _close_quietly()
    return status


def _guarded(arguments: Sequence[str], out: Output, opener: OpenEngine) -> int:
    """Turn whatever went wrong into one line, the error document and a status."""
    try:
        status = _perform(arguments, out, opener)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except Exception as raised:  # noqa: BLE001  # the edge of the program: it is told and logged below
        return _write_error(_cause(raised), out)
    return status


def _perform(arguments: Sequence[str], out: Output, opener: OpenEngine) -> int:
    parsed = _parse(arguments)
    if not isinstance(parsed, Invocation):
        return parsed
    loaded = load_what_can_be() if parsed.tolerant else load_settings()
    actor = acting(parsed.act_as, loaded.values.identity.operators, via=parsed.via)
    session = Session(loaded, actor, out, opener, parsed.tenant, parsed.all_tenants)
    with logging_to_file(loaded):
        try:
            return asyncio.run(_run(parsed, session))
        except Exception as raised:
            cause = _cause(raised)
            if _is_expected(cause):
                raise
            if isinstance(cause, ValueError) and not all(map(is_unicode, arguments)):
                raise UsageError("an argument holds bytes that are no UTF-8 text") from raised
            _log.exception("the command ended in an internal error")
            raise InternalError(type(cause).__name__, str(loaded.places.log_file)) from raised


def _parse(arguments: Sequence[str]) -> Invocation | int:
    if not arguments:  # the console is not kept waiting by a parser that has nothing to do
        return Invocation(open_console, via="console")
    from vasini_tui.cli.app import parse  # noqa: PLC0415 - only for what is to be parsed

    return parse(arguments)


async def _run(invocation: Invocation, session: Session) -> int:
    return await invocation.action(session)


def _write_error(error: BaseException, out: Output) -> int:
    if isinstance(error, BrokenPipeError):
        raise error
    if isinstance(error, VasiniError):
        out.error(error.code, _with_faults(error), error.details)
        return EXIT_BY_ERROR[error.code]
    if isinstance(error, CommandError):
        out.error(error.code, error.message, error.details)
        return error.status
    if isinstance(error, OSError) and error.errno in _STORAGE:
        code, message = _STORAGE[error.errno]
        out.error(code, message, {"path": error.filename} if error.filename else {})
        return EXIT_BY_ERROR[code]
    out.error("internal", f"internal error ({type(error).__name__})", {})
    return ExitCode.UNAVAILABLE


def _is_expected(error: BaseException) -> bool:
    """Whether `_write_error` has words for it."""
    return isinstance(error, VasiniError | CommandError | BrokenPipeError) or (
        isinstance(error, OSError) and error.errno in _STORAGE
    )


def _cause(error: BaseException) -> BaseException:
    """The error itself where task groups wrapped it, in words where it is the place that is missing."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, FileNotFoundError) and _is_nowhere():
        return UsageError("the current directory is gone; go to another one")
    return error


def _is_nowhere() -> bool:
    try:
        Path.cwd()
    except FileNotFoundError:
        return True
    return False


def _with_faults(error: VasiniError) -> str:
    """The message, with the faulty fields it does not name itself."""
    faults = error.details.get("errors")
    if not isinstance(faults, list | tuple):
        return error.message
    told = [
        f"{fault['field']}: {fault['message']}" if fault.get("field") else str(fault["message"])
        for fault in faults
        if isinstance(fault, dict) and "message" in fault and str(fault["message"]) not in error.message
    ]
    return f"{error.message} ({'; '.join(told)})" if told else error.message


def _wants_json(arguments: Sequence[str]) -> bool:
    """Whether errors are to be JSON; asked before parsing, because parsing itself can fail."""
    return "--json" in arguments


def _open_closed_streams() -> None:
    """A standard stream that is closed leads nowhere: else its number goes to the next file that is opened,
    and what is written to it, by programs that are started too, into that file."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))


def _accept_any_text() -> None:
    """A terminal of another encoding shows what it cannot write as an escape instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _close_quietly() -> None:
    """Nobody reads stdout any more: keep the interpreter from complaining about it at its end."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


if __name__ == "__main__":
    sys.exit(main())
