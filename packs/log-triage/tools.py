"""Tools of log triage: one pass over an access log in bounded memory, a blocklist, a report."""

from __future__ import annotations

import bz2
import gzip
import heapq
import ipaddress
import json
import lzma
import re
import zlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_CHUNK = 1024 * 1024
_MAX_LINE = 64 * 1024
_MAX_DISTINCT = 50_000
_MAX_BUCKETS = 5_000
_HISTOGRAM_BUCKETS = 48
_TOP = 20
_MAX_SUSPICIOUS = 500
_DAY = 86_400

# ---- what a line says ------------------------------------------------------------------------------------

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
_LOOKS_LIKE = (
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


class _Entry(NamedTuple):
    client: bytes
    second: bytes  # what follows the client: of logs that begin with the virtual host it is the client
    forwarded: bytes
    stamp: str
    target: bytes
    status: int
    size: int
    agent: bytes


def _entry(line: bytes) -> _Entry | None:
    match = _LINE.match(line)
    if match is None:
        return _json_entry(line) if line.lstrip()[:1] == b"{" else None
    first, others, stamp, request, status, size, rest = match.groups()
    agent, forwarded = _agent_and_forwarded(rest) if rest else (b"", b"")
    sent = 0 if size == b"-" else int(size[:18])
    second = others.partition(b" ")[0]
    return _Entry(first, second, forwarded, stamp.decode("latin-1"), request, int(status), sent, agent)


@lru_cache(maxsize=_MAX_DISTINCT)
def _agent_and_forwarded(rest: bytes) -> tuple[bytes, bytes]:
    """Of what follows the size: referrer, agent, and somewhere perhaps the addresses of X-Forwarded-For."""
    quoted = _REST.findall(rest)
    forwarded = next((text for text in quoted[2:] if _address(text.rpartition(b",")[2])), b"")
    return quoted[1] if len(quoted) > 1 else b"", forwarded


def _json_entry(line: bytes) -> _Entry | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if isinstance(found.get("log"), str):  # as Docker wraps what a container prints
        return _entry(found["log"].encode())
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
    return _Entry(
        texts["client"], b"", texts["forwarded"], raw["time"], texts["target"], int(raw["status"]), size,
        texts["agent"],
    )  # fmt: skip


@lru_cache(maxsize=100_000)
def _moment(stamp: str) -> int | None:
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


def _lines(path: Path) -> Iterator[bytes]:
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


# ---- who asked -------------------------------------------------------------------------------------------

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_OWN = tuple(
    (ipaddress.ip_network(network), words)
    for words, networks in (
        ("this machine", "127.0.0.0/8 ::1/128"),
        (
            "a private address: looks like your own proxy or network",
            "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7",
        ),
        (
            "a link-local address: your own network or the cloud's metadata service",
            "169.254.0.0/16 fe80::/10",
        ),
        ("an address that a carrier shares among its customers", "100.64.0.0/10"),
        ("reserved: no host has it", "0.0.0.0/8 224.0.0.0/3 ff00::/8 ::/128 64:ff9b::/96"),
    )
    for network in networks.split()
)


def _address(raw: bytes) -> _Address | None:
    """The address in `1.2.3.4:80`, `[::1]:80`, `::ffff:1.2.3.4` (which is 1.2.3.4)."""
    if b"." not in raw and b":" not in raw:
        return None
    text = raw.decode("latin-1").strip(' ",')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, ipaddress.IPv6Address) else address


def _own(address: _Address) -> str | None:
    """Whose address it is when it is nobody's in the internet."""
    return next((words for network, words in _OWN if address in network), None)


def _networks(written: Sequence[str], what: str) -> list[_Network]:
    try:
        return [ipaddress.ip_network(text.strip(), strict=False) for text in written if text.strip()]
    except ValueError as error:
        raise ValueError(f"{what}: {error}; write addresses or networks as 198.51.100.0/24") from None


class _Clients:
    """Tells who asked, also behind proxies: their own word is taken, nobody else's."""

    def __init__(self, proxies: list[_Network]) -> None:
        self._proxies = proxies
        self.who = lru_cache(maxsize=_MAX_DISTINCT)(self._who)

    def _who(self, first: bytes, second: bytes, forwarded: bytes) -> str:
        peer, other = _address(first), _address(second)
        with_port = re.search(rb":\d+$", first) is not None
        if other is not None and (peer is None or (with_port and b":" not in second)):
            peer = other  # the log begins with the virtual host
        if peer is None:
            return _text(second if with_port and second not in {b"", b"-"} else first)
        hops = [hop for hop in map(_address, forwarded.split(b",")) if hop is not None]
        while hops and self._is_proxy(peer):
            peer = hops.pop()
        return str(peer)

    def _is_proxy(self, address: _Address) -> bool:
        return _own(address) is not None or any(address in network for network in self._proxies)


