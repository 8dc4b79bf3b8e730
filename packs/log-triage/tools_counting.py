"""Counting requests in bounded memory: by client, path, status and time."""

from __future__ import annotations

import heapq
import re
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from tools_clients import MAX_DISTINCT, Clients, Network
from tools_lines import Entry, moment_of, read_entry
from tools_wording import format_moment

_MAX_BUCKETS = 5_000
_HISTOGRAM_BUCKETS = 48
_DAY = 86_400
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


@lru_cache(maxsize=MAX_DISTINCT)
def _sought(target: bytes) -> tuple[bool, bool]:
    """Whether it is a probe, and whether it may be one."""
    sought = _PROBE.search(target) is not None
    return sought, not sought and _MAYBE.search(target) is not None


@lru_cache(maxsize=MAX_DISTINCT)
def _is_scanner(agent: bytes) -> bool:
    return _SCANNER.search(agent) is not None


@dataclass(slots=True)
class Client:
    """What one client asked for and was given."""

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


class Tally:
    """Counts of one pass. Clients and paths are capped: when full, the lighter half is forgotten."""

    def __init__(self, proxies: list[Network]) -> None:
        self.total = self.bad = self.size = self.timeless = 0
        self.first_bad = b""
        self.statuses: Counter[int] = Counter()
        self.clients: dict[str, Client] = {}
        self.paths: dict[bytes, int] = {}
        self.failing: dict[tuple[bytes, int], int] = {}
        self.approximate = False
        self.times = _Times()
        self._known = Clients(proxies)

    def add(self, line: bytes) -> None:
        """Count one line; what is not understood is counted apart."""
        entry = read_entry(line)
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
        moment = moment_of(entry.stamp)
        probe = self._count_client(entry, target, path, moment)
        if moment is None:
            self.timeless += 1
        else:
            self.times.add(moment, entry.status, probe)

    def _bump(self, counts: dict[Any, int], key: Any) -> dict[Any, int]:
        if key not in counts and len(counts) >= MAX_DISTINCT:
            counts = dict(heapq.nlargest(MAX_DISTINCT // 2, counts.items(), key=lambda item: item[1]))
            self.approximate = True
        counts[key] = counts.get(key, 0) + 1
        return counts

    def _count_client(self, entry: Entry, target: bytes, path: bytes, moment: int | None) -> bool:
        name = self._known.who(entry.client, entry.second, entry.forwarded)
        client = self.clients.get(name)
        if client is None:
            if len(self.clients) >= MAX_DISTINCT:
                kept = MAX_DISTINCT // 2
                heavy = heapq.nlargest(kept, self.clients.items(), key=lambda item: item[1].weight)
                self.clients, self.approximate = dict(heavy), True
            client = self.clients[name] = Client()
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
            rows.append(
                {"start": format_moment(number * self.width), **dict(zip(names, counts, strict=True))}
            )
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


def find_bursts(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
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
