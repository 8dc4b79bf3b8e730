"""Reading files for credentials: every encoding and name, the providers' rules and ours, masked findings."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools_commits import plain
from tools_rules import Span, is_key_body, private_key, secrets_in_line

if TYPE_CHECKING:
    from collections.abc import Iterator

Finding = dict[str, Any]

MAX_FILE_BYTES = 10_000_000
MAX_PER_FILE = 200
_EXCERPT = 150
_BEFORE = 60
_ESCAPE = re.compile(rb"\\x([0-9a-f]{2})")
_TEST_PATH = re.compile(
    r"(?i)(?:^|/)(?:tests?|specs?|__tests__|testdata|test[-_]data|fixtures?|mocks?|samples?|"
    r"examples?|demos?|docs?|e2e|stubs?|"
    r"cassettes|snapshots)/|(?:^|/)(?:test_[^/]*|[^/]*[._-](?:test|spec|example|sample|template|"
    r"dist|mock|fixture)s?(?:\.[^/]*)?)$"
)
_TEST_VALUE = re.compile(
    r"(?i)example|sample|dummy|fake|mock|test|foo|demo|letmein|hunter2|qwerty|s3cr3t|passw0rd|12345|"
    r"abcdef|correct.?horse"
)
_LOCAL = re.compile(
    r"@(?:localhost|127\.0\.0\.1|\[::1\]|0\.0\.0\.0|[\w-]*\.?(?:example|test|invalid|local)\b|example\.)"
)


class Providers:
    """The package's rules where it is installed; without it only ours are asked."""

    def __init__(self, cache: Path) -> None:
        self.name = "own rules only: the package kingfisher-secret-scanner (extra `scan`) is not installed"
        self._scanner: Any = None
        try:
            import kingfisher_sdk  # noqa: PLC0415 - an extra, slow to load
        except ImportError:
            return
        rules = kingfisher_sdk.Rules(cache_dir=cache)
        self._scanner = kingfisher_sdk.Scanner(rules)
        self.name = f"{len(rules)} providers' rules (kingfisher {kingfisher_sdk.__version__}) and own rules"

    def findings(self, text: str) -> dict[int, list[Span]]:
        """Spans by 0-based line."""
        found: dict[int, list[Span]] = {}
        if self._scanner is None:
            return found
        raw = text.encode("utf-8", "surrogatepass")
        for one in self._scanner.scan(raw):
            if not one.visible or _is_general(one.rule_id):
                continue
            place = one.location
            if _inside_token(raw, place["start_offset"], place["end_offset"]):
                continue
            begin = raw.rfind(b"\n", 0, place["start_offset"]) + 1
            line = raw.count(b"\n", 0, begin)
            start = len(raw[begin : place["start_offset"]].decode("utf-8", "replace"))
            end = len(raw[begin : place["end_offset"]].decode("utf-8", "replace").split("\n")[0])
            found.setdefault(line, []).append(Span(_rule_name(one.rule_id), start, max(end, start + 1)))
        return found


def _is_general(rule: str) -> bool:
    """Rules without a provider: for these ours know names, notations and placeholders."""
    return bool(
        re.search(
            r"generic|credentials?-in-ur|uri|http-basic|password|pem|private-key|jwt|base64|username",
            rule,
            re.I,
        )
    )


def _inside_token(raw: bytes, start: int, end: int) -> bool:
    """Whether it is a piece of something longer, as of an encoded picture."""
    return bool(start and raw[start - 1 : start].isalnum()) or raw[end : end + 1].isalnum()


def _rule_name(rule: str) -> str:
    return re.sub(r"[^a-z0-9-]+", "-", rule.lower().split(".", 1)[-1]).strip("-")[:60]


def read_text(path: Path) -> tuple[str | None, str]:
    """The text of a file in whatever encoding, or None and why it is not looked at."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as stream:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                return None, "not a regular file"
            raw = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        return None, error.strerror or "cannot be read"
    if len(raw) > MAX_FILE_BYTES:
        return None, f"larger than {MAX_FILE_BYTES // 1_000_000} MB"
    return _decoded(raw)


def _decoded(raw: bytes) -> tuple[str | None, str]:
    for mark, encoding in (
        (b"\xff\xfe\0\0", "utf-32"),
        (b"\0\0\xfe\xff", "utf-32"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
    ):
        if raw.startswith(mark):
            return raw.decode(encoding, "replace"), ""
    head = raw[:8192]
    zeros = head.count(b"\0")
    if zeros:
        for encoding, place in (("utf-16-le", 1), ("utf-16-be", 0)):
            if (
                head[place::2].count(0) > 0.9 * len(head[place::2])
                and head[1 - place :: 2].count(0) < 0.1 * len(head) / 2
            ):
                return raw.decode(encoding, "replace"), ""
        return None, "binary"
    if b"\0" in raw:
        return None, "binary"
    try:
        return raw.decode("utf-8-sig"), ""
    except UnicodeDecodeError:
        return raw.decode("latin-1"), ""  # what is ASCII in it stays; other characters do not matter here


def scan_text(path: str, text: str, providers: Providers) -> tuple[list[Finding], int]:
    """Masked findings of one file, at most MAX_PER_FILE, and how many there were."""
    lines = re.split(r"\r\n|\n|\r", text) if "\r" in text else text.split("\n")
    known = providers.findings("\n".join(lines))
    found: list[Finding] = []
    count, inside_key = 0, False
    seen: dict[str, int] = {}
    for number, line in enumerate(lines):
        if inside_key and is_key_body(line):
            inside_key = "-----END" not in line
            continue
        inside_key = False
        spans = _joined(known.get(number, []), secrets_in_line(path, line))
        key = private_key(line, lines[number + 1] if number + 1 < len(lines) else "")
        if key:
            spans = [key, *(span for span in spans if span.end <= key.start)]
            inside_key = "-----END" not in line
        count += len(spans)
        for span in spans:
            if len(found) < MAX_PER_FILE:
                found.append(_finding(path, number + 1, line, span, spans, seen))
    return found, count


def _joined(of_providers: list[Span], ours: list[Span]) -> list[Span]:
    """Both, without what both found; a provider's name says more."""
    kept = list(of_providers)
    kept += [
        span
        for span in ours
        if not any(span.start < other.end and other.start < span.end for other in of_providers)
    ]
    kept.sort(key=lambda span: (span.start, -span.end))
    clean: list[Span] = []
    for span in kept:
        if not clean or span.start >= clean[-1].end:
            clean.append(span)
    return clean


