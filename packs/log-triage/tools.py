"""Tools of log triage: one pass over an access log in bounded memory, a blocklist, a report."""

from __future__ import annotations

import gzip
import heapq
import ipaddress
import re
import zlib
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK = 1024 * 1024
_MAX_LINE = 64 * 1024
_MAX_DISTINCT = 50_000
_MAX_MINUTES = 5_000
_HISTOGRAM_BUCKETS = 48
_TOP = 20
_MAX_SUSPICIOUS = 500
_MIN_ERRORS = 10
_MIN_ERROR_SHARE = 0.5

_LINE = re.compile(
    rb"(\S{1,255}) \S+ [^\[]{1,255}\[([^\]]{20,30})\] "
    rb'"([^"\\]*(?:\\.[^"\\]*)*)" (\d{3}) (\d+|-)(?: "([^"\\]*(?:\\.[^"\\]*)*)" "([^"\\]*(?:\\.[^"\\]*)*)")?'
)
_SCANNER_PATH = re.compile(
    rb"(?i)/\.(?:env|git|svn|aws|ssh|htaccess|htpasswd|DS_Store)\b|wp-(?:login|admin|config)|xmlrpc\.php|phpmyadmin|"
    rb"/etc/passwd|\.\./|%2e%2e|/cgi-bin/|/vendor/phpunit|/actuator\b|/boaform|/HNAP1|/solr/admin|union(?:\+|%20)"
    rb"+select|<script|%3cscript|\$\{jndi|/_ignition|/autodiscover|/owa/auth"
)
_SCANNER_AGENT = re.compile(
    rb"(?i)sqlmap|nikto|nmap|masscan|zgrab|nuclei|gobuster|dirbuster|wpscan|acunetix|nessus"
)
_MONTHS = {
    name: number
    for number, name in enumerate(
        (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"),
        start=1,
    )
}

# positions in a client's counts
_REQUESTS, _CLIENT_ERRORS, _SERVER_ERRORS, _PROBES = range(4)


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


def outcome(summary: str, files: list[str]) -> dict[str, Any]:
    """What the run has to show: words, and the files it wrote."""
    return {"summary": summary, "files": files}


def analyze(log: str) -> dict[str, Any]:
    """Read an access log (common or combined format, also gzip) once, in bounded memory."""
    path = Path(log)
    if not path.is_file():
        raise ValueError(f"{log!r} is not a file")
    tally = _Tally()
    try:
        for line in _lines(path):
            tally.add(line)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{log!r} is a damaged gzip file: {error}") from error
    return tally.result()


class _Tally:
    """Counts of one pass. Clients and paths are capped: when full, the rarer half is forgotten."""

    def __init__(self) -> None:
        self.total = self.bad = self.size = 0
        self.statuses: Counter[bytes] = Counter()
        self.clients: dict[bytes, list[int]] = {}
        self.paths: dict[bytes, int] = {}
        self.approximate = False
        self.minutes: dict[bytes, list[int]] = {}
        self.histogram = _Histogram()

    def add(self, line: bytes) -> None:
        match = _LINE.match(line)
        if match is None:
            self.bad += bool(line.strip())
            return
        client, stamp, request, status, size, _, agent = match.groups()
        self.total += 1
        self.statuses[status] += 1
        if size != b"-":
            self.size += int(size[:18])
        path = request.partition(b" ")[2].partition(b" ")[0].partition(b"?")[0][:200] or b"(none)"
        self._count_path(path)
        self._count_client(client, status, request, agent)
        self._count_minute(stamp, status)

    def _count_path(self, path: bytes) -> None:
        count = self.paths.get(path)
        if count is None and len(self.paths) >= _MAX_DISTINCT:
            self.paths = dict(
                heapq.nlargest(_MAX_DISTINCT // 2, self.paths.items(), key=lambda item: item[1])
            )
            self.approximate = True
        self.paths[path] = (count or 0) + 1

    def _count_client(self, client: bytes, status: bytes, request: bytes, agent: bytes | None) -> None:
        counts = self.clients.get(client)
        if counts is None:
            if len(self.clients) >= _MAX_DISTINCT:
                self.clients = dict(
                    heapq.nlargest(
                        _MAX_DISTINCT // 2, self.clients.items(), key=lambda item: _weight(item[1])
                    )
                )
                self.approximate = True
            counts = self.clients[client] = [0, 0, 0, 0]
        counts[_REQUESTS] += 1
        kind = status[:1]
        if kind == b"4":
            counts[_CLIENT_ERRORS] += 1
        elif kind == b"5":
            counts[_SERVER_ERRORS] += 1
        if _SCANNER_PATH.search(request) or (agent and _SCANNER_AGENT.search(agent)):
            counts[_PROBES] += 1

    def _count_minute(self, stamp: bytes, status: bytes) -> None:
        """Lines of one minute share their stamp but for the seconds, so each minute is parsed once."""
        key = stamp[:17] + stamp[20:]
        minute = self.minutes.get(key)
        if minute is None:
            if len(self.minutes) >= _MAX_MINUTES:
                self._fold_minutes()
            minute = self.minutes[key] = [0, 0]
        minute[0] += 1
        if status >= b"400":
            minute[1] += 1

    def _fold_minutes(self) -> None:
        for key, (requests, errors) in self.minutes.items():
            moment = _minute(key)
            if moment is not None:
                self.histogram.add(moment, requests, errors)
        self.minutes.clear()

    def result(self) -> dict[str, Any]:
        self._fold_minutes()
        classes: Counter[str] = Counter()
        for status, count in self.statuses.items():
            classes[status[:1].decode() + "xx"] += count
        errors = classes["4xx"] + classes["5xx"]
        suspicious = list(_suspicious(self.clients))
        suspicious.sort(key=lambda client: (-client["probes"], -client["errors"], client["client"]))
        rate = _share(errors, self.total)
        summary = (
            f"{self.total:,} requests, {rate:.1%} errors "
            f"({classes['4xx']:,} client, {classes['5xx']:,} server), "
            f"{len(suspicious)} suspicious clients, {self.bad:,} lines not understood."
        )
        return {
            "summary": summary,
            "requests": self.total,
            "bad_lines": self.bad,
            "bytes": self.size,
            "error_rate": round(rate, 6),
            "client_error_rate": round(_share(classes["4xx"], self.total), 6),
            "server_error_rate": round(_share(classes["5xx"], self.total), 6),
            "status_classes": dict(sorted(classes.items())),
            "statuses": {status.decode(): count for status, count in sorted(self.statuses.items())},
            "top_clients": self._top_clients(),
            "top_paths": [
                {"path": _text(path), "requests": count}
                for path, count in heapq.nlargest(_TOP, self.paths.items(), key=lambda item: item[1])
            ],
            "histogram": self.histogram.rows(),
            "bucket_seconds": self.histogram.width,
            "suspicious": suspicious[:_MAX_SUSPICIOUS],
            "approximate": self.approximate,
        }

    def _top_clients(self) -> list[dict[str, Any]]:
        top = heapq.nlargest(_TOP, self.clients.items(), key=lambda item: item[1][_REQUESTS])
        return [
            {
                "client": _text(client),
                "requests": counts[_REQUESTS],
                "errors": counts[_CLIENT_ERRORS] + counts[_SERVER_ERRORS],
            }
            for client, counts in top
        ]


class _Histogram:
    """Requests and errors over time in a bounded number of equal buckets that widen as needed."""

    def __init__(self) -> None:
        self.width = 60
        self._buckets: dict[int, list[int]] = {}

    def add(self, moment: int, requests: int, errors: int) -> None:
        bucket = self._buckets.setdefault(moment // self.width, [0, 0])
        bucket[0] += requests
        bucket[1] += errors
        while len(self._buckets) > _MAX_MINUTES:
            self._widen()

    def rows(self) -> list[dict[str, Any]]:
        """At most 48 buckets without gaps, oldest first."""
        if not self._buckets:
            return []
        while max(self._buckets) - min(self._buckets) >= _HISTOGRAM_BUCKETS:
            self._widen()
        rows = []
        for number in range(min(self._buckets), max(self._buckets) + 1):
            requests, errors = self._buckets.get(number, (0, 0))
            start = datetime.fromtimestamp(number * self.width, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            rows.append({"start": start, "requests": requests, "errors": errors})
        return rows

    def _widen(self) -> None:
        self.width *= 2
        wider: dict[int, list[int]] = {}
        for number, (requests, errors) in self._buckets.items():
            bucket = wider.setdefault(number // 2, [0, 0])
            bucket[0] += requests
            bucket[1] += errors
        self._buckets = wider


def _lines(path: Path) -> Iterator[bytes]:
    """Lines of a plain or gzip file; of an endless line only the first 64 kB are kept."""
    with path.open("rb") as raw:
        compressed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        stream = gzip.GzipFile(fileobj=raw) if compressed else raw
        rest = b""
        skipping = False
        while chunk := stream.read(_CHUNK):
            first, newline, behind = chunk.partition(b"\n")
            if skipping:
                if not newline:
                    continue
                chunk, skipping = behind, False
            elif newline:
                yield rest + first
                chunk = behind
            else:
                chunk = rest + chunk
            *lines, rest = chunk.split(b"\n")
            yield from lines
            if len(rest) > _MAX_LINE:
                yield rest[:_MAX_LINE]
                rest, skipping = b"", True
        if rest:
            yield rest


def _minute(key: bytes) -> int | None:
    """Seconds since the epoch of `10/Oct/2000:13:55 -0700`, None when it is no time."""
    try:
        day, month, year = int(key[:2]), _MONTHS[key[3:6]], int(key[7:11])
        sign = -1 if key[-5:-4] == b"-" else 1
        offset = sign * (int(key[-4:-2]) * 3600 + int(key[-2:]) * 60)
        moment = datetime(year, month, day, int(key[12:14]), int(key[15:17]), tzinfo=UTC)
    except (ValueError, KeyError):
        return None
    return int(moment.timestamp()) - offset


def _weight(counts: list[int]) -> int:
    """What makes a client worth remembering: volume, errors and above all probes."""
    return counts[_REQUESTS] + counts[_CLIENT_ERRORS] + counts[_SERVER_ERRORS] + 20 * counts[_PROBES]


def _suspicious(clients: dict[bytes, list[int]]) -> Iterator[dict[str, Any]]:
    for client, (requests, client_errors, server_errors, probes) in clients.items():
        reasons = []
        if probes:
            reasons.append(f"{probes} scanner requests")
        if client_errors >= _MIN_ERRORS and client_errors / requests >= _MIN_ERROR_SHARE:
            reasons.append(f"{_share(client_errors, requests):.0%} client errors")
        if server_errors >= _MIN_ERRORS and server_errors / requests >= _MIN_ERROR_SHARE:
            reasons.append(f"{_share(server_errors, requests):.0%} server errors")
        if reasons:
            yield {
                "client": _text(client),
                "requests": requests,
                "errors": client_errors + server_errors,
                "probes": probes,
                "reasons": reasons,
            }


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _text(raw: bytes) -> str:
    """Printable text: what stands in a log was sent by anybody."""
    text = raw.decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


def propose_blocklist(suspicious: list[dict[str, Any]]) -> dict[str, Any]:
    """One line per suspicious client that is an IP address; names cannot be blocked by a firewall."""
    chosen = [client for client in suspicious if _is_address(client["client"])]
    others = len(suspicious) - len(chosen)
    header = "# Clients that look hostile in the access log; one address a line.\n"
    overview = [f"{c['client']:<40} {c['requests']:>8,} requests, {', '.join(c['reasons'])}" for c in chosen]
    if not chosen:
        overview.append("No address looks hostile: the blocklist will be empty.")
    if others:
        overview.append(f"({others} more are host names, which a blocklist cannot hold)")
    return {
        "clients": [client["client"] for client in chosen],
        "count": len(chosen),
        "text": header + "".join(client["client"] + "\n" for client in chosen),
        "overview": "\n".join(overview),
    }


def _is_address(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)


def arrange_report(
    log: str, analysis: dict[str, Any], blocked: list[str], severity: str, note: str
) -> dict[str, Any]:
    """Title and sections of the incident report."""
    overview = [
        f"Log: {log}",
        f"Severity: {severity}",
        f"Requests: {analysis['requests']:,}",
        f"Errors: {analysis['error_rate']:.2%} "
        f"(client {analysis['client_error_rate']:.2%}, server {analysis['server_error_rate']:.2%})",
        f"Bytes sent: {analysis['bytes']:,}",
        f"Lines not understood: {analysis['bad_lines']:,}",
        f"Clients on the blocklist: {len(blocked)}",
    ]
    if analysis["approximate"]:
        overview.append(
            "More clients or paths than are counted at once: counts of rare ones are lower bounds."
        )
    sections: list[dict[str, Any]] = [{"heading": "Overview", "items": overview}]
    if note.strip():
        sections.append({"heading": "Note", "text": note})
    busiest = max((row["requests"] for row in analysis["histogram"]), default=0)
    sections += [
        _section("Status codes", ["Status", "Requests"], analysis["statuses"].items()),
        _section(
            f"Requests over time ({analysis['bucket_seconds'] // 60} min each)",
            ["From", "Requests", "Errors", ""],
            [
                (r["start"], r["requests"], r["errors"], _bar(r["requests"], busiest))
                for r in analysis["histogram"]
            ],
        ),
        _section(
            "Top clients",
            ["Client", "Requests", "Errors"],
            [(c["client"], c["requests"], c["errors"]) for c in analysis["top_clients"]],
        ),
        _section(
            "Top paths", ["Path", "Requests"], [(p["path"], p["requests"]) for p in analysis["top_paths"]]
        ),
        _section(
            "Suspicious clients",
            ["Client", "Requests", "Errors", "Why"],
            [
                (c["client"], c["requests"], c["errors"], ", ".join(c["reasons"]))
                for c in analysis["suspicious"][:100]
            ],
        ),
    ]
    return {"title": "Incident report", "sections": sections}


def _bar(value: int, greatest: int) -> str:
    return "█" * round(20 * _share(value, greatest))


def _section(heading: str, columns: list[str], rows: Any) -> dict[str, Any]:
    table = [list(row) for row in rows]
    if not table:
        return {"heading": heading, "text": "None."}
    return {"heading": heading, "table": {"columns": columns, "rows": table}}
