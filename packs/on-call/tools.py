"""Tools of the on-call pack: errors at the end of a log, whether they went on, words for who waits."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_TAIL_BYTES = 8 * 1024 * 1024
_MAX_SAMPLE = 10
_MAX_LINE = 8_000
_LOOK_SECONDS = 1.0

# ---- what a line says ------------------------------------------------------------------------------------

_ERRORS = frozenset(
    (
        "emerg",
        "emergency",
        "alert",
        "crit",
        "critical",
        "fatal",
        "panic",
        "dpanic",
        "severe",
        "err",
        "error",
        "fail",
    )
)
_LEVEL = "|".join(
    (*sorted(_ERRORS, key=len, reverse=True), "warning", "warn", "notice", "info", "debug", "trace")
)
_TIME = r"\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?"
_FIELD = re.compile(rf"(?:^|\s)(?:level|lvl|severity|loglevel)=[\"']?({_LEVEL})\b", re.IGNORECASE)
_GLOG = re.compile(r"([DIWEF])(?:\d{4} \d\d:\d\d:\d\d\.\d+ |, \[)")
_IN_BRACKETS = re.compile(rf"[\[(<|]\s*(?:\w+:)?({_LEVEL})\s*[\])>|]", re.IGNORECASE)
_IN_CAPITALS = re.compile(rf"\b({_LEVEL.upper()})\b")
_AFTER_TIME = re.compile(rf"^\[?{_TIME}\]?\s+({_LEVEL})\s", re.IGNORECASE)
_BEFORE_COLON = re.compile(rf"(?:^|\s)({_LEVEL}):\s", re.IGNORECASE)
_COLOR = re.compile(r"\x1b\[[0-9;]*m")
_PRIORITY = re.compile(r"<(\d{1,3})>")
_STATUS = re.compile(
    r'"[A-Z]+ \S+(?: HTTP/[\d.]+)?" 5\d\d\b|\bHTTP/\d(?:\.\d)?"? 5\d\d\b|'
    r"\bstatus(?:[_ ]?code)?[\"']?\s*[=:]\s*[\"']?5\d\d\b(?!\s*(?:ms|[kKMG]?B)\b)"
)
_LEVEL_KEYS = (
    "level",
    "severity",
    "lvl",
    "log.level",
    "levelname",
    "loglevel",
    "@level",
    "PRIORITY",
    "s",  # of MongoDB
    "severity_text",
)
_STATUS_KEYS = (
    "status",
    "status_code",
    "statusCode",
    "response_code",
    "http_status",
    "http.response.status_code",
)
_SERVICE_KEYS = ("service", "service.name", "service_name", "app", "application", "svc", "container_name")
_TIME_KEYS = ("time", "ts", "timestamp", "@timestamp", "datetime")
_SERVICE_FIELD = re.compile(r"(?:^|\s)(?:service|svc|app)=[\"']?([^\s\"']+)")


def _fields(line: str) -> dict[str, Any] | None:
    """The fields of a JSON line with those of its objects by their own and by their dotted name."""
    if not line.startswith("{"):
        return None
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    flat: dict[str, Any] = {}
    for name, value in found.items():
        if isinstance(value, dict):
            inner = {key: one for key, one in value.items() if not isinstance(one, dict)}
            flat = {**inner, **{f"{name}.{key}": one for key, one in inner.items()}, **flat}
        else:
            flat[name] = value
    return flat


def _is_error(line: str, fields: dict[str, Any] | None) -> bool:
    """Whether the line's own level says so, or its status is 5xx; a number that is neither never does."""
    if fields is not None:
        statuses = (str(fields[key]) for key in _STATUS_KEYS if key in fields)
        if any(re.fullmatch(r"5\d\d", status) for status in statuses):
            return True
        level = next((fields[key] for key in _LEVEL_KEYS if key in fields), "")
        if re.fullmatch(r"\d+", str(level)):
            return int(level) >= 50 or int(level) <= 3  # of pino and bunyan; of syslog
        return str(level).lower() in {*_ERRORS, "e", "f"}
    if _STATUS.search(line):
        return True
    if found := _FIELD.search(line):
        return found[1].lower() in _ERRORS
    if found := _GLOG.match(line):
        return found[1] in "EF"
    head = line[:400]
    found_at = [
        (found.start(1), found[1])
        for pattern in (_IN_BRACKETS, _IN_CAPITALS, _AFTER_TIME, _BEFORE_COLON)
        if (found := pattern.search(head))
    ]
    if found_at:
        return min(found_at)[1].lower() in _ERRORS
    priority = _PRIORITY.match(line)
    return priority is not None and int(priority[1]) % 8 <= 3


