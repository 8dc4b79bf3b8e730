"""What one line of a log says: its level, its service, its time."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

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
COLOR = re.compile(r"\x1b\[[0-9;]*m")
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


def fields_of(line: str) -> dict[str, Any] | None:
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


def is_error(line: str, fields: dict[str, Any] | None) -> bool:
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


def names_service(line: str, fields: dict[str, Any] | None, service: re.Pattern[str]) -> bool:
    """Whether the line is of the service: by the field that says it, else by its whole name in the line."""
    said: list[str] = []
    if fields is not None:
        said = [str(fields[key]) for key in _SERVICE_KEYS if isinstance(fields.get(key), str)]
    elif found := _SERVICE_FIELD.search(line):
        said = [found[1]]
    if said:
        return any(service.fullmatch(one) for one in said)
    return service.search(line) is not None


def whole_name(service: str) -> re.Pattern[str]:
    """The name, not a part of another; a pod of it (`shop-5d9c7b6f4-x2k8p`) is the service."""
    pod = r"(?:-[0-9a-f]{6,10}(?:-[0-9a-z]{5})?|-\d+)?"
    return re.compile(rf"(?<![\w-]){re.escape(service)}{pod}(?![\w-])", re.IGNORECASE)


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
ANY_TIME = re.compile(
    rf"(?P<iso>{_TIME})|(?P<access>\d\d/[A-Z][a-z]{{2}}/\d{{4}}:\d\d:\d\d:\d\d [+-]\d{{4}})|"
    r"(?P<syslog>\b[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d\b)|^[DIWEF](?P<glog>\d{4} \d\d:\d\d:\d\d)"
)


def moment_of(line: str, fields: dict[str, Any] | None, written: datetime) -> datetime | None:
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
        found = ANY_TIME.search(line[:200])
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
