"""Tools of the on-call pack: the end of a log read in bounded memory, and words for those who wait."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

_TAIL_BYTES = 8 * 1024 * 1024
_MAX_SAMPLE = 10
_MAX_LINE = 300
_ERROR = re.compile(r"\b(?:ERROR|CRITICAL|FATAL|PANIC)\b|\b5\d\d\b(?=\s+\d|\s*$)")


def locate(directory: str) -> dict[str, str]:
    """Split a directory into the nearest one that exists and the rest, ready to put a file name behind."""
    target = Path(directory)
    if not target.is_absolute():
        raise ValueError(f"the directory must be an absolute path, not {directory!r}")
    if target.exists() and not target.is_dir():
        raise ValueError(f"{directory!r} is a file: name a directory")
    root = next(place for place in (target, *target.parents) if place.is_dir())
    rest = target.relative_to(root).as_posix()
    return {"root": str(root), "path": "" if rest == "." else rest + "/"}


def collect(log: str, service: str) -> dict[str, Any]:
    """Errors of the service at the end of its log (at most the last 8 MB), and how long the log is now."""
    size, errors, lines = _errors(log, service, None)
    found = _count(len(errors), "error")
    summary = f"{found} of {service} in the last {_count(lines, 'line')} of the log."
    return {
        "errors": len(errors),
        "lines": lines,
        "sample": [line[:_MAX_LINE] for line in errors[-_MAX_SAMPLE:]],
        "offset": size,
        "summary": summary,
    }


def draft(service: str, findings: dict[str, Any]) -> dict[str, str]:
    """An announcement: what is known, what is done, when to expect more."""
    text = (
        f"# {service}: we are looking into errors\n\n"
        f"Some requests to {service} fail. Our log shows {_count(findings['errors'], 'error')}.\n\n"
        f"{service} goes into maintenance while we look. The next update comes within 30 minutes.\n"
    )
    return {"text": text}


def verify(log: str, service: str, offset: int) -> dict[str, Any]:
    """Errors written after `offset`; a shorter log was rotated and is read from its start.

    Raises ValueError when there are new errors: the change did not help.
    """
    _, errors, lines = _errors(log, service, offset)
    if errors:
        found = _count(len(errors), "new error")
        raise ValueError(f"{found} of {service} since the change; the last: {errors[-1][:200]}")
    summary = f"No new errors in {_count(lines, 'line')} since the first look."
    return {"new_errors": 0, "lines": lines, "summary": summary}


def outcome(summary: str, files: list[str]) -> dict[str, Any]:
    """What the run has to show: words, and the files it wrote."""
    return {"summary": summary, "files": files}


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _errors(log: str, service: str, offset: int | None) -> tuple[int, list[str], int]:
    """Size of the log, its lines that tell of an error of the service, and how many lines were read."""
    path = Path(log)
    if not path.is_file():
        raise ValueError(f"{log!r} is not a file")
    size = path.stat().st_size
    begin = size - _TAIL_BYTES if offset is None else (offset if offset <= size else 0)
    begin = max(begin, size - _TAIL_BYTES, 0)
    with path.open("rb") as stream:
        stream.seek(begin)
        raw = stream.read(size - begin)
    lines = raw.decode("utf-8", "replace").splitlines()
    if begin and offset is None:
        del lines[:1]  # the middle of a line
    wanted = service.casefold()
    errors = [line for line in lines if _ERROR.search(line) and wanted in line.casefold()]
    return size, errors, len(lines)