def _names(line: str, fields: dict[str, Any] | None, service: re.Pattern[str]) -> bool:
    """Whether the line is of the service: by the field that says it, else by its whole name in the line."""
    said: list[str] = []
    if fields is not None:
        said = [str(fields[key]) for key in _SERVICE_KEYS if isinstance(fields.get(key), str)]
    elif found := _SERVICE_FIELD.search(line):
        said = [found[1]]
    if said:
        return any(service.fullmatch(one) for one in said)
    return service.search(line) is not None


def _whole_name(service: str) -> re.Pattern[str]:
    """The name, not a part of another; a pod of it (`shop-5d9c7b6f4-x2k8p`) is the service."""
    pod = r"(?:-[0-9a-f]{6,10}(?:-[0-9a-z]{5})?|-\d+)?"
    return re.compile(rf"(?<![\w-]){re.escape(service)}{pod}(?![\w-])", re.IGNORECASE)


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ANY_TIME = re.compile(
    rf"(?P<iso>{_TIME})|(?P<access>\d\d/[A-Z][a-z]{{2}}/\d{{4}}:\d\d:\d\d:\d\d [+-]\d{{4}})|"
    r"(?P<syslog>\b[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d\b)|^[DIWEF](?P<glog>\d{4} \d\d:\d\d:\d\d)"
)


def _moment(line: str, fields: dict[str, Any] | None, written: datetime) -> datetime | None:
    """When it was written; times without a zone are taken as UTC, those without a year as of `written`."""
    try:
        if fields is not None:
            value = next((fields[key] for key in _TIME_KEYS if key in fields), None)
            if isinstance(value, int | float):
                seconds = float(value)
                while seconds > 1e11:
                    seconds /= 1000
                return datetime.fromtimestamp(seconds, UTC)
            line = str(value)
        found = _ANY_TIME.search(line[:200])
        if found is None:
            return None
        if iso := found["iso"]:
            text = re.sub(r" ?UTC$", "Z", iso).replace("/", "-").replace(",", ".")
            moment = datetime.fromisoformat(re.sub(r" (?=[+-])", "", text))
        elif access := found["access"]:
            day, month, rest = access.split("/", 2)
            moment = datetime.strptime(f"{day}/{_MONTHS.index(month) + 1}/{rest}", "%d/%m/%Y:%H:%M:%S %z")
        else:
            text, day = found["glog"], (found["glog"] or "")[:4]
            if found["syslog"]:
                text = found["syslog"]
                day = f"{_MONTHS.index(text[:3]) + 1:02}{text[4:6].replace(' ', '0')}"
            moment = datetime.strptime(f"{written.year}{day} {text[-8:]} +0000", "%Y%m%d %H:%M:%S %z")
            if moment > written + timedelta(days=1):
                moment = moment.replace(year=written.year - 1)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


# ---- the log ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Line:
    text: str
    moment: datetime | None
    is_error: bool
    is_ours: bool


def _read(text: str, service: str, written: datetime) -> Iterator[_Line]:
    name, moment = _whole_name(service), None
    for written_line in text.split("\n"):
        line = _COLOR.sub("", written_line).strip()
        if not line:
            continue
        fields = _fields(line)
        if fields is not None and isinstance(fields.get("log"), str):  # as Docker wraps a container's lines
            line = fields["log"].strip()
            fields = _fields(line)
        moment = _moment(line, fields, written) or moment  # a line without a time belongs to the one before
        ours = _names(line, fields, name)
        yield _Line(line, moment, ours and _is_error(line, fields), ours)