# ---- counting --------------------------------------------------------------------------------------------

_PROBE = re.compile(
    rb"(?i)/\.(?:env|git|svn|hg|aws|ssh|htaccess|htpasswd|DS_Store|vscode/sftp)\b|/wp-config|/etc/(?:passwd|shadow)|"
    rb"(?:\.|%2e|%252e){2}(?:/|%2f|%252f|\\|%5c)|/vendor/phpunit|/boaform|/HNAP1|/solr/admin|/_ignition|eval-stdin|"
    rb"union(?:\+|%20|/\*\*/)+(?:all(?:\+|%20)+)?select|<script|%3cscript|\$(?:\{|%7b)jndi|/id_rsa|/server-status\b|"
    rb"(?:'|%27)(?:\+|%20)*(?:or|and)(?:\+|%20)+(?:'|%27)?\w+(?:'|%27)?=|;(?:\+|%20)*(?:wget|curl)\b|/shell\?|"
    rb"invokefunction|%c0%ae|/dana-na/|/\+CSCOE\+|/remote/fgt_lang|"
    rb"/cgi-bin/.*(?:;|%3b|/bin/)|/actuator/(?:env|heapdump|gateway|jolokia)|"
    rb"\.(?:sql|bak|old)(?:\.gz|\.zip)?(?:\?| |$)"
)
# also of ordinary use: they count where nothing is there, and only several of them
_MAYBE = re.compile(
    rb"(?i)wp-(?:login|admin)|xmlrpc\.php|phpmyadmin|/cgi-bin/|/actuator\b|/autodiscover|/owa/auth|/admin|/manager/html"
)
_SCANNER = re.compile(
    rb"(?i)sqlmap|nikto|nmap|masscan|zgrab|nuclei|gobuster|dirbuster|wpscan|acunetix|nessus|ffuf"
)
_CRAWLER = re.compile(rb"(?i)googlebot|bingbot|duckduckbot|applebot|yandexbot|baiduspider")


@lru_cache(maxsize=_MAX_DISTINCT)
def _sought(target: bytes) -> tuple[bool, bool]:
    """Whether it is a probe, and whether it may be one."""
    sought = _PROBE.search(target) is not None
    return sought, not sought and _MAYBE.search(target) is not None


@lru_cache(maxsize=_MAX_DISTINCT)
def _is_scanner(agent: bytes) -> bool:
    return _SCANNER.search(agent) is not None


@dataclass(slots=True)
class _Client:
    requests: int = 0
    errors: int = 0
    probes: int = 0
    hunted: int = 0
    hunts: set[int] = field(default_factory=set)
    refused: int = 0
    first: int | None = None
    last: int | None = None
    crawler: bool = False
    missed: set[int] = field(default_factory=set)  # hashes of the paths that were not found
    got: dict[tuple[bytes, int, int], int] = field(default_factory=dict)

    @property
    def weight(self) -> int:
        """What makes a client worth remembering: volume, errors and above all probes."""
        return self.requests + self.errors + 20 * (self.probes + self.hunted)

    def reasons(self) -> list[str]:
        """Why it looks hostile, for a person to check; empty when it does not."""
        scans = self.probes + self.hunted if self.probes or len(self.hunts) >= 3 else 0
        found = [f"{scans:,} scanner {'request' if scans == 1 else 'requests'}"] if scans else []
        if len(self.missed) >= 10 and self.errors >= self.requests / 2 and not self.crawler:
            found.append(f"{len(self.missed)}{'+' * (len(self.missed) >= 64)} different paths not found")
        if self.refused >= 20 and self.refused >= self.requests / 2:
            found.append(f"{self.refused} refused logins")
        return found