def _finding(
    path: str, number: int, line: str, span: Span, spans: list[Span], seen: dict[str, int]
) -> Finding:
    secret = line[span.start : span.end]
    masked = masked_line(line, span, spans)
    # what a line looks like with its secrets masked names it again after other lines moved; the short tag
    # tells that the secret changed, and is too short to find it by guessing
    shape = hashlib.sha256(
        "\0".join((path, span.rule, _mask(line, spans))).encode("utf-8", "replace")
    ).hexdigest()[:24]
    tag = hashlib.sha256(f"{shape}\0{secret}".encode("utf-8", "replace")).hexdigest()[:4]
    seen[shape + tag] = seen.get(shape + tag, 0) + 1
    return {
        "path": path,
        "line": number,
        "rule": span.rule,
        "excerpt": masked,
        "known_as": f"{shape}-{tag}-{seen[shape + tag]}",
        "likely_test": _why_test(path, line, secret),
    }


def _why_test(path: str, line: str, secret: str) -> str:
    """A reason to take it for test data, or nothing. Only suggested: a person decides."""
    if _TEST_PATH.search(path):
        return "it lies among tests, examples or documentation"
    if _TEST_VALUE.search(secret):
        return "its value reads like an example"
    if _LOCAL.search(line):
        return "it belongs to a local or example host"
    return ""


def _mask(line: str, spans: list[Span]) -> str:
    parts: list[str] = []
    position = 0
    for span in spans:
        parts += [line[position : span.start], f"[{span.end - span.start} characters]"]
        position = span.end
    return "".join([*parts, line[position:]])


def masked_line(line: str, span: Span, spans: list[Span]) -> str:
    """The line around a secret, every secret in it replaced by its length."""
    before = _mask(line[: span.start], [one for one in spans if one.end <= span.start])
    behind = [
        Span(one.rule, one.start - span.end, one.end - span.end) for one in spans if one.start >= span.end
    ]
    after = _mask(line[span.end : span.end + 2000], [one for one in behind if one.end <= 2000])
    # a secret cut by the window must not show its beginning
    cut = next((one.start for one in behind if one.start < 2000 < one.end), None)
    if cut is not None:
        after = _mask(line[span.end : span.end + cut], [one for one in behind if one.end <= cut])
    start, middle = plain(before), f"[{span.end - span.start} characters]"
    lead = start if len(start) <= _BEFORE else "…" + start[-_BEFORE:]
    joint = " " if before[-1:].isspace() and lead else ""
    text = f"{lead}{joint}{middle}{plain('x' + after)[1:]}"
    return text if len(text) <= _EXCERPT else text[:_EXCERPT] + "…"


def places(root: Path, name: str) -> Iterator[tuple[str, Path]]:
    """The files behind a listed name; names that are not UTF-8 are listed with escapes, folders too."""
    path = root / name
    if not os.path.lexists(path) and "\\x" in name:
        raw = _ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), name.encode())
        path = root / os.fsdecode(raw)
    if path.is_dir() and not path.is_symlink():
        for folder, _, files in os.walk(path):
            for file in sorted(files):
                inner = Path(folder) / file
                yield os.fsencode(inner.relative_to(root)).decode("utf-8", "backslashreplace"), inner
    else:
        yield name, path


def scan(repo: str, files: list[str], cache: Path) -> dict[str, Any]:
    """Findings in some files of a directory, and what was not looked at. No finding holds a secret."""
    root = Path(repo).resolve()
    providers = Providers(cache)
    findings: list[Finding] = []
    not_read: list[dict[str, str]] = []
    capped: list[dict[str, Any]] = []
    scanned = 0
    for listed in files:
        for name, path in places(root, listed):
            # a link made since the listing could lead anywhere
            if not path.parent.resolve().is_relative_to(root):
                not_read.append({"path": name, "why": "outside the directory"})
                continue
            text, why = read_text(path)
            if text is None:
                not_read.append({"path": name, "why": why})
                continue
            found, count = scan_text(name, text, providers)
            findings += found
            scanned += 1
            if count > len(found):
                capped.append({"path": name, "shown": len(found), "count": count})
    return {
        "findings": findings,
        "scanned": scanned,
        "not_read": not_read,
        "capped": capped,
        "rules": providers.name,
    }
