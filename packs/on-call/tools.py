"""Tools of the on-call pack: errors at the end of a log, whether they went on, words for who waits.

How a log is read stands in the files beside this one: tools_levels and tools_log.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tools_levels import ANY_TIME
from tools_log import Line, log_file, read_lines, text_from, when, written_since

_MAX_SAMPLE = 10
_MAX_LINE = 8_000
_LOOK_SECONDS = 1.0


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


def mark(log: str) -> dict[str, Any]:
    """The place where the log ends now, and the time."""
    found = log_file(log).stat()
    at = when(datetime.now(UTC))
    return {"device": found.st_dev, "inode": found.st_ino, "offset": found.st_size, "at": at}


def collect(log: str, service: str, minutes: int = 60) -> dict[str, Any]:
    """Errors of the service in the last `minutes` of its log (at most 8 MB); 0 minutes: all of that."""
    path = log_file(log)
    written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    lines = list(read_lines(text_from(path, 0), service, written))
    newest = max((line.moment for line in lines if line.moment), default=None)
    if newest is not None and minutes:
        begin = newest - timedelta(minutes=minutes)
        lines = [line for line in lines if line.moment is None or line.moment >= begin]
    errors = [line for line in lines if line.is_error]
    times = [line.moment for line in errors if line.moment]
    where = _window(newest, minutes, len(lines))
    summary = f"{_count(len(errors), 'error')} of {service} in {where}."
    if times:
        summary += f" First {when(min(times))}, last {when(max(times))}."
    if not any(line.is_ours for line in lines):
        summary += f" No line names {service}: is it the right log, and the right name?"
    return {
        "errors": len(errors),
        "lines": len(lines),
        "first": when(min(times)) if times else "",
        "last": when(max(times)) if times else "",
        "kinds": [f"{count:,} like: {like}" for like, count in _kinds(errors).most_common(5)],
        "sample": [line.text[:_MAX_LINE] for line in errors[-_MAX_SAMPLE:]],
        "summary": summary,
    }


def _window(newest: datetime | None, minutes: int, lines: int) -> str:
    told = f"the last {_count(lines, 'line')} of the log"
    if newest is None:
        return f"{told}, which has no times that could be read"
    if minutes:
        told = (
            f"the last {_count(minutes, 'minute')} of the log ({_count(lines, 'line')} until {when(newest)})"
        )
    age = datetime.now(UTC) - newest
    if age > timedelta(hours=1):
        told += f", which ends {_count(int(age.total_seconds() // 3600), 'hour')} ago"
    return told


def _kinds(errors: list[Line]) -> Counter[str]:
    """Errors that differ in numbers, times and ids only are of one kind."""
    texts = (ANY_TIME.sub("", line.text, count=1).strip(" []") for line in errors)
    return Counter(re.sub(r"\b[0-9a-f]*\d[0-9a-f]*\b", "#", text)[:200] for text in texts)


def require_errors(findings: dict[str, Any]) -> dict[str, Any]:
    """Pass the findings on. Raises ValueError when there is no error: nothing is announced then."""
    if not findings["errors"]:
        raise ValueError(f"{findings['summary']} Nothing is announced.")
    return findings


def draft(service: str, findings: dict[str, Any]) -> dict[str, str]:
    """An announcement: what is known, since when, what is done, when to expect more."""
    since = f" since {findings['first']}" if findings["first"] else ""
    text = (
        f"# {service}: we are looking into errors\n\n"
        f"Some requests to {service} fail{since}. Our log shows {_count(findings['errors'], 'error')}.\n\n"
        f"{service} goes into maintenance while we look. The next update comes within 30 minutes.\n"
    )
    return {"text": text}


def verify(log: str, service: str, since: dict[str, Any], watch_seconds: int = 60) -> dict[str, Any]:
    """Watch the log for `watch_seconds`; `since` is what `mark` said. Says for how long it looked.

    Raises ValueError as soon as there is a new error: the change did not help.
    """
    begun = time.monotonic()
    while True:
        path = log_file(log)
        text, told = written_since(path, since)
        lines = list(read_lines(text, service, datetime.now(UTC)))
        errors = [line for line in lines if line.is_error]
        looked = round(time.monotonic() - begun)
        if errors:
            found = _count(len(errors), "new error")
            raise ValueError(f"{found} of {service} since {since['at']}; the last: {errors[-1].text[:1000]}")
        if looked >= watch_seconds:
            break
        time.sleep(min(_LOOK_SECONDS, max(0.05, watch_seconds - looked)))
    ours = sum(line.is_ours for line in lines)
    summary = f"No new error of {service} since {since['at']}: watched for {_count(looked, 'second')}, "
    summary += f"{_count(ours, 'line')} of {service} came."
    if not ours:
        summary += " That is no proof that it works: nothing was logged."
    summary = f"{summary} {told}".rstrip()
    until = when(datetime.now(UTC))
    return {"new_errors": 0, "lines": ours, "seconds": looked, "until": until, "summary": summary}


def outcome(summary: str, files: list[str]) -> dict[str, Any]:
    """What the run has to show: words, and the files it wrote."""
    return {"summary": summary, "files": files}


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