def _file(log: str) -> Path:
    path = Path(log)
    if not path.is_file():
        raise ValueError(f"{log!r} is not a file")
    return path


def mark(log: str) -> dict[str, Any]:
    """The place where the log ends now, and the time."""
    found = _file(log).stat()
    at = _when(datetime.now(UTC))
    return {"device": found.st_dev, "inode": found.st_ino, "offset": found.st_size, "at": at}


def _since(path: Path, place: dict[str, Any]) -> tuple[str, str]:
    """What was written behind `place`, also when the log was rotated; and that it was, in words."""
    if _is_at(path, place):
        if path.stat().st_size >= place["offset"]:
            return _text(path, place["offset"]), ""
        return _text(path, 0), "The log was emptied meanwhile."
    for old in path.parent.iterdir():
        if old.is_file() and _is_at(old, place):
            return _text(old, place["offset"]) + "\n" + _text(path, 0), "The log was rotated meanwhile."
    return _text(path, 0), "The log was rotated meanwhile, and its end before that cannot be read."


def _is_at(path: Path, place: dict[str, Any]) -> bool:
    found = path.stat()
    return (found.st_dev, found.st_ino) == (place["device"], place["inode"])


def _text(path: Path, begin: int) -> str:
    """Whole lines from `begin` to the end, at most the last 8 MB."""
    with path.open("rb") as stream:
        size = stream.seek(0, 2)
        begin, cut = max(begin, size - _TAIL_BYTES), size - _TAIL_BYTES > begin
        stream.seek(begin)
        text = stream.read(size - begin).decode("utf-8", "replace")
    return text.partition("\n")[2] if cut else text


# ---- the tools -------------------------------------------------------------------------------------------


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


def collect(log: str, service: str, minutes: int = 60) -> dict[str, Any]:
    """Errors of the service in the last `minutes` of its log (at most 8 MB); 0 minutes: all of that."""
    path = _file(log)
    written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    lines = list(_read(_text(path, 0), service, written))
    newest = max((line.moment for line in lines if line.moment), default=None)
    if newest is not None and minutes:
        begin = newest - timedelta(minutes=minutes)
        lines = [line for line in lines if line.moment is None or line.moment >= begin]
    errors = [line for line in lines if line.is_error]
    times = [line.moment for line in errors if line.moment]
    where = _window(newest, minutes, len(lines))
    summary = f"{_count(len(errors), 'error')} of {service} in {where}."
    if times:
        summary += f" First {_when(min(times))}, last {_when(max(times))}."
    if not any(line.is_ours for line in lines):
        summary += f" No line names {service}: is it the right log, and the right name?"
    return {
        "errors": len(errors),
        "lines": len(lines),
        "first": _when(min(times)) if times else "",
        "last": _when(max(times)) if times else "",
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
            f"the last {_count(minutes, 'minute')} of the log ({_count(lines, 'line')} until {_when(newest)})"
        )
    age = datetime.now(UTC) - newest
    if age > timedelta(hours=1):
        told += f", which ends {_count(int(age.total_seconds() // 3600), 'hour')} ago"
    return told


def _kinds(errors: list[_Line]) -> Counter[str]:
    """Errors that differ in numbers, times and ids only are of one kind."""
    texts = (_ANY_TIME.sub("", line.text, count=1).strip(" []") for line in errors)
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
        path = _file(log)
        text, told = _since(path, since)
        lines = list(_read(text, service, datetime.now(UTC)))
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
    until = _when(datetime.now(UTC))
    return {"new_errors": 0, "lines": ours, "seconds": looked, "until": until, "summary": summary}


def outcome(summary: str, files: list[str]) -> dict[str, Any]:
    """What the run has to show: words, and the files it wrote."""
    return {"summary": summary, "files": files}


def _when(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