class _Tally:
    """Counts of one pass. Clients and paths are capped: when full, the lighter half is forgotten."""

    def __init__(self, proxies: list[_Network]) -> None:
        self.total = self.bad = self.size = self.timeless = 0
        self.first_bad = b""
        self.statuses: Counter[int] = Counter()
        self.clients: dict[str, _Client] = {}
        self.paths: dict[bytes, int] = {}
        self.failing: dict[tuple[bytes, int], int] = {}
        self.approximate = False
        self.times = _Times()
        self._known = _Clients(proxies)

    def add(self, line: bytes) -> None:
        entry = _entry(line)
        if entry is None:
            if line.strip() and not line.startswith(b"#"):
                self.bad += 1
                self.first_bad = self.first_bad or line
            return
        self.total += 1
        self.statuses[entry.status] += 1
        self.size += entry.size
        target = entry.target.partition(b" ")[2].partition(b" ")[0] or entry.target
        path = target.partition(b"?")[0][:200] or b"(none)"
        self.paths = self._bump(self.paths, path)
        if entry.status >= 400:
            self.failing = self._bump(self.failing, (path, entry.status))
        moment = _moment(entry.stamp)
        probe = self._count_client(entry, target, path, moment)
        if moment is None:
            self.timeless += 1
        else:
            self.times.add(moment, entry.status, probe)

    def _bump(self, counts: dict[Any, int], key: Any) -> dict[Any, int]:
        if key not in counts and len(counts) >= _MAX_DISTINCT:
            counts = dict(heapq.nlargest(_MAX_DISTINCT // 2, counts.items(), key=lambda item: item[1]))
            self.approximate = True
        counts[key] = counts.get(key, 0) + 1
        return counts

    def _count_client(self, entry: _Entry, target: bytes, path: bytes, moment: int | None) -> bool:
        name = self._known.who(entry.client, entry.second, entry.forwarded)
        client = self.clients.get(name)
        if client is None:
            if len(self.clients) >= _MAX_DISTINCT:
                kept = _MAX_DISTINCT // 2
                heavy = heapq.nlargest(kept, self.clients.items(), key=lambda item: item[1].weight)
                self.clients, self.approximate = dict(heavy), True
            client = self.clients[name] = _Client()
        status = entry.status
        sought, maybe = _sought(target)
        hunts = maybe and status in {404, 410}
        probe = sought or _is_scanner(entry.agent)
        client.requests += 1
        if moment is not None:
            client.first = moment if client.first is None else min(client.first, moment)
            client.last = moment if client.last is None else max(client.last, moment)
        client.errors += 400 <= status < 500
        client.probes += probe
        if hunts:
            client.hunted += 1
            client.hunts.add(hash(path) % 1000)
        client.refused += status in {401, 403}
        if status in {404, 410} and len(client.missed) < 64:
            client.missed.add(hash(path))
            client.crawler = client.crawler or _CRAWLER.search(entry.agent) is not None
        if (sought or maybe) and 200 <= status < 300 and len(client.got) < 200:
            key = (target[:200], status, entry.size)
            client.got[key] = client.got.get(key, 0) + 1
        return probe or hunts


class _Times:
    """Requests, errors and probes over time in a bounded number of equal buckets that widen as needed."""

    def __init__(self) -> None:
        self.width = 60
        self.aside = 0
        self._buckets: dict[int, list[int]] = {}

    def add(self, moment: int, status: int, probe: bool) -> None:
        bucket = self._buckets.get(moment // self.width)
        if bucket is None:
            while len(self._buckets) >= _MAX_BUCKETS:
                self._widen()
            bucket = self._buckets.setdefault(moment // self.width, [0, 0, 0, 0])
        bucket[0] += 1
        bucket[1] += 400 <= status < 500
        bucket[2] += status >= 500
        bucket[3] += probe

    def rows(self) -> list[dict[str, Any]]:
        """At most 48 buckets without gaps, oldest first; what lies far off by a wrong clock is put aside."""
        self._put_aside()
        if not self._buckets:
            return []
        while max(self._buckets) - min(self._buckets) >= _HISTOGRAM_BUCKETS:
            self._widen()
        rows = []
        for number in range(min(self._buckets), max(self._buckets) + 1):
            counts = self._buckets.get(number, [0, 0, 0, 0])
            names = ("requests", "client_errors", "server_errors", "probes")
            rows.append({"start": _when(number * self.width), **dict(zip(names, counts, strict=True))})
        return rows

    def _put_aside(self) -> None:
        """Drop what lies further from the middle 98 % of the requests than these take, at least a week."""
        order = sorted(self._buckets)
        low, high = self._edge(order), self._edge(order[::-1])
        far = max(7 * _DAY // self.width, high - low)
        for number in order:
            if low <= high and (number < low - far or number > high + far):
                self.aside += self._buckets.pop(number)[0]

    def _edge(self, order: list[int]) -> int:
        passed, most = 0, max(sum(bucket[0] for bucket in self._buckets.values()) / 100, 1)
        for number in order:
            passed += self._buckets[number][0]
            if passed > most:
                return number
        return order[-1] if order else 0

    def _widen(self) -> None:
        self.width *= 2
        wider: dict[int, list[int]] = {}
        for number, counts in self._buckets.items():
            bucket = wider.setdefault(number // 2, [0, 0, 0, 0])
            for place, count in enumerate(counts):
                bucket[place] += count
        self._buckets = wider


def _when(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _bursts(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Buckets with five times as many requests, or server errors, as the middle one of those with any."""
    found = []
    for what, least in (("requests", 100), ("server_errors", 20)):
        counts = sorted(row[what] for row in rows if row["requests"])
        usual = counts[(len(counts) - 1) // 2] if counts else 0
        found += [
            {"start": row["start"], "what": what.replace("_", " "), "count": row[what], "usual": usual}
            for row in rows
            if row[what] >= max(least, 5 * usual) and len(counts) > 2
        ]
    return sorted(found, key=lambda burst: burst["start"])


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _text(raw: bytes) -> str:
    """Printable text: what stands in a log was sent by anybody."""
    text = raw.decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


# ---- what it tells ---------------------------------------------------------------------------------------


def _suspicious(clients: dict[str, _Client]) -> list[dict[str, Any]]:
    """Who looks hostile, those who got something first."""
    found = []
    for name, client in clients.items():
        reasons = client.reasons()
        if not reasons:
            continue
        address = _address(name.encode())
        found.append({
            "client": name, "requests": client.requests, "errors": client.errors,
            "probes": client.probes + client.hunted, "got": sum(client.got.values()), "reasons": reasons,
            "first": "" if client.first is None else _when(client.first),
            "last": "" if client.last is None else _when(client.last),
            "own": "a host name, which a blocklist cannot hold" if address is None else _own(address),
        })  # fmt: skip
    return sorted(found, key=lambda one: (-one["got"], -one["probes"], -one["errors"], one["client"]))


def _got(clients: dict[str, _Client], suspicious: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What hostile clients asked for and were answered with 2xx; one size for many paths is told."""
    rows = [
        {"client": one["client"], "target": _text(target), "status": status, "bytes": size, "times": times}
        for one in suspicious
        for (target, status, size), times in clients[one["client"]].got.items()
    ]
    targets: dict[int, set[str]] = {}
    for row in rows:
        targets.setdefault(row["bytes"], set()).add(row["target"])
    for row in rows:
        row["everywhere"] = len(targets[row["bytes"]]) >= 5
    return sorted(rows, key=lambda row: (row["everywhere"], -row["bytes"], row["client"], row["target"]))


def _findings(result: dict[str, Any]) -> tuple[list[str], str]:
    """Sentences, what matters most first, and the severity that they suggest."""
    got = [row for row in result["got"] if not row["everywhere"]]
    hostile = [one for one in result["suspicious"] if not one["own"]]
    own = [one for one in result["suspicious"] if one["own"]]
    found = [
        f"{row['client']} asked for {row['target']} and got it ({row['status']}, {row['bytes']:,} bytes, "
        f"{_count(row['times'], 'time')})"
        for row in got[:5]
    ]
    if len(got) > 5:
        found.append(f"... and {_count(len(got) - 5, 'more answer')} to probes with success")
    if same := len(result["got"]) - len(got):
        found.append(f"{_count(same, 'probe')} got an answer of one size: probably one page for all paths")
    failed = result["status_classes"].get("5xx", 0)
    if failed:
        server = [row for row in result["failing_paths"] if row["status"] >= 500][:3]
        worst = ", ".join(f"{row['path']} ({row['status']}: {row['requests']:,})" for row in server)
        found.append(f"{_count(failed, 'server error')} ({result['server_error_rate']:.1%}): {worst}")
    found += [
        f"Burst at {burst['start']}: {burst['count']:,} {burst['what']}, usual are {burst['usual']:,}"
        for burst in result["bursts"][:3]
    ]
    if hostile:
        first = f"{hostile[0]['client']} first: {', '.join(hostile[0]['reasons'])}"
        found.append(f"{_count(len(hostile), 'client')} of the internet looked for weak spots, {first}")
    found += [
        f"{one['client']} is not proposed ({one['own']}): {', '.join(one['reasons'])}" for one in own[:5]
    ]
    for key, what in (
        ("bad_lines", "not understood"),
        ("timeless_lines", "without a time that could be read"),
        ("far_off_lines", "with a time far from all others"),
    ):
        if result[key]:
            found.append(f"{_count(result[key], 'line')} {what}")
    severity = "none"
    if hostile:
        severity = "low"
    if result["server_error_rate"] >= 0.02 or result["bursts"]:
        severity = "medium"
    if got or result["server_error_rate"] >= 0.1:
        severity = "high"
    return found, severity


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


def analyze(log: str, proxies: list[str] | None = None) -> dict[str, Any]:
    """Read an access log once, in bounded memory. `proxies`: own addresses whose X-Forwarded-For is believed.

    Raises ValueError for a file of which less than half is understood.
    """
    path = Path(log)
    if not path.is_file():
        raise ValueError(f"{log!r} is not a file")
    tally = _Tally(_networks(proxies or [], "proxies"))
    try:
        for line in _lines(path):
            tally.add(line)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise ValueError(f"{log!r} is damaged: {error}") from error
    if tally.total <= tally.bad or not tally.total:
        raise ValueError(_not_understood(log, tally))
    return _result(tally)


def _not_understood(log: str, tally: _Tally) -> str:
    if not tally.bad:
        return f"{log!r} is empty: there is nothing to triage"
    first = tally.first_bad
    like = next((words for pattern, words in _LOOKS_LIKE if re.match(pattern, first)), "no access log")
    return (
        f"only {tally.total:,} of {tally.total + tally.bad:,} lines of {log!r} are requests; "
        f"it looks like {like}. "
        f"Read are common, combined and JSON lines. The first other line: {_text(first[:200])}"
    )


def _result(tally: _Tally) -> dict[str, Any]:
    classes: Counter[str] = Counter()
    for status, count in tally.statuses.items():
        classes[f"{status // 100}xx"] += count
    suspicious = _suspicious(tally.clients)
    rows = tally.times.rows()
    top = heapq.nlargest(_TOP, tally.clients.items(), key=lambda item: item[1].requests)
    result = {
        "requests": tally.total,
        "bad_lines": tally.bad,
        "timeless_lines": tally.timeless,
        "far_off_lines": tally.times.aside,
        "bytes": tally.size,
        "error_rate": round(_share(classes["4xx"] + classes["5xx"], tally.total), 6),
        "client_error_rate": round(_share(classes["4xx"], tally.total), 6),
        "server_error_rate": round(_share(classes["5xx"], tally.total), 6),
        "status_classes": dict(sorted(classes.items())),
        "statuses": {str(status): count for status, count in sorted(tally.statuses.items())},
        "got": _got(tally.clients, suspicious)[:100],
        "failing_paths": [
            {"path": _text(path), "status": status, "requests": count}
            for (path, status), count in heapq.nlargest(
                _TOP, tally.failing.items(), key=lambda item: (item[0][1] >= 500, item[1])
            )
        ],
        "bursts": _bursts(rows),
        "top_clients": [
            {"client": name, "requests": client.requests, "errors": client.errors} for name, client in top
        ],
        "top_paths": [
            {"path": _text(path), "requests": count}
            for path, count in heapq.nlargest(_TOP, tally.paths.items(), key=lambda item: item[1])
        ],
        "histogram": rows,
        "bucket_seconds": tally.times.width,
        "suspicious": suspicious[:_MAX_SUSPICIOUS],
        "approximate": tally.approximate,
    }
    findings, severity = _findings(result)
    hostile = sum(not one["own"] for one in suspicious)
    summary = (
        f"{_count(tally.total, 'request')}, {result['error_rate']:.1%} errors ({classes['4xx']:,} client, "
        f"{classes['5xx']:,} server), {_count(hostile, 'hostile client')}, "
        f"{_count(tally.bad, 'line')} not understood."
    )
    span = f"{rows[0]['start']} to {rows[-1]['start']}\n" if rows else ""
    return {
        "summary": summary, "findings": findings, "severity": severity,
        "briefing": "\n".join([summary, span, *(f"- {one}" for one in findings or ["Nothing stands out."])]),
        **result,
    }  # fmt: skip


def propose_blocklist(suspicious: list[dict[str, Any]], allow: list[str] | None = None) -> dict[str, Any]:
    """A line for each hostile address; own, reserved and allowed ones are named, not proposed."""
    allowed = _networks(allow or [], "allow")
    chosen, others = [], []
    for client in suspicious:
        address = _address(client["client"].encode())
        reason = _own(address) if address else "a host name, which a blocklist cannot hold"
        if address and any(address in network for network in allowed):
            reason = "on your allowlist"
        if reason or str(address) != client["client"]:
            others.append(f"{client['client']}: {reason or 'no address'}")
        else:
            chosen.append(client)
    overview = [
        f"{c['client']:<40} {_count(c['requests'], 'request')}, {', '.join(c['reasons'])}"
        + (f", got {_count(c['got'], 'answer')}" if c.get("got") else "")
        for c in chosen
    ]
    if others:
        overview += ["", "Not proposed:", *others[:50]]
    header = "# Clients that look hostile in the access log; one address a line.\n"
    return {
        "clients": [client["client"] for client in chosen],
        "count": len(chosen),
        "not_proposed": others[:_MAX_SUSPICIOUS],
        "text": header + "".join(client["client"] + "\n" for client in chosen),
        "overview": "\n".join(overview or ["No address looks hostile."]),
    }


def arrange_report(
    log: str, analysis: dict[str, Any], blocklist: dict[str, Any], severity: str, note: str
) -> dict[str, Any]:
    """Title and sections of the incident report, what matters first."""
    rates = f"client {analysis['client_error_rate']:.2%}, server {analysis['server_error_rate']:.2%}"
    overview = [
        f"Log: {log}",
        f"Severity: {severity}",
        f"Requests: {analysis['requests']:,}",
        f"Errors: {analysis['error_rate']:.2%} ({rates})",
        f"Bytes sent: {analysis['bytes']:,}",
        f"Clients on the blocklist: {blocklist['count']}",
    ]
    if analysis["approximate"]:
        overview.append("More clients or paths than are counted at once: rare ones are lower bounds.")
    times = analysis["histogram"]
    about = next(
        (what for what in ("probes", "server_errors") if any(row[what] for row in times)), "requests"
    )
    most = max((row[about] for row in times), default=0)
    bars = [{**row, "bar": "█" * round(20 * _share(row[about], most))} for row in times]
    hostile = [{**one, "why": ", ".join(one["reasons"])} for one in analysis["suspicious"][:100]]
    statuses = [{"status": status, "requests": count} for status, count in analysis["statuses"].items()]
    each = (
        f"{_count(analysis['bucket_seconds'] // 60, 'minute')} each; the bar is of {about.replace('_', ' ')}"
    )
    sections = [
        {"heading": "What matters", "items": analysis["findings"] or ["Nothing stands out."]},
        {"heading": "Overview", "items": overview},
        *([{"heading": "Note", "text": note}] if note.strip() else []),
        _table("Probes that were answered with success", "client target status bytes times", analysis["got"]),
        _table("Errors by path", "path status requests", analysis["failing_paths"]),
        _table("Bursts", "start what count usual", analysis["bursts"]),
        _table(f"Over time ({each})", "start requests client_errors server_errors probes bar", bars),
        _table("Suspicious clients", "client first last requests errors got why", hostile),
        _table("Top clients", "client requests errors", analysis["top_clients"]),
        _table("Top paths", "path requests", analysis["top_paths"]),
        _table("Status codes", "status requests", statuses),
    ]
    if blocklist["not_proposed"]:
        sections.append({"heading": "Not proposed for the blocklist", "items": blocklist["not_proposed"]})
    return {"title": "Incident report", "sections": sections}


def _table(heading: str, keys: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    if not rows:
        return {"heading": heading, "text": "None."}
    columns = [key.replace("_", " ").capitalize() for key in keys.split()]
    cells = [[row[key] for key in keys.split()] for row in rows]
    return {"heading": heading, "table": {"columns": columns, "rows": cells}}


def outcome(summary: str, files: list[str], blocked: int) -> dict[str, Any]:
    """What the run has to show: words, and the files it wrote; the last of `files` is the blocklist."""
    return {"summary": summary, "files": files if blocked else files[:-1]}
