"""What a line of an access log says, in every form that is read."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from tools_clients import MAX_DISTINCT, read_address

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CHUNK = 1024 * 1024
_MAX_LINE = 64 * 1024
_QUOTED = rb'"([^"\\]*(?:\\.[^"\\]*)*)"'
_LINE = re.compile(
    # what a container's log or syslog puts before a line
    rb"(?:\S+ std(?:out|err) [FP] |(?:<\d+>)?[A-Z][a-z]{2} [ \d]\d [\d:]{8} \S+ [^\s:]+: )?"
    rb'(\S{1,255}) ([^"\[]{0,400})\[(\d[^\]]{14,39})\] ' + _QUOTED + rb" (\d{3}) (\d+|-)(.*)",
    re.DOTALL,
)
_REST = re.compile(_QUOTED)
_COMMON_TIME = re.compile(
    r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d)(?:[.,]\d+)? ([+-])(\d\d)(\d\d)"
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_JSON_NAMES = {
    "client": "client_ip remote_ip remote_addr clientip ClientHost remoteIp downstream_remote_address client",
    "forwarded": "http_x_forwarded_for x_forwarded_for X-Forwarded-For forwarded_for",
    "target": "uri request_uri RequestPath path url requestUrl request",
    "status": "status status_code response_code DownstreamStatus statusCode http_status response",
    "size": "size body_bytes_sent bytes_sent DownstreamContentSize responseSize bytes",
    "time": "ts time @timestamp timestamp time_iso8601 time_local start_time StartUTC msec",
    "agent": "User-Agent http_user_agent user_agent userAgent request_User-Agent agent",
}
LOOKS_LIKE = (
    (rb"\x28\xb5\x2f\xfd", "a file compressed with zstd: unpack it first"),
    (rb"PK\x03\x04", "a zip archive: unpack it first"),
    (rb"#(?:Software|Version|Fields):", "a W3C extended log, as IIS writes it"),
    (rb"\d{4}/\d\d/\d\d [\d:]{8} \[\w+\] ", "an error log of nginx, not an access log"),
    (rb"\[\w{3} \w{3} [ \d]\d [\d:.]+ \d{4}\] \[", "an error log of Apache, not an access log"),
    (rb"(?:https?|h2|wss?|grpcs?) \d{4}-\d\d-\d\dT\S+ ", "a log of an AWS load balancer"),
    (rb".*haproxy\[\d+\]: ", "a log of HAProxy"),
    (rb"\s*\{", "JSON lines without the fields of a request (client, path, status)"),
    (rb"[\x00-\x08\x0e-\x1f\x7f]|.{0,40}\x00", "a binary file"),
    (rb"(?:<\d+>)?[A-Z][a-z]{2} [ \d]\d [\d:]{8} ", "a syslog"),
    (rb"\S+,\S*,", "a table with commas"),
)


class Entry(NamedTuple):
    """One request as its line has it."""

    client: bytes
    second: bytes  # what follows the client: of logs that begin with the virtual host it is the client
    forwarded: bytes
    stamp: str
    target: bytes
    status: int
    size: int
    agent: bytes


def read_entry(line: bytes) -> Entry | None:
    """The request of a line in any form that is read, None for another line."""
    match = _LINE.match(line)
    if match is None:
        return _json_entry(line) if line.lstrip()[:1] == b"{" else None
    first, others, stamp, request, status, size, rest = match.groups()
    agent, forwarded = _agent_and_forwarded(rest) if rest else (b"", b"")
    sent = 0 if size == b"-" else int(size[:18])
    second = others.partition(b" ")[0]
    return Entry(first, second, forwarded, stamp.decode("latin-1"), request, int(status), sent, agent)


@lru_cache(maxsize=MAX_DISTINCT)
def _agent_and_forwarded(rest: bytes) -> tuple[bytes, bytes]:
    """Of what follows the size: referrer, agent, and somewhere perhaps the addresses of X-Forwarded-For."""
    quoted = _REST.findall(rest)
    forwarded = next((text for text in quoted[2:] if read_address(text.rpartition(b",")[2])), b"")
    return quoted[1] if len(quoted) > 1 else b"", forwarded


def _json_entry(line: bytes) -> Entry | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if isinstance(found.get("log"), str):  # as Docker wraps what a container prints
        return read_entry(found["log"].encode())
    flat: dict[str, Any] = {}
    level = [found]
    for _ in range(4):
        for one in level:
            flat = {**one, **flat}
        level = [inner for one in level for inner in one.values() if isinstance(inner, dict)]
    plain = {name: value for name, value in flat.items() if not isinstance(value, dict)}
    raw: dict[str, str] = {}
    for what, names in _JSON_NAMES.items():
        value = next((plain[name] for name in names.split() if name in plain), "")
        raw[what] = str(value[0] if isinstance(value, list) and value else value)
    if not raw["client"] or not raw["target"] or not re.fullmatch(r"[1-5]\d\d", raw["status"]):
        return None
    size = int(raw["size"][:18]) if raw["size"].isdecimal() else 0
    texts = {what: text.encode("utf-8", "replace") for what, text in raw.items()}
    return Entry(
        texts["client"], b"", texts["forwarded"], raw["time"], texts["target"], int(raw["status"]), size,
        texts["agent"],
    )  # fmt: skip


@lru_cache(maxsize=100_000)
def moment_of(stamp: str) -> int | None:
    """Seconds since the epoch of a common, an ISO or an epoch time (s, ms, us, ns); None when it is none."""
    try:
        if found := _COMMON_TIME.fullmatch(stamp):
            day, month, year, hour, minute, second, sign, hours, minutes = found.groups()
            date = int(year), _MONTHS.index(month) + 1, int(day)
            moment = datetime(*date, int(hour), int(minute), min(int(second), 59), tzinfo=UTC)
            return int(moment.timestamp()) - int(sign + "1") * (int(hours) * 3600 + int(minutes) * 60)
        if re.fullmatch(r"\d+(\.\d+)?", stamp):
            number = float(stamp)
            while number > 1e11:
                number /= 1000
            return int(number)
        moment = datetime.fromisoformat(stamp)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        return None


def read_lines(path: Path) -> Iterator[bytes]:
    """Lines of a plain or compressed file; of an endless line only the first 64 kB are kept."""
    with path.open("rb") as raw:
        magic = raw.read(6)
        raw.seek(0)
        stream: IO[bytes] | gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile = raw
        if magic[:2] == b"\x1f\x8b":
            stream = gzip.GzipFile(fileobj=raw)
        elif magic[:3] == b"BZh":
            stream = bz2.BZ2File(raw)
        elif magic == b"\xfd7zXZ\x00":
            stream = lzma.LZMAFile(raw)  # noqa: SIM115 - it owns nothing
        rest, skipping = b"", False
        while chunk := stream.read(_CHUNK):
            *lines, rest = (rest + chunk).split(b"\n")
            if lines and skipping:
                del lines[0]
                skipping = False
            yield from lines
            if skipping:
                rest = b""
            elif len(rest) > _MAX_LINE:
                yield rest[:_MAX_LINE]
                rest, skipping = b"", True
        if rest:
            yield rest
