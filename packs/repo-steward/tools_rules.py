"""What a credential looks like in text: providers' tokens, everyday assignments, addresses, keys, entropy.

Each rule gives the span of the secret itself. Nothing here keeps or shows one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from tools_values import LOCK, is_code, is_placeholder, is_random, is_reference, is_secret_value, is_words

if TYPE_CHECKING:
    from collections.abc import Iterator


class Span(NamedTuple):
    """A secret in a line, by 0-based columns."""

    rule: str
    start: int
    end: int


_PIECE = 8_000
_OVERLAP = 500

_PROVIDERS = tuple(
    (rule, first, re.compile(pattern))
    for rule, first, pattern in (
        (
            "aws-access-key",
            ("akia", "asia", "abia", "acca"),
            r"(?<![A-Za-z0-9])((?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16})(?![A-Za-z0-9])",
        ),
        (
            "aws-secret-key",
            ("aws", "access"),
            r"(?i:aws|secret[_-]?access)(?i:.{0,30}?(?:secret|"
            r"key).{0,30}?)[=:]\s*[\"']?([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
        ),
        (
            "github-token",
            ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
            r"(?<![A-Za-z0-9_])(gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255})",
        ),
        (
            "gitlab-token",
            ("glpat-", "gldt-", "glrt-", "glcbt-", "glptt-", "glft-", "glsoat-"),
            r"(?<![A-Za-z0-9_-])(gl(?:pat|dt|rt|cbt|ptt|ft|soat)-[A-Za-z0-9_-]{20,})",
        ),
        (
            "slack-token",
            ("xox", "xapp-"),
            r"(?<![A-Za-z0-9])(xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-\d-[A-Z0-9]+-\d+-[a-z0-9]+)",
        ),
        (
            "slack-webhook",
            ("hooks.slack",),
            r"https://hooks\.slack\.com/(?:services|workflows)/([A-Za-z0-9/_+-]{20,})",
        ),
        (
            "discord-webhook",
            ("/api/webhooks/",),
            r"https://discord(?:app)?\.com/api/webhooks/(\d{15,20}/[A-Za-z0-9_-]{50,})",
        ),
        (
            "stripe-key",
            ("k_live_", "k_test_", "whsec_"),
            r"(?<![A-Za-z0-9_])((?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9]{24,})",
        ),
        ("google-api-key", ("aiza",), r"(?<![A-Za-z0-9_-])(AIza[0-9A-Za-z_-]{35})(?![0-9A-Za-z_-])"),
        (
            "google-oauth-secret",
            ("gocspx-", "ya29."),
            r"(?<![A-Za-z0-9_-])(GOCSPX-[A-Za-z0-9_-]{28}|ya29\.[A-Za-z0-9_-]{30,})",
        ),
        ("npm-token", ("npm_",), r"(?<![A-Za-z0-9_])(npm_[A-Za-z0-9]{36})(?![A-Za-z0-9])"),
        ("pypi-token", ("pypi-age",), r"(pypi-AgE[A-Za-z0-9_-]{50,})"),
        ("sendgrid-key", ("sg.",), r"(?<![A-Za-z0-9])(SG\.[A-Za-z0-9_-]{20,24}\.[A-Za-z0-9_-]{39,50})"),
        ("twilio-key", ("sk",), r"(?<![A-Za-z0-9])(SK[0-9a-f]{32})(?![A-Za-z0-9])"),
        ("mailgun-key", ("key-",), r"(?<![A-Za-z0-9-])(key-[0-9a-f]{32})(?![A-Za-z0-9])"),
        ("anthropic-key", ("sk-ant-",), r"(?<![A-Za-z0-9-])(sk-ant-[A-Za-z0-9_-]{24,})"),
        ("openai-key", ("sk-",), r"(?<![A-Za-z0-9-])(sk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9_-]{32,})"),
        ("hugging-face-token", ("hf_",), r"(?<![A-Za-z0-9_])(hf_[A-Za-z]{34})(?![A-Za-z0-9])"),
        ("digitalocean-token", ("_v1_",), r"(?<![A-Za-z0-9_])(do[opr]_v1_[0-9a-f]{64})"),
        ("shopify-token", ("shp",), r"(?<![A-Za-z0-9_])(shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32})"),
        ("telegram-token", (":aa",), r"(?<![A-Za-z0-9])(\d{8,10}:AA[A-Za-z0-9_-]{33})(?![A-Za-z0-9_-])"),
        ("databricks-token", ("dapi",), r"(?<![A-Za-z0-9])(dapi[0-9a-f]{32})(?![A-Za-z0-9])"),
        ("vault-token", ("hvs.", "hvb."), r"(?<![A-Za-z0-9])(hv[sb]\.[A-Za-z0-9_-]{24,})"),
        ("age-key", ("age-secret-key-1",), r"(AGE-SECRET-KEY-1[A-Z0-9]{58})"),
        ("azure-storage-key", ("accountkey=",), r"AccountKey=([A-Za-z0-9+/]{60,}={0,2})"),
        ("linear-key", ("lin_api_",), r"(?<![A-Za-z0-9_])(lin_api_[A-Za-z0-9]{32,})"),
        (
            "json-web-token",
            ("eyj",),
            r"(?<![A-Za-z0-9_-])(eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,})",
        ),
    )
)

_WORD = (
    r"(?:passw(?:or)?d|passphrase|passcode|(?:(?<![A-Za-z])|(?<=[a-z])(?=P))pass|pwd|secret|token|"
    r"credential|api[_.-]?key|access[_.-]?key|private[_.-]?key|"
    r"secret[_.-]?key|client[_.-]?secret|auth[_.-]?key|encryption[_.-]?key|signing[_.-]?key|"
    r"account[_.-]?key|"
    r"master[_.-]?key|shared[_.-]?key|license[_.-]?key|_auth|authtoken)"
)
_SUFFIX = (
    r"(?:[_.-]?(?:\d{1,4}|value|key|prod(?:uction)?|dev(?:elopment)?|stag(?:e|ing)|test|live|main|"
    r"base|old|new|default|"
    r"current|primary|secondary|read|write|admin|root|user|db|b64|base64|plain|text|string|"
    r"hash(?:_?salt)?|salt))?"
)
_NAME = rf"(?P<name>(?i:{_WORD}{_SUFFIX}))"
_WHOLE_NAME = rf"(?P<name>(?://[\w./:-]{{1,80}}:)?[A-Za-z0-9_.\-]{{0,80}}?(?i:{_WORD}{_SUFFIX}))"
_QUOTED = re.compile(
    rf"{_NAME}[\"'`\]]{{0,2}}\s{{0,8}}(?:[!?]?:\s{{0,4}}[A-Za-z.\[\]| ]{{1,30}}\s?=|:=|=>|[=:]|==?)"
    r"\s{0,8}(?:[rbuf]{1,2})?(?P<quote>[\"'`])(?P<value>[^\"'`\r\n]{4,400})(?P=quote)"
)
_BARE = re.compile(
    rf"^\s{{0,200}}(?:[-*]\s+)?(?:export\s+|set\s+|setenv\s+|ENV\s+|ARG\s+|\$env:|"
    rf"var\s+)?(?P<open>[\"'])?{_WHOLE_NAME}(?(open)(?P=open))"
    r"(?:\s{0,20}(?:=|:(?=\s)|:=|=>)\s{0,20}|\s{1,20}(?=\S))(?P<value>[^\s\"'`<{#;][^\s\"'`]{2,400}?)[,;]?\s*(?:\s[#;].*)?$"
)
_BARE_SEPARATED = re.compile(r"[=:]")
_IN_A_ROW = re.compile(
    rf"(?:^|[;?&\s,])[A-Za-z0-9_.-]{{0,40}}{_NAME}=(?P<value>[^\s;&\"'<>,]{{4,200}})(?=[;&\s\"',]|$)"
)
_OPTION = re.compile(
    r"(?:--?(?:[a-z-]{0,30}(?:password|passwd|token|secret|api-key|apikey)))(?:=|"
    r"\s+)[\"']?(?P<value>[^\s\"'$<]{4,200})",
    re.I,
)
_XML = re.compile(
    rf"<[\w.:-]{{0,40}}{_NAME}(?:\s[^<>]{{0,200}})?>(?P<value>[^<>\s]{{4,400}})</"
    rf"|(?:key|name)=[\"'][A-Za-z0-9_.:-]{{0,60}}(?i:{_WORD}{_SUFFIX})[\"']\s+value=[\"'](?P<value2>[^\"'<>]{{4,400}})[\"']"
)
_NETRC = re.compile(
    r"\b(?:login|account|user)\s+\S+\s+password\s+(?P<value>\S{3,200})|^\s*password\s+(?P<value2>\S{3,200})"
)
_URL = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]{1,30}://[^\s:/@\"'<>]{0,100}:(?P<value>[^\s/@\"'<>]{2,200})@[A-Za-z0-9\[.{$-]"
)
_CURL_USER = re.compile(
    r"\bcurl\b.{0,300}?\s(?:-u|--user)[ =]?[\"']?[^\s:\"']{1,80}:(?P<value>[^\s\"'$]{3,200})"
)
_SSHPASS = re.compile(r"\bsshpass\s+-p\s*[\"']?(?P<value>[^\s\"'$]{3,200})")
_MYSQL = re.compile(
    r"\b(?:mysql|mysqldump|mysqladmin|mariadb)\b.{0,200}?\s-p(?P<value>[^\s\"'$-][^\s\"'$]{3,100})"
)
_AUTHORIZATION = re.compile(
    r"(?i:authorization|x-api-key|x-auth-token|private-token)[\"']?\s?[:=,]\s?[\"']?(?:(?i:bearer|"
    r"basic|token|apikey)\s+)?"
    r"(?P<value>[A-Za-z0-9_.~+/=-]{16,1000})"
)
_PGPASS = re.compile(r"^[^:#\s]{1,200}:(?:\d{1,5}|\*):[^:\s]{1,200}:[^:\s]{1,200}:(?P<value>\S{3,200})$")
_HASH = re.compile(r"(?:^|[:\s\"'=])(?P<value>\$(?:apr1|1|2[aby]|5|6|y|argon2id?)\$[^\s:\"']{20,200})")

_COMMANDS = (
    ("password-in-command", ("curl",), _CURL_USER),
    ("password-in-command", ("sshpass",), _SSHPASS),
    ("password-in-command", ("mysql", "mariadb"), _MYSQL),
    ("password-in-command", ("--", "-password", "-token"), _OPTION),
    ("authorization-header", ("authorization", "x-api-key", "x-auth-token", "private-token"), _AUTHORIZATION),
    ("password-hash", ("$",), _HASH),
)
_HINTS = ("pass", "pwd", "secret", "token", "credential", "key", "auth")

_PRIVATE_KEY = re.compile(
    r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-\d:"
)
_KEY_BODY = re.compile(
    r"\s*(?:[A-Za-z0-9+/=]{16,}|[A-Za-z0-9+/]{1,15}={0,2}|=[A-Za-z0-9+/]{4}|(?:Proc-Type|DEK-Info|"
    r"Comment|Version|Encryption|"
    r"Hash|Charset|Public-Lines|Private-Lines|Private-MAC): .*|-----END .*)?\s*\Z"
)
_KEY_BEGINS = re.compile(r"(?:\\r|\\n|\s|[\"'+,|>-])*[A-Za-z0-9+/=]{16,}")
_LONG_TOKEN = re.compile(r"(?<![A-Za-z0-9+/_=.-])([A-Za-z0-9+/_-]{28,200}={0,2})(?![A-Za-z0-9+/_=-])")
_CHECKSUM = re.compile(
    r"(?:sha\d{1,3}|md5|blake\w+|h1|integrity|checksum\w*|digest|hash(?:es)?|fingerprint|resolved|"
    r"etag|resolution|commit|"
    r"revision|rev|cid|nonce|uuid|guid)[\"']?\s{0,3}[-:=]\s{0,3}[\"'{]?\S{0,20}$|;base64,$|"
    r"sourceMappingURL.{0,60}$|"
    r"(?:ssh-(?:rsa|ed25519|dss)|ecdsa-\S+)\s+$|[?&]v=$",
    re.I,
)

_NETRC_FILE = re.compile(r"(?:^|/)[._]netrc[^/]*$|(?:^|/)netrc$")
_PGPASS_FILE = re.compile(r"(?:^|/)\.?pgpass[^/]*$")


def secrets_in_line(path: str, line: str) -> list[Span]:
    """The credentials of one line, of whatever length; the most telling rule where several agree."""
    found: list[Span] = []
    for offset in range(0, max(len(line), 1), _PIECE - _OVERLAP):
        piece = line[offset : offset + _PIECE]
        found += [
            Span(rule, offset + start, offset + end)
            for rule, start, end in _in_piece(path, piece, offset == 0)
        ]
        if offset + _PIECE >= len(line):
            break
    return _without_overlaps(found)


def private_key(line: str, following: str) -> Span | None:
    """A private key that begins in the line; its head alone (in a check, in words) is none."""
    match = _PRIVATE_KEY.search(line)
    if not match:
        return None
    rest = line[match.end() :]
    if _KEY_BEGINS.match(rest):
        return Span("private-key", match.end(), len(line))
    begins = not rest.strip() and following.strip() and is_key_body(following)
    return Span("private-key", match.start(), match.end()) if begins or line.startswith("PuTTY") else None


def is_key_body(line: str) -> bool:
    """Whether a line can stand inside a private key."""
    return bool(_KEY_BODY.match(line))


def _in_piece(path: str, piece: str, is_start: bool) -> Iterator[Span]:
    """Cheap questions first: most lines hold nothing that a rule could begin with."""
    if len(piece) < 8:
        return
    lower = piece.lower()
    for rule, first, pattern in _PROVIDERS:
        if not any(letters in lower for letters in first):
            continue
        for match in pattern.finditer(piece):
            if not is_placeholder(match[1]) and len(set(match[1])) > 6:
                yield Span(rule, match.start(1), match.end(1))
    yield from _in_addresses(piece)
    yield from _in_commands(piece, lower)
    if any(word in lower for word in _HINTS) or _PGPASS_FILE.search(path):
        yield from _in_assignments(path, piece, is_start)
    if not LOCK.search(path):
        for match in _LONG_TOKEN.finditer(piece):
            before = piece[max(0, match.start() - 60) : match.start()]
            if is_random(match[1]) and not _CHECKSUM.search(before):
                yield Span("high-entropy", match.start(1), match.end(1))


def _in_addresses(piece: str) -> Iterator[Span]:
    if "://" not in piece:
        return
    for match in _URL.finditer(piece):
        if not is_reference(match["value"]) and not is_placeholder(match["value"]):
            yield Span("password-in-url", match.start("value"), match.end("value"))


def _in_commands(piece: str, lower: str) -> Iterator[Span]:
    for rule, first, pattern in _COMMANDS:
        if not any(letters in lower for letters in first):
            continue
        for match in pattern.finditer(piece):
            value = match["value"]
            if rule != "password-hash" and (is_reference(value) or is_placeholder(value) or is_words(value)):
                continue
            yield Span(rule, match.start("value"), match.end("value"))


def _in_assignments(path: str, piece: str, is_start: bool) -> Iterator[Span]:
    rule = "password-assignment"
    for match in _QUOTED.finditer(piece):
        if is_secret_value(match["value"], path, quoted=True):
            yield Span(rule, match.start("value"), match.end("value"))
    for match in _XML.finditer(piece):
        group = "value" if match["value"] else "value2"
        if is_secret_value(match[group], path, quoted=True):
            yield Span(rule, match.start(group), match.end(group))
    for match in _IN_A_ROW.finditer(piece):
        in_code = is_code(path) and not re.search(r"[;?&]", piece)
        if not in_code and is_secret_value(match["value"], path, quoted=False):
            yield Span(
                "password-in-connection-string" if ";" in piece or "&" in piece else rule,
                *match.span("value"),
            )
    if is_start and not is_code(path):
        match = _BARE.match(piece)
        separated = match and _BARE_SEPARATED.search(piece[match.end("name") : match.start("value")])
        if match and separated and is_secret_value(match["value"], path, quoted=False):
            yield Span(rule, match.start("value"), match.end("value"))
    if _NETRC_FILE.search(path) or "machine " in piece:
        for match in _NETRC.finditer(piece):
            group = "value" if match["value"] else "value2"
            if not is_placeholder(match[group]):
                yield Span("netrc-password", match.start(group), match.end(group))
    if _PGPASS_FILE.search(path):
        match = _PGPASS.match(piece)
        if match:
            yield Span("pgpass-password", match.start("value"), match.end("value"))


def _without_overlaps(found: list[Span]) -> list[Span]:
    """Where spans overlap the earlier rule of `_in_piece` wins: providers, assignments, entropy."""
    kept: list[Span] = []
    for span in found:
        if not any(span.start < other.end and other.start < span.end for other in kept):
            kept.append(span)
    return sorted(kept, key=lambda span: span.start)
